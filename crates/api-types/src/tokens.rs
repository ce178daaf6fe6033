//! Signing in and out.

use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::secret::{Secret, reveal};

/// Tokens. They are here and nowhere else, ever.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TokensView))]
pub struct Tokens {
    /// For the `Authorization` header.
    #[serde(serialize_with = "reveal")]
    pub access_token: Secret,
    /// `Bearer`
    pub token_type: String,
    /// When the access token expires.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// For one refreshing.
    #[serde(serialize_with = "reveal")]
    pub refresh_token: Secret,
    /// When the refresh token expires.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub refresh_expires_at: Timestamp,
    /// The user who signed in.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub user: UserId,
    /// The account that a request means if it names none.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
}

/// Who signs in.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The user's e-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// The user's password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
}

/// A refresh token.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The token. It can be exchanged once.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub refresh_token: Secret,
}

/// How far to sign out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    /// Every session and token of the user; else what came of the sign-in that this token came of.
    #[serde(default)]
    pub everywhere: bool,
}
