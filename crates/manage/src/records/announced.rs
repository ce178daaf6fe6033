use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

/// Something that was announced once, and is not announced again before the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl Entity for Announced {
    const KIND: Kind = Kind::Announced;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
