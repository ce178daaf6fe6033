use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

/// The server's policy for the keys of users who leave. Programs on the same database follow it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredPolicy {
    pub(crate) user_keys: String,
}

impl StoredPolicy {
    pub(crate) const ID: &str = "user_keys";
}

impl Entity for StoredPolicy {
    const KIND: Kind = Kind::Policy;
    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}
