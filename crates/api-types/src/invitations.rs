use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::members::Role;
use crate::secret::{Secret, reveal, reveal_some};
use crate::strict::{flattened, word};

/// An invitation into an account, without its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Id. It is not secret: without the address it accepts nothing.
    pub id: String,
    /// Account.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
    /// Display name of the account.
    pub account_name: String,
    /// Invited address, in lower case.
    pub email: String,
    /// Role that the invitation gives.
    pub role: Role,
    /// Actor who invited.
    pub invited_by: Actor,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Expiry time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub ends_at: Timestamp,
}

/// An invitation, with its link unless the server mails it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Invited {
    /// The invitation.
    #[serde(flatten, deserialize_with = "flattened")]
    pub invitation: Invitation,
    /// Secret of the link. Only this answer contains it: send it to the invited address. Absent if the server mails it.
    #[serde(default, rename = "invitation", serialize_with = "reveal_some", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "utoipa", schema(nullable = false))]
    pub secret: Option<Secret>,
}

/// An address to invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// E-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// Role that the invitation gives.
    #[serde(deserialize_with = "word")]
    pub role: Role,
}

/// The link of an invitation.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptLink {
    /// Secret of the link.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, max_length = 100))]
    #[serde(serialize_with = "reveal")]
    pub invitation: Secret,
}

/// An account that the calling user has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Joined {
    /// The account.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
}
