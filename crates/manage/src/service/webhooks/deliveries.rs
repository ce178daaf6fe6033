#[cfg(feature = "dashboard")]
use keyward_api_types::DeliveryState;
use keyward_api_types::EventKind;
use keyward_core::AccountId;
use serde_json::json;

use super::Delivery;
use super::publish::planned;
use crate::actor::Actor;
use crate::error::ManagementError;
#[cfg(feature = "dashboard")]
use crate::records::Entity as _;
use crate::records::{StoredDelivery, new_id};
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::page::{Page, PageRequest};
use crate::store::{Kind, List};

#[cfg(feature = "dashboard")]
const PER_READ: usize = 100;
#[cfg(feature = "dashboard")]
const MAX_REDELIVERED: usize = 500;

impl Management {
    /// Lists the deliveries of a webhook, newest first. Needs `webhooks:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn deliveries(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
        page: &PageRequest,
    ) -> Result<Page<Delivery>, ManagementError> {
        self.authorize_webhook(actor, account, webhook, &scopes::WEBHOOKS_READ).await?;
        let mut list = List::of(Kind::Delivery, 0).subject(webhook);
        list.newest_first = true;
        let found = self.list::<StoredDelivery>(&page.apply(list)?).await?;
        Ok(page.page(found).map(|delivery| view(delivery.value)))
    }

    /// Sends a delivery again, with the same `webhook-id`. Needs `webhooks:write`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`]; [`ManagementError::Stale`] during an attempt.
    pub async fn redeliver(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
        delivery: &str,
    ) -> Result<Delivery, ManagementError> {
        self.authorize_webhook(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        let known = self.get::<StoredDelivery>(delivery).await?.filter(|known| known.webhook == webhook);
        let known = known.ok_or(ManagementError::NotFound("delivery"))?;
        let draft = Draft::new(actor, "webhook.redeliver", Target::new("webhook", webhook))
            .account(account)
            .after(json!({"delivery": delivery}));
        self.commit_or_stale(self.again(&known).await?, draft).await?;
        let known = self.get::<StoredDelivery>(delivery).await?.ok_or(ManagementError::NotFound("delivery"))?;
        Ok(view(known.value))
    }

    /// Sends the failed deliveries of a webhook again, up to 500. Needs `webhooks:write`. Returns their number.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn redeliver_failed(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
    ) -> Result<usize, ManagementError> {
        self.authorize_webhook(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        let draft = Draft::new(actor, "webhook.redeliver", Target::new("webhook", webhook)).account(account);
        self.audited(draft, self.again_all(webhook), |number| Some(json!({"deliveries": number}))).await
    }

    #[cfg(feature = "dashboard")]
    async fn again_all(&self, webhook: &str) -> Result<usize, ManagementError> {
        let mut list = List::of(Kind::Delivery, PER_READ).subject(webhook);
        list.newest_first = true;
        let mut number = 0;
        loop {
            let page = self.list::<StoredDelivery>(&list).await?;
            for failed in page.iter().filter(|delivery| delivery.state == DeliveryState::Failed) {
                // On a conflict, another request sends it again.
                if self.write_quietly(&self.again(failed).await?).await? {
                    number += 1;
                }
                if number == MAX_REDELIVERED {
                    return Ok(number);
                }
            }
            match page.last() {
                Some(last) if page.len() == PER_READ => list.after = Some((last.sort(), last.id())),
                _ => return Ok(number),
            }
        }
    }

    /// Sends a `webhook.test` event to a webhook. Needs `webhooks:write`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn test_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
    ) -> Result<Delivery, ManagementError> {
        let known = self.authorize_webhook(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        let (event, kind) = (new_id("evt")?, EventKind::WebhookTest);
        let data = json!({"account": account, "target": Target::new("webhook", webhook)});
        let payload = json!({"type": kind, "timestamp": self.now(), "data": data}).to_string();
        let writes = planned(&known, &event, kind, payload, self.now())?;
        let draft = Draft::new(actor, "webhook.test", Target::new("webhook", webhook)).account(account);
        self.commit_or_stale(writes.to_vec(), draft).await?;
        let id = format!("{event}.{webhook}");
        let sent = self.get::<StoredDelivery>(&id).await?.ok_or(ManagementError::NotFound("delivery"))?;
        Ok(view(sent.value))
    }
}

fn view(delivery: StoredDelivery) -> Delivery {
    Delivery {
        payload: serde_json::from_str(&delivery.payload).unwrap_or_default(),
        id: delivery.id,
        webhook: delivery.webhook,
        event: delivery.event,
        kind: delivery.kind,
        state: delivery.state,
        created_at: delivery.created_at,
        next_attempt_at: delivery.next_attempt_at,
        attempts: delivery.attempts,
    }
}
