//! Roles, the scopes of the management API, and what a key is for.

use std::fmt;
use std::str::FromStr;

use keyward_core::ScopeSet;
use keyward_core::key::KeyKind;
use serde::{Deserialize, Serialize};

use crate::authority::Rights;

/// What the API can be asked to do, as scopes.
pub mod scopes {
    use keyward_core::Scope;

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
/// use keyward::manage::Role;
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

    /// The rights that the role gives.
    #[must_use]
    pub fn rights(self) -> Rights {
        let manage = match self {
            Self::Viewer => "accounts:read members:read keys:read usage:read plans:read",
            Self::Developer => "accounts:read members:read keys:* usage:read plans:read",
            Self::Admin => "accounts:* members:* keys:* usage:read plans:* audit:read",
            Self::Owner => "*",
        };
        // A role that manages keys may grant every scope of the provider's own API.
        let (grant, kind) = match self {
            Self::Viewer => (ScopeSet::default(), KeyKind::Restricted),
            _ => (ScopeSet::all(), KeyKind::Secret),
        };
        Rights::of_role(manage.parse().unwrap_or_default(), grant, kind)
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
