//! Slots reserved for keys that are being created.

use keyward_core::{AccountId, CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingKeys {
    pub(crate) account: AccountId,
    pub(crate) keys: Vec<(CredentialId, Timestamp)>,
}

impl Entity for PendingKeys {
    const KIND: Kind = Kind::Making;
    fn id(&self) -> String {
        self.account.to_string()
    }
}
