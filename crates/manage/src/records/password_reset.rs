//! Links with which users choose a new password.

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::actor::ActorName;
use crate::store::Kind;

/// The origin of a password reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetOrigin {
    /// The service mailed the link to the user's address, so using it proves the address.
    Mailed,
    /// An actor created the link. Using it checks the actor's authority again.
    MadeBy(ActorName),
}

/// A password reset, stored by the digest of its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordReset {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    /// The user's epoch at creation.
    pub(crate) epoch: u64,
    pub(crate) origin: ResetOrigin,
    /// A hash of the user's memberships and roles at creation.
    pub(crate) memberships: String,
    pub(crate) ends_at: Timestamp,
}

impl Entity for PasswordReset {
    const KIND: Kind = Kind::PasswordReset;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
