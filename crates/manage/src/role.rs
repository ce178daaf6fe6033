//! Roles, and what their holders and the holders of keys may do and may grant.

use std::fmt;
use std::str::FromStr;

use keyward::{Grant, Identity, KeyKind, Mode, Scope, ScopeSet};
use serde::{Deserialize, Serialize};

use crate::error::DeskError;

/// What the API can be asked to do, as scopes.
pub mod scopes {
    use keyward::Scope;

    /// See accounts.
    pub const ACCOUNTS_READ: Scope = Scope::from_static("accounts:read");
    /// Change accounts.
    pub const ACCOUNTS_WRITE: Scope = Scope::from_static("accounts:write");
    /// See who belongs to an account.
    pub const MEMBERS_READ: Scope = Scope::from_static("members:read");
    /// Change who belongs to an account.
    pub const MEMBERS_WRITE: Scope = Scope::from_static("members:write");
    /// Ask whether keys are good: `POST /v1/verify` of `keyward-gateway`, which `keyward serve` mounts.
    pub const KEYS_VERIFY: Scope = Scope::from_static("keys:verify");
    /// See keys, never the keys themselves.
    pub const KEYS_READ: Scope = Scope::from_static("keys:read");
    /// Issue, change, rotate and revoke keys.
    pub const KEYS_WRITE: Scope = Scope::from_static("keys:write");
    /// See how keys are used.
    pub const USAGE_READ: Scope = Scope::from_static("usage:read");
    /// See plans.
    pub const PLANS_READ: Scope = Scope::from_static("plans:read");
    /// Change plans, and which account has which: in the operator's account alone.
    pub const PLANS_WRITE: Scope = Scope::from_static("plans:write");
    /// See the audit log.
    pub const AUDIT_READ: Scope = Scope::from_static("audit:read");

    /// All of them, with what each means.
    pub const ALL: [(Scope, &str); 11] = [
        (ACCOUNTS_READ, "See accounts"),
        (ACCOUNTS_WRITE, "Change accounts"),
        (MEMBERS_READ, "See who belongs to an account"),
        (MEMBERS_WRITE, "Change who belongs to an account"),
        (KEYS_READ, "See keys, never the keys themselves"),
        (KEYS_VERIFY, "Ask whether keys are good, and whose they are"),
        (KEYS_WRITE, "Issue, change, rotate and revoke keys"),
        (USAGE_READ, "See how keys are used"),
        (PLANS_READ, "See plans"),
        (PLANS_WRITE, "Change plans, and which account has which"),
        (AUDIT_READ, "See the audit log"),
    ];
}

/// What a user is in an account.
///
/// # Examples
/// ```
/// use keyward_manage::Role;
///
/// assert_eq!("developer".parse(), Ok(Role::Developer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees keys, members and usage.
    Viewer,
    /// Manages keys besides.
    Developer,
    /// Manages members and the account besides, and sees the audit log.
    Admin,
    /// May do everything, and make other owners.
    Owner,
}

impl Role {
    /// Every role, from the least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Admin, Self::Owner];

    /// The role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// What it may do.
    #[must_use]
    pub fn rights(self) -> Rights {
        let manage = match self {
            Self::Viewer => "accounts:read members:read keys:read usage:read plans:read",
            Self::Developer => "accounts:read members:read keys:* usage:read plans:read",
            Self::Admin => "accounts:* members:* keys:* usage:read plans:* audit:read",
            Self::Owner => "*",
        };
        // Who manages keys gives them whatever the provider's own scopes are.
        let grant = if self == Self::Viewer { ScopeSet::default() } else { ScopeSet::all() };
        Rights { manage: manage.parse().unwrap_or_default(), grant, mode: None, full_kind: self != Self::Viewer }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is owner, admin, developer or viewer")]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Calls of the provider's own API.
    #[default]
    Api,
    /// Calls of the management API: its prefix is another, and the provider's API does not take it.
    Management,
}

/// What somebody may do in an account, and what they may grant there.
///
/// # Examples
/// ```
/// use keyward_manage::{Role, scopes};
///
/// assert!(Role::Developer.rights().allows(&scopes::KEYS_WRITE));
/// assert!(!Role::Developer.rights().allows(&scopes::MEMBERS_WRITE));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rights {
    /// Of the management API's scopes.
    manage: ScopeSet,
    /// Of the provider's own scopes, to be granted.
    grant: ScopeSet,
    /// The one mode that keys may have; any without it.
    mode: Option<Mode>,
    /// Whether secret keys may be made.
    full_kind: bool,
}

/// Whether a grant is of the management API, in a management key.
fn is_managing(grant: &Grant) -> bool {
    let resource = grant.as_str().split(':').next().unwrap_or_default();
    scopes::ALL.iter().any(|(scope, _)| scope.as_str().split(':').next() == Some(resource))
}

