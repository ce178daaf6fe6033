//! Members: which users belong to an account, and with which role.

use std::fmt;
use std::str::FromStr;

use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::strict::word;
use crate::users::User;

/// What a user is in an account.
///
/// # Examples
/// ```
/// use keyward_api_types::Role;
///
/// assert_eq!("developer".parse(), Ok(Role::Developer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "What a user is in an account."))]
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

/// A member as those see them who may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = MemberView))]
pub struct Member {
    /// Who it is.
    pub user: User,
    /// What they are in the account.
    pub role: Role,
    /// Since when.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// For updates.
    pub version: u64,
}

/// Another role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// The new role.
    #[serde(deserialize_with = "word")]
    pub role: Role,
}
