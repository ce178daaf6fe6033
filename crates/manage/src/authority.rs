use keyward_core::key::KeyKind;
use keyward_core::network::ipnet::IpNet;
use keyward_core::scope::Grant;
use keyward_core::store::KeyRecord;
use keyward_core::{AccountId, Endpoint, Mode, NewKey, Scope, ScopeSet, Timestamp};

use crate::error::ManagementError;
use crate::role::{Purpose, Role, scopes};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Everywhere,
    Account(AccountId),
}

/// Rights of an actor in an account.
///
/// # Examples
/// ```
/// use keyward::manage::{Rights, Role, scopes};
///
/// assert!(Rights::of(Role::Developer).allows(&scopes::KEYS_WRITE));
/// assert!(!Rights::of(Role::Developer).allows(&scopes::MEMBERS_WRITE));
/// assert!(Rights::of(Role::Admin).covers(&Rights::of(Role::Developer)).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rights {
    reach: Reach,
    purpose: Purpose,
    manage: ScopeSet,
    grant: ScopeSet,
    kind: KeyKind,
    /// `None` for users.
    mode: Option<Mode>,
    /// Empty means all.
    networks: Vec<IpNet>,
    /// Empty means all.
    endpoints: Vec<Endpoint>,
    expires_at: Option<Timestamp>,
}

fn is_managing(grant: &Grant) -> bool {
    let resource = grant.as_str().split(':').next().unwrap_or_default();
    *grant == Grant::ALL || scopes::ALL.iter().any(|(scope, _)| scope.as_str().split(':').next() == Some(resource))
}

fn rank(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Publishable => 0,
        KeyKind::Restricted => 1,
        KeyKind::Secret => 2,
    }
}

impl Rights {
    /// Returns all rights.
    #[must_use]
    pub fn all() -> Self {
        Self::of(Role::Owner)
    }

    /// Returns a role's rights in every account.
    #[must_use]
    pub fn of(role: Role) -> Self {
        let manage = match role {
            Role::Viewer => "accounts:read members:read keys:read usage:read plans:read",
            Role::Developer => "accounts:read members:read keys:* usage:read plans:read",
            Role::Admin => "accounts:* members:* keys:* usage:read plans:* audit:read",
            Role::Owner => "*",
        };
        // A role that manages keys may grant every scope of the provider's API.
        let (grant, kind) = match role {
            Role::Viewer => (ScopeSet::default(), KeyKind::Restricted),
            Role::Developer | Role::Admin | Role::Owner => (ScopeSet::all(), KeyKind::Secret),
        };
        Self::of_role(manage.parse().unwrap_or_default(), grant, kind)
    }

    fn of_role(manage: ScopeSet, grant: ScopeSet, kind: KeyKind) -> Self {
        Self {
            reach: Reach::Everywhere,
            purpose: Purpose::Management,
            manage,
            grant,
            kind,
            mode: None,
            networks: Vec::new(),
            endpoints: Vec::new(),
            expires_at: None,
        }
    }

    pub(crate) fn of_record(key: &KeyRecord, purpose: Purpose) -> Self {
        // Exhaustive: a new field must be compared, or listed as one that gives no rights.
        let KeyRecord {
            account,
            kind,
            mode,
            scopes,
            endpoints,
            networks,
            expires_at,
            id: _,
            name: _,
            digest: _,
            hashed_with: _,
            hint: _,
            metadata: _,
            created_at: _,
            // These only take rights away.
            not_before: _,
            disabled_at: _,
            revoked_at: _,
            compromised_at: _,
            last_used_at: _,
            last_used_from: _,
            rotated_from: _,
            rotated_to: _,
            version: _,
        } = key;
        Self::of_parts(purpose, account, *kind, *mode, scopes, endpoints, networks, *expires_at)
    }

    pub(crate) fn of_new(key: &NewKey, purpose: Purpose) -> Self {
        let NewKey {
            account,
            kind,
            mode,
            scopes,
            endpoints,
            networks,
            expires_at,
            name: _,
            not_before: _,
            metadata: _,
        } = key;
        Self::of_parts(purpose, account, *kind, *mode, scopes, endpoints, networks, *expires_at)
    }

    #[allow(clippy::too_many_arguments, reason = "one argument for each dimension, so that none can be left out")]
    fn of_parts(
        purpose: Purpose,
        account: &AccountId,
        kind: KeyKind,
        mode: Mode,
        scopes: &ScopeSet,
        endpoints: &[Endpoint],
        networks: &[IpNet],
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self {
            reach: Reach::Account(account.clone()),
            purpose,
            manage: match purpose {
                Purpose::Management => scopes.clone(),
                Purpose::Api => ScopeSet::default(),
            },
            grant: scopes.clone(),
            kind,
            mode: Some(mode),
            networks: networks.to_vec(),
            endpoints: endpoints.to_vec(),
            expires_at,
        }
    }

