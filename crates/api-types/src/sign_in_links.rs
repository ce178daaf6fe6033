use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::members::Role;
use crate::secret::{Secret, reveal};
use crate::strict::word_or_null;
use crate::users::User;

/// A sign-in link to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateSignInLink {
    /// Id or e-mail address of the user.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 254))]
    pub user: String,
    /// Account whose pages open. The user must be a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, max_length = 64))]
    pub account: Option<AccountId>,
    /// Page of the account, such as `/keys` or `/usage`. Without an account, a page such as `/settings`. Defaults to the list of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 500))]
    pub path: Option<String>,
    /// Name of a new user. If the address is unknown, the user is created as a member of the account. Requires `account` and `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: Option<String>,
    /// Role of a new user. Requires `name`. It does not change the role of a known user.
    #[serde(default, deserialize_with = "word_or_null", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl CreateSignInLink {
    /// Describes a link for a user with this id or e-mail address.
    #[must_use]
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), ..Self::default() }
    }
}

/// A link that signs a user in, once and within a minute.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct SignInLink {
    /// The user.
    pub user: User,
    /// URL of the link, to open in the user's browser. Only this answer contains it. A path if the server has no public URL.
    #[serde(serialize_with = "reveal")]
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub url: Secret,
    /// Expiry time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub ends_at: Timestamp,
}
