//! Webhooks by <https://www.standardwebhooks.com>. The queue is in the store, so a restart loses nothing.

mod attempt;
mod change;
mod deliveries;
mod health;
mod list;
mod publish;
mod queue;
mod secret;
mod worker;

pub use change::WebhookUpdate;
pub use keyward_api_types::{Delivery, DeliveryAttempt, DeliveryState, Webhook as WebhookView};
pub use secret::IssuedWebhook;
pub(crate) use worker::Attempts;
#[cfg(feature = "metrics")]
pub(crate) use worker::describe_metrics;

use keyward_core::AccountId;

use super::{CurrentVersion, Management};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredWebhook, Versioned};

const MAX_WEBHOOKS: usize = 20;

impl Management {
    pub(crate) async fn webhook_version(&self, account: &AccountId, id: &str) -> CurrentVersion {
        Ok(self.webhook_of(account, id).await?.map(|webhook| webhook.version))
    }

    async fn webhook_of(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<Option<Versioned<StoredWebhook>>, ManagementError> {
        Ok(self.get::<StoredWebhook>(id).await?.filter(|webhook| webhook.account == *account))
    }

    async fn authorize_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
        scope: &keyward_core::Scope,
    ) -> Result<Versioned<StoredWebhook>, ManagementError> {
        self.rights(actor, account).await?.require(scope)?;
        self.webhook_of(account, id).await?.ok_or(ManagementError::NotFound("webhook"))
    }
}

fn view(webhook: Versioned<StoredWebhook>, now: keyward_core::Timestamp) -> WebhookView {
    let Versioned { value, version } = webhook;
    WebhookView {
        previous_secret_ends_at: value.previous.map(|previous| previous.ends_at).filter(|ends_at| *ends_at > now),
        id: value.id,
        account: value.account,
        url: value.url,
        description: value.description,
        events: value.events,
        enabled: value.enabled,
        disabled_reason: value.disabled_reason,
        failing_since: value.failing_since,
        created_at: value.created_at,
        version,
    }
}
