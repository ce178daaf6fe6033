//! Webhooks by <https://www.standardwebhooks.com>. The queue is in the store, so a restart loses nothing.

mod attempt;
mod change;
mod deliveries;
mod health;
mod list;
mod publish;
mod queue;
mod secret;
mod slots;
mod state;
mod stop;
#[cfg(test)]
mod tests;
mod worker;

pub(super) use attempt::Clients;
pub use change::WebhookUpdate;
#[cfg(feature = "dashboard")]
pub(crate) use deliveries::is_undelivered;
pub use keyward_api_types::{Delivery, DeliveryAttempt, DeliveryState, Webhook as WebhookView, WebhookState};
pub use secret::IssuedWebhook;
pub(crate) use worker::Deliveries;
#[cfg(feature = "metrics")]
pub(crate) use worker::describe_metrics;

use keyward_core::AccountId;

use super::{CurrentVersion, Management};
use crate::actor::Actor;
use crate::authority::Rights;
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
    ) -> Result<(Versioned<StoredWebhook>, Rights), ManagementError> {
        let rights = self.rights(actor, account).await?;
        rights.require(scope)?;
        let webhook = self.webhook_of(account, id).await?.ok_or(ManagementError::NotFound("webhook"))?;
        Ok((webhook, rights))
    }

    /// Also needs the scopes that show what the webhook's events show.
    async fn authorize_events(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
        scope: &keyward_core::Scope,
    ) -> Result<(Versioned<StoredWebhook>, Rights), ManagementError> {
        let (webhook, rights) = self.authorize_webhook(actor, account, id, scope).await?;
        rights.require_events(&webhook.events)?;
        Ok((webhook, rights))
    }
}
