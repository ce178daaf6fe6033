#[cfg(feature = "webhooks")]
use keyward_api_types::EventKind;
use keyward_core::id::UserId;
use keyward_core::key::KeyKind;
use keyward_core::lifecycle::{KeyRights, KeyUsers, MissingRight};
use keyward_core::scope::Grant;
use keyward_core::store::KeyRecord;
use keyward_core::{AccountId, CredentialId, Mode, NewKey, Scope, ScopeSet, Timestamp};

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
    /// The rights that keys may get. Users have no mode.
    keys: KeyRights,
    /// The key whose limits hold: the actor's own, or the first of its rotations. `None` without limits of a key.
    limits: Option<CredentialId>,
}

fn is_managing(grant: &Grant) -> bool {
    let resource = grant.as_str().split(':').next().unwrap_or_default();
    *grant == Grant::ALL || scopes::ALL.iter().any(|(scope, _)| scope.as_str().split(':').next() == Some(resource))
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
            Role::Admin => "accounts:* members:* keys:* usage:read plans:* webhooks:* audit:read",
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
            keys: KeyRights {
                kind,
                mode: None,
                scopes: grant,
                networks: Vec::new(),
                endpoints: Vec::new(),
                expires_at: None,
                users: KeyUsers::All,
            },
            limits: None,
        }
    }

    pub(crate) fn of_record(key: &KeyRecord, purpose: Purpose) -> Self {
        Self::of_key(purpose, &key.account, KeyRights::of_record(key))
    }

    pub(crate) fn of_new(key: &NewKey, purpose: Purpose) -> Self {
        Self::of_key(purpose, &key.account, KeyRights::of_new(key))
    }

    fn of_key(purpose: Purpose, account: &AccountId, keys: KeyRights) -> Self {
        Self {
            reach: Reach::Account(account.clone()),
            purpose,
            manage: match purpose {
                Purpose::Management => keys.scopes.clone(),
                Purpose::Api => ScopeSet::default(),
            },
            keys,
            limits: None,
        }
    }

    /// The limits of this key hold.
    pub(crate) fn limited_by(mut self, key: Option<CredentialId>) -> Self {
        self.limits = key;
        self
    }

    pub(crate) fn have_limits(&self) -> bool {
        self.limits.is_some()
    }

    /// Plans have limits, so who changes a plan, or the plan of an account, changes limits.
    pub(crate) fn check_writes_plans(&self) -> Result<(), ManagementError> {
        self.require(&scopes::PLANS_WRITE)?;
        self.check_changes_limits()
    }

    /// A key with limits that changes limits could free itself.
    pub(crate) fn check_changes_limits(&self) -> Result<(), ManagementError> {
        if self.have_limits() { Err(ManagementError::KeyHasLimits) } else { Ok(()) }
    }

    pub(crate) fn within(mut self, account: &AccountId, operator: &AccountId) -> Self {
        self.reach = if account == operator { Reach::Everywhere } else { Reach::Account(account.clone()) };
        self
    }

    /// Users act for themselves. Actors who manage members may also create and change the keys of other users.
    pub(crate) fn for_users(mut self, user: Option<&UserId>) -> Self {
        if self.allows(&scopes::MEMBERS_WRITE) {
            self.keys.users = KeyUsers::All;
        } else if let Some(user) = user {
            self.keys.users = KeyUsers::One(user.clone());
        }
        self
    }

    pub(crate) fn acts_only_for(&self, user: &UserId) -> bool {
        self.keys.users == KeyUsers::One(user.clone())
    }

    pub(crate) fn of_provider_key(key: &KeyRecord) -> Self {
        let mut rights = Self::of_record(key, Purpose::Api);
        (rights.manage, rights.keys.scopes) = (ScopeSet::default(), ScopeSet::default());
        rights
    }

    pub(crate) fn or(self, other: Self) -> Self {
        if self.covers(&other).is_ok() { self } else { other }
    }

    /// Returns `true` if the rights include this scope. A key of the test mode writes only keys, and signs no user in.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        !self.is_confined(scope) && self.manage.allows(scope)
    }

    /// A key of the test mode writes nothing but test keys: all other things exist once, for both modes.
    fn is_confined(&self, scope: &Scope) -> bool {
        let changes = scope.as_str().ends_with(":write") || *scope == scopes::USERS_SIGN_IN;
        !self.reaches(Mode::Live) && changes && *scope != scopes::KEYS_WRITE
    }

    /// Returns the management API's scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.manage
    }

    /// Returns `true` if the actor sees and changes keys of this mode.
    #[must_use]
    pub fn reaches(&self, mode: Mode) -> bool {
        self.keys.reaches(mode)
    }

    /// Returns `true` if a key with these rights may make owners, or change how users sign in.
    pub(crate) fn change_who_signs_in(&self) -> bool {
        self.allows(&scopes::MEMBERS_WRITE) || self.allows(&scopes::USERS_SIGN_IN)
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.keys.expires_at
    }

    pub(crate) fn require(&self, scope: &Scope) -> Result<(), ManagementError> {
        if self.allows(scope) {
            Ok(())
        } else if self.manage.allows(scope) {
            Err(ManagementError::TestMode(scope.clone()))
        } else {
            Err(ManagementError::Forbidden(scope.clone()))
        }
    }

    /// Reading or receiving events of these kinds needs the scopes that show the same. No kinds mean all.
    #[cfg(feature = "webhooks")]
    pub(crate) fn require_events(&self, kinds: &[EventKind]) -> Result<(), ManagementError> {
        // Events tell of both modes.
        if !self.reaches(Mode::Live) {
            return Err(ManagementError::TestMode(scopes::WEBHOOKS_READ));
        }
        let kinds = if kinds.is_empty() { EventKind::ALL } else { kinds };
        kinds.iter().try_for_each(|kind| self.require(&scope_of(*kind)))
    }

    /// Compares a grant with these rights in every dimension.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`] with the first that exceeds them; [`ManagementError::KeyHasLimits`].
    pub fn covers(&self, wanted: &Self) -> Result<(), ManagementError> {
        // Exhaustive: a dimension that is not compared does not compile.
        let Self { reach, purpose, manage, keys, limits } = wanted;
        let Self { reach: own_reach, purpose: own_purpose, manage: own_manage, keys: own_keys, limits: own_limits } =
            self;
        let refuse = |what: String| Err(ManagementError::Escalation(what));
        // Only itself and its successors spend what the actor spends.
        if own_limits.is_some() && own_limits != limits {
            return Err(ManagementError::KeyHasLimits);
        }
        if *own_reach != Reach::Everywhere && own_reach != reach {
            return refuse("another account".to_owned());
        }
        if *own_purpose == Purpose::Api && *purpose == Purpose::Management {
            return refuse("the purpose management".to_owned());
        }
        let is_held = |grant: &Grant| own_manage.iter().any(|held| held.includes(grant));
        if let Some(scope) = manage.iter().find(|grant| is_managing(grant) && !is_held(grant)) {
            return refuse(format!("the scope {}", scope.as_str()));
        }
        own_keys.covers(keys).map_err(escalation)
    }

    /// Returns `true` if the actor may give this role.
    #[must_use]
    pub fn may_give(&self, role: Role) -> bool {
        self.check_role(role).is_ok()
    }

    pub(crate) fn check_role(&self, role: Role) -> Result<(), ManagementError> {
        let mut wanted = Self { reach: self.reach.clone(), ..Self::of(role) };
        // The scope `members:write` decides about the keys of other users, and is compared.
        wanted.keys.users = KeyUsers::None;
        self.covers(&wanted).map_err(|error| match error {
            ManagementError::Escalation(what) => ManagementError::Escalation(format!("the role {role} ({what})")),
            other => other,
        })
    }

    /// Signing in as a user of this role needs `users:sign_in`. In a customer's account, that scope includes the rights of a
    /// developer, so that the key of a host application needs no other. All other dimensions are compared, and so are
    /// the roles above, and all roles in the operator's account.
    pub(crate) fn check_signs_in(&self, role: Role) -> Result<(), ManagementError> {
        self.require(&scopes::USERS_SIGN_IN)?;
        let is_included = role <= Role::Developer && self.reach != Reach::Everywhere;
        if !is_included {
            return self.check_role(role);
        }
        let Self { manage, keys, .. } = Self::of(Role::Developer);
        let keys = KeyRights { kind: keys.kind, scopes: keys.scopes, ..self.keys.clone() };
        Self { manage, keys, ..self.clone() }.check_role(role)
    }

    /// Only the role counts: taking away grants nothing.
    pub(crate) fn check_outranks(&self, role: Role) -> Result<(), ManagementError> {
        let Self { reach, purpose, manage, keys, limits: _ } = self.clone();
        let rank = Self { reach, purpose, ..Self::of_role(manage, keys.scopes, keys.kind) };
        rank.check_role(role)
    }

    pub(crate) fn check_key(&self, wanted: &Self) -> Result<(), ManagementError> {
        self.keys.check_mode(&wanted.keys).map_err(escalation)?;
        self.covers(wanted)
    }
}

#[cfg(feature = "webhooks")]
fn scope_of(kind: EventKind) -> Scope {
    match kind.as_str().split('.').next().unwrap_or_default() {
        "key" | "limit" => scopes::KEYS_READ,
        "account" => scopes::ACCOUNTS_READ,
        "member" | "invitation" | "user" => scopes::MEMBERS_READ,
        "plan" => scopes::PLANS_READ,
        "webhook" => scopes::WEBHOOKS_READ,
        _ => scopes::AUDIT_READ,
    }
}

fn escalation(missing: MissingRight) -> ManagementError {
    ManagementError::Escalation(missing.to_string())
}

#[cfg(test)]
#[path = "authority/tests.rs"]
mod tests;
