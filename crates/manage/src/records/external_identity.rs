use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use super::secret::digest_of;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalIdentity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) user: UserId,
    pub(crate) created_at: Timestamp,
}

impl ExternalIdentity {
    pub(crate) fn id_of(issuer: &str, subject: &str) -> String {
        // No issuer contains a line feed.
        digest_of(&format!("{issuer}\n{subject}"))
    }
}

impl Entity for ExternalIdentity {
    const KIND: Kind = Kind::Link;
    fn id(&self) -> String {
        Self::id_of(&self.issuer, &self.subject)
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.user.to_string()
    }
}
