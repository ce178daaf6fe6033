//! Users: the people who sign in.

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use crate::secret::{Secret, reveal};

/// A user: a person who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct User {
    /// Their id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: UserId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: String,
    /// When they were added.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they cannot sign in, if the operator has disabled them.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
}

/// A user, and their version for updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = UserView))]
pub struct VersionedUser {
    /// Their id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: UserId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// Whether mail or an identity provider has proved that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: String,
    /// When they were added.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When they last signed in, if they have.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they cannot sign in, if the operator has disabled them.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
    /// Goes up by one with each change; for updates.
    pub version: u64,
}

impl VersionedUser {
    /// A user at a version.
    #[must_use]
    pub fn new(user: User, version: u64) -> Self {
        let User { id, email, email_verified, name, created_at, last_sign_in_at, disabled_at } = user;
        Self { id, email, email_verified, name, created_at, last_sign_in_at, disabled_at, version }
    }
}

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = SessionView))]
pub struct Session {
    /// What it is called; it opens nothing.
    pub id: String,
    /// Since when.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub last_seen_at: Timestamp,
    /// From where it began.
    pub address: Option<String>,
    /// With what client it began.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Somebody who signs up.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The user's e-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// The user's name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// The password that the user chooses.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 12, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// What somebody does with an invitation.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Accept))]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The secret of the invitation's link.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub invitation: Secret,
    /// The user's name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// The password that the user chooses.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 12, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// Somebody who has forgotten their password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Forgot))]
#[serde(deny_unknown_fields)]
pub struct ForgotPassword {
    /// The user's e-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
}

/// What somebody does with a link for another password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Reset))]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The secret of the link.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub reset: Secret,
    /// The password that the user chooses.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 12, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// A link for another password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ResetView))]
pub struct PasswordReset {
    /// The user whom the link is for.
    pub user: User,
    /// What they choose another password with. It is here and nowhere else: send it to them.
    #[serde(serialize_with = "reveal")]
    pub reset: Secret,
    /// When it ends.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub ends_at: Timestamp,
}

/// What to change in a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Another name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
}

/// Another password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub current: Secret,
    /// The password from now on.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, min_length = 12, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub new: Secret,
}

/// What was asked for is taken note of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Accepted {
    /// What to do next.
    pub detail: String,
}
