use keyward_api_types::{Actor, EventKind};
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::entity::Entity;
use crate::store::Kind;

/// Has no `Debug`, because of its secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredWebhook {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    /// Its place among the webhooks of the account. No two have the same.
    pub(crate) slot: usize,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) events: Vec<EventKind>,
    pub(crate) enabled: bool,
    pub(crate) disabled_reason: Option<String>,
    pub(crate) failing_since: Option<Timestamp>,
    /// When the server noticed that the key behind it does not work.
    #[serde(default)]
    pub(crate) stopped_since: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    #[serde(default)]
    pub(crate) created_by: Option<Actor>,
    /// The actor that decided where the events go, and which.
    #[serde(default)]
    pub(crate) responsible: Option<Actor>,
    /// The last audit entry before the creation.
    pub(crate) since: u64,
    pub(crate) secret: Zeroizing<String>,
    /// Newest first.
    #[serde(default)]
    pub(crate) previous_secrets: Vec<PreviousSecret>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PreviousSecret {
    pub(crate) secret: Zeroizing<String>,
    pub(crate) ends_at: Timestamp,
}

impl StoredWebhook {
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }

    /// The previous secrets that still sign.
    pub(crate) fn previous_at(&self, now: Timestamp) -> impl Iterator<Item = &PreviousSecret> {
        self.previous_secrets.iter().filter(move |previous| previous.ends_at > now)
    }
}

impl Entity for StoredWebhook {
    const KIND: Kind = Kind::Webhook;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    /// Concurrent requests cannot exceed the maximum, because the store accepts each key once.
    fn key(&self) -> Option<String> {
        Some(format!("{} {}", self.slot, self.account))
    }
}
