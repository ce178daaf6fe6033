use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::secret::{Secret, reveal, reveal_some};

/// New tokens. Only this answer contains them.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// Access token, for the `Authorization` header.
    #[serde(serialize_with = "reveal")]
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: String,
    /// Expiry time of the access token.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// Refresh token, for one use.
    #[serde(serialize_with = "reveal")]
    pub refresh_token: Secret,
    /// Expiry time of the refresh token.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub refresh_expires_at: Timestamp,
    /// The user who signed in.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub user: UserId,
    /// The default account for requests that use the token.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
}

/// A sign-in with a password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// E-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// Password.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = Password, max_length = 200))]
    #[serde(serialize_with = "reveal")]
    pub password: Secret,
    /// Code of the authenticator app, or a recovery code. Needed if the user has a second factor.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, max_length = 64))]
    #[serde(default, serialize_with = "reveal_some", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// A refresh token.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The token, for one use.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub refresh_token: Secret,
}

/// The extent of signing out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignOut {
    /// Whether to end every session and token of the user, instead of those of this sign-in.
    #[serde(default)]
    pub everywhere: bool,
}
