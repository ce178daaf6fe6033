use std::fmt;
use std::str::FromStr;

use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::strict::word;
use crate::users::User;

/// The role of a user in an account.
///
/// # Examples
/// ```
/// use keyward_api_types::Role;
///
/// assert_eq!("developer".parse(), Ok(Role::Developer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "The role of a user in an account."))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees keys, members and usage.
    Viewer,
    /// Also manages keys.
    Developer,
    /// Also manages members and the account, and sees the audit log.
    Admin,
    /// Does everything, including making other users owners.
    Owner,
}

impl Role {
    /// Every role, in ascending order.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Admin, Self::Owner];

    /// Returns the name of the role.
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

/// The text is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role: expected owner, admin, developer or viewer")]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

/// A member of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Member {
    /// The user.
    pub user: User,
    /// The role in the account.
    pub role: Role,
    /// Time of joining.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Version, for updates.
    pub version: u64,
}

/// A new role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// New role.
    #[serde(deserialize_with = "word")]
    pub role: Role,
}