impl Rights {
    /// The right to everything.
    #[must_use]
    pub fn all() -> Self {
        Role::Owner.rights()
    }

    pub(crate) fn of_key(identity: &Identity) -> Self {
        Self {
            manage: identity.scopes().clone(),
            grant: identity.scopes().clone(),
            mode: Some(identity.mode()),
            full_kind: identity.kind().key_kind() == Some(KeyKind::Secret),
        }
    }

    /// Whether they may do what needs this scope.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        self.manage.allows(scope)
    }

    /// What they may do, of the management API's scopes.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.manage
    }

    /// Whether keys of this mode are within reach.
    #[must_use]
    pub fn reaches(&self, mode: Mode) -> bool {
        self.mode.is_none_or(|own| own == mode)
    }

    pub(crate) fn require(&self, scope: &Scope) -> Result<(), DeskError> {
        if self.allows(scope) { Ok(()) } else { Err(DeskError::Forbidden(scope.clone())) }
    }

    /// Whether they may give this role, or take it: whose rights are not within their own is above them.
    #[must_use]
    pub fn may_give(&self, role: Role) -> bool {
        let wanted = role.rights();
        self.manage.includes(&wanted.manage)
            && self.grant.includes(&wanted.grant)
            && (self.full_kind || !wanted.full_kind)
    }

    pub(crate) fn check_role(&self, role: Role) -> Result<(), DeskError> {
        if self.may_give(role) { Ok(()) } else { Err(DeskError::Escalation(format!("the role {role}"))) }
    }

    /// Refuses a key that could do what they cannot.
    pub(crate) fn check_key(
        &self,
        purpose: Purpose,
        kind: KeyKind,
        mode: Mode,
        scopes: &ScopeSet,
    ) -> Result<(), DeskError> {
        if !self.reaches(mode) {
            return Err(DeskError::Escalation(format!("the mode {mode}")));
        }
        if kind == KeyKind::Secret && !self.full_kind {
            return Err(DeskError::Escalation(format!("the kind {kind}")));
        }
        for grant in scopes.iter() {
            let held = match purpose {
                Purpose::Management if *grant == Grant::ALL || is_managing(grant) => &self.manage,
                _ => &self.grant,
            };
            if !held.iter().any(|held| held.includes(grant)) {
                return Err(DeskError::Escalation(format!("the scope {}", grant.as_str())));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_a_role_above_their_own() {
        for (own, given, may) in [
            (Role::Owner, Role::Owner, true),
            (Role::Admin, Role::Owner, false),
            (Role::Admin, Role::Admin, true),
            (Role::Admin, Role::Developer, true),
            (Role::Developer, Role::Admin, false),
            (Role::Viewer, Role::Developer, false),
        ] {
            assert_eq!(own.rights().may_give(given), may, "{own} gives {given}");
        }
    }

    #[test]
    fn a_key_grants_what_it_holds() {
        let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap())
            .with_kind(KeyKind::Restricted)
            .with_scopes("keys:write resources:*".parse().unwrap());
        let rights = Rights::of_key(&identity);
        for (purpose, kind, mode, scopes, may) in [
            (Purpose::Api, KeyKind::Restricted, Mode::Live, "resources:read", true),
            (Purpose::Api, KeyKind::Restricted, Mode::Live, "*", false),
            (Purpose::Api, KeyKind::Restricted, Mode::Live, "jobs:read", false),
            (Purpose::Api, KeyKind::Restricted, Mode::Test, "resources:read", false),
            (Purpose::Api, KeyKind::Secret, Mode::Live, "resources:read", false),
            (Purpose::Api, KeyKind::Publishable, Mode::Live, "resources:read", true),
            (Purpose::Management, KeyKind::Restricted, Mode::Live, "keys:write", true),
            (Purpose::Management, KeyKind::Restricted, Mode::Live, "keys:*", false),
            (Purpose::Management, KeyKind::Restricted, Mode::Live, "members:write", false),
            (Purpose::Management, KeyKind::Restricted, Mode::Live, "*", false),
        ] {
            let verdict = rights.check_key(purpose, kind, mode, &scopes.parse().unwrap());
            assert_eq!(verdict.is_ok(), may, "{purpose:?} {kind} {mode} {scopes}");
        }
        let developer = Role::Developer.rights();
        let all = ScopeSet::all();
        assert!(developer.check_key(Purpose::Api, KeyKind::Secret, Mode::Live, &all).is_ok());
        assert!(developer.check_key(Purpose::Management, KeyKind::Secret, Mode::Live, &all).is_err());
    }
}
