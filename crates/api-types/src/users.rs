use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use crate::secret::{Secret, reveal, reveal_some};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct User {
    /// Id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved the address.
    pub email_verified: bool,
    /// Display name.
    pub name: String,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Time of the last sign-in, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_sign_in_at: Option<Timestamp>,
    /// Time when the operator disabled the user, if disabled.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
}

/// A user with a version for updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct VersionedUser {
    /// Id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved the address.
    pub email_verified: bool,
    /// Display name.
    pub name: String,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Time of the last sign-in, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_sign_in_at: Option<Timestamp>,
    /// Time when the operator disabled the user, if disabled.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

impl VersionedUser {
    /// Combines a user with a version.
    #[must_use]
    pub fn new(user: User, version: u64) -> Self {
        let User { id, email, email_verified, name, created_at, last_sign_in_at, disabled_at } = user;
        Self { id, email, email_verified, name, created_at, last_sign_in_at, disabled_at, version }
    }
}

/// Query parameters of the list of users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct UserFilter {
    /// Only the user with this e-mail address.
    #[cfg_attr(feature = "utoipa", param(max_length = 254))]
    pub email: Option<String>,
    /// Cursor: the `next` of the previous page.
    #[cfg_attr(feature = "utoipa", param(max_length = 300))]
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500. Defaults to 50.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 500))]
    pub limit: Option<u16>,
}

/// A session of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Session {
    /// Id. It opens nothing.
    pub id: String,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Time of the last use, to within a minute.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub last_seen_at: Timestamp,
    /// Client address at the start.
    pub address: Option<String>,
    /// Network of the last use, if known: a /24 of IPv4 or a /48 of IPv6.
    #[serde(default)]
    pub last_seen_from: Option<String>,
    /// Client software at the start.
    pub user_agent: Option<String>,
    /// Name of the client software, such as `Firefox on Windows`, or `unknown device`.
    #[serde(default)]
    pub device: String,
    /// Whether a sign-in link began it.
    #[serde(default)]
    pub by_link: bool,
    /// Name of the key, user or program that created the link.
    #[serde(default)]
    pub link_from: Option<String>,
    /// Whether the request belongs to this session.
    pub current: bool,
}

/// A user to sign up.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// E-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// Display name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// New password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 15, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// The acceptance of an invitation by a new user.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// Secret of the link.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub invitation: Secret,
    /// Display name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// New password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 15, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// A request for a reset link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgotPassword {
    /// E-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
}

/// A new password, with a reset link.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// Secret of the link.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub reset: Secret,
    /// New password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 15, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// A reset link, with which a user chooses a new password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// The user.
    pub user: User,
    /// Secret of the link. Only this answer contains it: send it to the user. Absent if the server mails it.
    #[serde(default, serialize_with = "reveal_some", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(nullable = false))]
    pub reset: Option<Secret>,
    /// Expiry time. Absent if the server mails the link: it ends an hour after it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime, nullable = false))]
    pub ends_at: Option<Timestamp>,
}

/// Changes to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// New name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

/// A change of the own password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// Current password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub current: Secret,
    /// New password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 15, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub new: Secret,
}

/// The answer to an accepted request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Accepted {
    /// What to do next.
    pub detail: String,
}
