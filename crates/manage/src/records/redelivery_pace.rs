use std::time::Duration;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

/// Longer than the clocks of two nodes differ.
const KEPT: Duration = Duration::from_secs(3_600);

/// When an account may next have a delivery of *Send all undelivered again*.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RedeliveryPace {
    pub(crate) account: AccountId,
    pub(crate) next_at: Timestamp,
}

impl Entity for RedeliveryPace {
    const KIND: Kind = Kind::RedeliveryPace;
    fn id(&self) -> String {
        self.account.to_string()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.next_at.saturating_add(KEPT))
    }
}
