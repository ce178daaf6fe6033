use keyward_core::id::UserId;
use keyward_core::network::ipnet::IpNet;
use keyward_core::{AccountId, CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Family {
    pub(crate) id: String,
    pub(crate) user: UserId,
    pub(crate) account: AccountId,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
    /// Time of the last new access token. Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen_from: Option<IpNet>,
    /// At the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
}

impl Entity for Family {
    const KIND: Kind = Kind::Family;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) digest: String,
    pub(crate) id: CredentialId,
    pub(crate) family: String,
    pub(crate) ends_at: Timestamp,
}

impl Entity for AccessToken {
    const KIND: Kind = Kind::Access;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.id.to_string())
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// Kept after its use, so that a second use is detected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) digest: String,
    pub(crate) family: String,
    pub(crate) ends_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

impl Entity for RefreshToken {
    const KIND: Kind = Kind::Refresh;
    fn id(&self) -> String {
        self.digest.clone()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
