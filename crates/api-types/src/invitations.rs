//! Invitations: how a person comes to belong to an account.

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::members::Role;
use crate::secret::{Secret, reveal};
use crate::strict::{flattened, word};

/// An invitation into an account, without its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = InvitationView))]
pub struct Invitation {
    /// Its id. It is no secret, and accepts nothing without the address.
    pub id: String,
    /// The account.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
    /// The account's display name.
    pub account_name: String,
    /// The address that was invited, in lower case.
    pub email: String,
    /// The role that it gives.
    pub role: Role,
    /// The actor who invited.
    pub invited_by: Actor,
    /// When it was made.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it expires.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub ends_at: Timestamp,
}

/// An invitation with its link.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = InvitedView))]
pub struct Invited {
    /// The invitation itself.
    #[serde(flatten, deserialize_with = "flattened")]
    pub invitation: Invitation,
    /// The secret of the link. It is in this answer and nowhere else: send it to the address that is invited.
    #[serde(rename = "invitation", serialize_with = "reveal")]
    pub secret: Secret,
}

/// An address to invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The e-mail address.
    #[cfg_attr(feature = "utoipa", schema(max_length = 254))]
    pub email: String,
    /// The role that the invitation gives.
    #[serde(deserialize_with = "word")]
    pub role: Role,
}

/// The link of an invitation.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptLink {
    /// The secret of the link.
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
