use std::time::Duration;

use keyward_api_types::{DeliveryAttempt, DeliveryState, EventKind};
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

const RETENTION: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    pub(crate) id: String,
    pub(crate) webhook: String,
    pub(crate) account: AccountId,
    pub(crate) event: String,
    pub(crate) kind: EventKind,
    pub(crate) payload: String,
    pub(crate) created_at: Timestamp,
    pub(crate) state: DeliveryState,
    /// Failed attempts since the creation or the last redelivery.
    pub(crate) failures: usize,
    pub(crate) next_attempt_at: Option<Timestamp>,
    pub(crate) attempts: Vec<DeliveryAttempt>,
}

impl StoredDelivery {
    pub(crate) fn due(&self, at: Timestamp) -> Due {
        Due { delivery: self.id.clone(), webhook: self.webhook.clone(), account: self.account.clone(), at }
    }
}

impl Entity for StoredDelivery {
    const KIND: Kind = Kind::Delivery;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn subject(&self) -> String {
        self.webhook.clone()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.created_at.saturating_add(RETENTION))
    }
}

/// Has its own record, so that the queue is read in the order of its times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Due {
    pub(crate) delivery: String,
    pub(crate) webhook: String,
    pub(crate) account: AccountId,
    pub(crate) at: Timestamp,
}

impl Entity for Due {
    const KIND: Kind = Kind::Due;
    fn id(&self) -> String {
        self.delivery.clone()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
    fn subject(&self) -> String {
        self.webhook.clone()
    }
}
