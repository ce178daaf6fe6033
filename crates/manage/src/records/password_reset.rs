use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::actor::ActorName;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetOrigin {
    /// Using the link proves the address.
    Mailed,
    /// Using it checks the actor's authority again.
    MadeBy(ActorName),
    /// An actor asked for it, but only the user got the link. Using it proves the address and checks the actor's authority again.
    MailedFor(ActorName),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordReset {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    pub(crate) epoch: u64,
    pub(crate) origin: ResetOrigin,
    /// The maker of the sign-in link, if a session of a link made this. Using it checks the authority of this maker, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_maker: Option<ActorName>,
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
