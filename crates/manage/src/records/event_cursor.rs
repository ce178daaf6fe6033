use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventCursor {
    pub(crate) id: String,
    /// Number of the last audit entry that was read.
    pub(crate) number: u64,
    /// Until when one node alone reads on.
    pub(crate) held_until: Option<Timestamp>,
}

impl Entity for EventCursor {
    const KIND: Kind = Kind::EventCursor;
    fn id(&self) -> String {
        self.id.clone()
    }
}
