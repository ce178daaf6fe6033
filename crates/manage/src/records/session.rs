use keyward_core::Timestamp;
use keyward_core::id::UserId;
use keyward_core::network::ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::actor::ActorName;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) digest: String,
    pub(crate) user: UserId,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) idle_at: Timestamp,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
    /// Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen_from: Option<IpNet>,
    /// The actor that created the sign-in link that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_maker: Option<ActorName>,
}

impl Entity for StoredSession {
    const KIND: Kind = Kind::Session;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at.min(self.idle_at))
    }
}
