use std::net::IpAddr;

use keyward_api_types::User;
use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredUser {
    pub(crate) id: UserId,
    /// In lower case.
    pub(crate) email: String,
    pub(crate) name: String,
    /// In PHC format.
    pub(crate) password: Option<String>,
    /// Sessions and tokens of another epoch have ended.
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    /// `None` means unproven, whatever wrote the record.
    #[serde(default)]
    pub(crate) address_proven_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) disabled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) second_factor_at: Option<Timestamp>,
    /// Newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) known_networks: Vec<IpAddr>,
}

impl Entity for StoredUser {
    const KIND: Kind = Kind::User;
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn key(&self) -> Option<String> {
        Some(self.email.clone())
    }
}

impl From<&StoredUser> for User {
    fn from(user: &StoredUser) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            email_verified: user.address_proven_at.is_some(),
            name: user.name.clone(),
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
            disabled_at: user.disabled_at,
        }
    }
}
