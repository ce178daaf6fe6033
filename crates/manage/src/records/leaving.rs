use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A user who leaves an account, or all accounts, and whose keys may not have ended yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Leaving {
    pub(crate) user: UserId,
    pub(crate) account: Option<AccountId>,
    pub(crate) at: Timestamp,
}

impl Entity for Leaving {
    const KIND: Kind = Kind::Leaving;
    fn id(&self) -> String {
        let account = self.account.as_ref().map_or("", AccountId::as_str);
        format!("{} {account}", self.user)
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.at.saturating_add(LIFE))
    }
}
