use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::actor::ActorName;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSignInLink {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    pub(crate) epoch: u64,
    pub(crate) maker: ActorName,
    pub(crate) account: Option<AccountId>,
    pub(crate) path: Option<String>,
    /// Its user has opened it, and enters the code of the second factor next.
    #[serde(default)]
    pub(crate) waits_for_code: bool,
    pub(crate) ends_at: Timestamp,
}

impl Entity for StoredSignInLink {
    const KIND: Kind = Kind::SignInLink;
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