    pub(crate) fn within(mut self, account: &AccountId, operator: &AccountId) -> Self {
        self.reach = if account == operator { Reach::Everywhere } else { Reach::Account(account.clone()) };
        self
    }

    pub(crate) fn of_provider_key(key: &KeyRecord) -> Self {
        let mut rights = Self::of_record(key, Purpose::Api);
        (rights.manage, rights.grant) = (ScopeSet::default(), ScopeSet::default());
        rights
    }

    pub(crate) fn or(self, other: Self) -> Self {
        if self.covers(&other).is_ok() { self } else { other }
    }

    /// Returns `true` if the rights include this scope.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        self.manage.allows(scope)
    }

    /// Returns the management API's scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.manage
    }

    /// Returns `true` if the actor sees and changes keys of this mode.
    #[must_use]
    pub fn reaches(&self, mode: Mode) -> bool {
        self.mode.is_none_or(|own| own == mode)
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    pub(crate) fn require(&self, scope: &Scope) -> Result<(), ManagementError> {
        if self.allows(scope) { Ok(()) } else { Err(ManagementError::Forbidden(scope.clone())) }
    }

    /// Compares a grant with these rights in every dimension.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`] with the first that exceeds them.
    pub fn covers(&self, wanted: &Self) -> Result<(), ManagementError> {
        // Exhaustive: a dimension that is not compared does not compile.
        let Self { reach, purpose, manage, grant, kind, mode, networks, endpoints, expires_at } = wanted;
        let Self {
            reach: own_reach,
            purpose: own_purpose,
            manage: own_manage,
            grant: own_grant,
            kind: own_kind,
            mode: own_mode,
            networks: own_networks,
            endpoints: own_endpoints,
            expires_at: own_end,
        } = self;
        let refuse = |what: String| Err(ManagementError::Escalation(what));
        if *own_reach != Reach::Everywhere && own_reach != reach {
            return refuse("another account".to_owned());
        }
        if *own_purpose == Purpose::Api && *purpose == Purpose::Management {
            return refuse("the purpose management".to_owned());
        }
        // Live authority includes test authority, but not the reverse.
        if *own_mode == Some(Mode::Test) && *mode != Some(Mode::Test) {
            return refuse(format!("the mode {}", Mode::Live));
        }
        if rank(*kind) > rank(*own_kind) {
            return refuse(format!("the kind {kind}"));
        }
        let held = |held: &ScopeSet, grant: &Grant| held.iter().any(|held| held.includes(grant));
        let beyond = manage.iter().find(|grant| is_managing(grant) && !held(own_manage, grant));
        if let Some(scope) = beyond.or_else(|| grant.iter().find(|grant| !held(own_grant, grant))) {
            return refuse(format!("the scope {}", scope.as_str()));
        }
        let is_within = |network: &IpNet| own_networks.iter().any(|own| own.contains(network));
        if !own_networks.is_empty() && (networks.is_empty() || !networks.iter().all(is_within)) {
            return refuse(format!("networks other than {}", list(own_networks)));
        }
        let is_included = |endpoint: &Endpoint| own_endpoints.iter().any(|own| own.includes(endpoint));
        if !own_endpoints.is_empty() && (endpoints.is_empty() || !endpoints.iter().all(is_included)) {
            return refuse(format!("endpoints other than {}", list(own_endpoints)));
        }
        match (own_end, expires_at) {
            (Some(own), None) => refuse(format!("no expiry, or one after {own}")),
            (Some(own), Some(end)) if end > own => refuse(format!("an expiry after {own}")),
            _ => Ok(()),
        }
    }

    /// Returns `true` if the actor may give this role.
    #[must_use]
    pub fn may_give(&self, role: Role) -> bool {
        self.check_role(role).is_ok()
    }

    pub(crate) fn check_role(&self, role: Role) -> Result<(), ManagementError> {
        let wanted = Self { reach: self.reach.clone(), ..Self::of(role) };
        self.covers(&wanted).map_err(|error| match error {
            ManagementError::Escalation(what) => ManagementError::Escalation(format!("the role {role} ({what})")),
            other => other,
        })
    }

    /// Only the role counts: taking away grants nothing.
    pub(crate) fn check_outranks(&self, role: Role) -> Result<(), ManagementError> {
        let Self { reach, purpose, manage, grant, kind, mode: _, networks: _, endpoints: _, expires_at: _ } =
            self.clone();
        let rank = Self { reach, purpose, ..Self::of_role(manage, grant, kind) };
        rank.check_role(role)
    }

    pub(crate) fn check_key(&self, wanted: &Self) -> Result<(), ManagementError> {
        match wanted.mode {
            Some(mode) if !self.reaches(mode) => Err(ManagementError::Escalation(format!("the mode {mode}"))),
            _ => self.covers(wanted),
        }
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "authority/tests.rs"]
mod tests;
