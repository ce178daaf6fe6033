#[cfg(feature = "dashboard")]
use std::time::Duration;

#[cfg(feature = "dashboard")]
use keyward_api_types::DeliveryState;
use keyward_api_types::EventKind;
use keyward_core::AccountId;
#[cfg(feature = "dashboard")]
use keyward_core::Timestamp;
use serde_json::json;

use super::Delivery;
use super::publish::planned;
use crate::actor::Actor;
#[cfg(feature = "dashboard")]
use crate::authority::Rights;
use crate::error::ManagementError;
#[cfg(feature = "dashboard")]
use crate::records::{Entity as _, RedeliveryPace, Versioned};
use crate::records::{StoredDelivery, new_id};
use crate::role::scopes;
#[cfg(feature = "dashboard")]
use crate::service::ATTEMPTS;
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::page::{Page, PageRequest};
#[cfg(feature = "dashboard")]
use crate::store::Write;
use crate::store::{Kind, List};

#[cfg(feature = "dashboard")]
const PER_READ: usize = 100;
#[cfg(feature = "dashboard")]
const MAX_REDELIVERED: usize = 500;
/// As many as single ones.
#[cfg(feature = "dashboard")]
const REDELIVERY_PAUSE: Duration = Duration::from_secs(1);

/// Whether the receiver never got it, and nothing sends it again by itself.
#[cfg(feature = "dashboard")]
pub(crate) fn is_undelivered(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Failed | DeliveryState::NotSent)
}

impl Management {
    /// Lists the deliveries of a webhook, newest first. Needs `webhooks:read` and the scopes that show what its events show.
    /// Earlier deliveries of other events are left out without their scopes.
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
        let (_, rights) = self.authorize_events(actor, account, webhook, &scopes::WEBHOOKS_READ).await?;
        let mut list = List::of(Kind::Delivery, 0).subject(webhook);
        list.newest_first = true;
        let found = self.list::<StoredDelivery>(&page.apply(list)?).await?;
        let mut page = page.page(found);
        page.items.retain(|delivery| rights.require_events(&[delivery.kind]).is_ok());
        Ok(page.map(|delivery| view(delivery.value)))
    }

    /// Sends a delivery again, with the same `webhook-id`. Needs `webhooks:write` and the scopes that show what the events
    /// show. Counts against 60 tests and redeliveries a minute for each account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`]; [`ManagementError::Stale`] during an attempt; [`ManagementError::Throttled`].
    pub async fn redeliver(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
        delivery: &str,
    ) -> Result<Delivery, ManagementError> {
        let (_, rights) = self.authorize_events(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        let known = self.get::<StoredDelivery>(delivery).await?.filter(|known| known.webhook == webhook);
        let known = known.ok_or(ManagementError::NotFound("delivery"))?;
        rights.require_events(&[known.kind])?;
        self.0.throttle.check_webhooks(account)?;
        let draft = Draft::new(actor, "webhook.redeliver", Target::new("webhook", webhook))
            .account(account)
            .after(json!({"delivery": delivery}));
        self.commit_or_stale(self.again(&known, self.now()).await?, draft).await?;
        let known = self.get::<StoredDelivery>(delivery).await?.ok_or(ManagementError::NotFound("delivery"))?;
        Ok(view(known.value))
    }

    /// Sends the deliveries of a webhook again that failed or were not sent, up to 500. An account has one a second, over all webhooks and nodes.
    /// Needs what [`redeliver`](Self::redeliver) needs. Returns their number.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn redeliver_failed(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
    ) -> Result<usize, ManagementError> {
        let (_, rights) = self.authorize_events(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        self.0.throttle.check_webhooks(account)?;
        let draft = Draft::new(actor, "webhook.redeliver", Target::new("webhook", webhook)).account(account);
        let again = self.again_all(account, webhook, &rights);
        self.audited(draft, again, |number| Some(json!({"deliveries": number}))).await
    }

    #[cfg(feature = "dashboard")]
    async fn again_all(&self, account: &AccountId, webhook: &str, rights: &Rights) -> Result<usize, ManagementError> {
        let mut number = 0;
        for delivery in self.undelivered(webhook, rights).await? {
            number += usize::from(self.again_at_pace(account, &delivery).await?);
        }
        Ok(number)
    }

    /// Returns `false` if another request sends it again.
    #[cfg(feature = "dashboard")]
    async fn again_at_pace(
        &self,
        account: &AccountId,
        delivery: &Versioned<StoredDelivery>,
    ) -> Result<bool, ManagementError> {
        for _ in 0..ATTEMPTS {
            let (at, pace) = self.next_redelivery(account).await?;
            let writes = [self.again(delivery, at).await?, vec![pace]].concat();
            if self.write_quietly(&writes).await? {
                return Ok(true);
            }
            let known = self.get::<StoredDelivery>(&delivery.id).await?;
            if known.is_none_or(|known| known.version != delivery.version) {
                return Ok(false);
            }
        }
        Err(ManagementError::Stale)
    }

    #[cfg(feature = "dashboard")]
    async fn undelivered(
        &self,
        webhook: &str,
        rights: &Rights,
    ) -> Result<Vec<Versioned<StoredDelivery>>, ManagementError> {
        let mut list = List::of(Kind::Delivery, PER_READ).subject(webhook);
        list.newest_first = true;
        let mut found = Vec::new();
        loop {
            let page = self.list::<StoredDelivery>(&list).await?;
            list.after = page.last().filter(|_| page.len() == PER_READ).map(|last| (last.sort(), last.id()));
            found.extend(
                page.into_iter().filter(|delivery| {
                    is_undelivered(delivery.state) && rights.require_events(&[delivery.kind]).is_ok()
                }),
            );
            if found.len() >= MAX_REDELIVERED || list.after.is_none() {
                found.truncate(MAX_REDELIVERED);
                return Ok(found);
            }
        }
    }

    /// Returns the time of an account's next redelivery, and the write that takes it.
    #[cfg(feature = "dashboard")]
    async fn next_redelivery(&self, account: &AccountId) -> Result<(Timestamp, Write), ManagementError> {
        let known = self.get::<RedeliveryPace>(account.as_str()).await?;
        let at = known.as_ref().map_or(self.now(), |known| known.next_at.max(self.now()));
        let next = RedeliveryPace { account: account.clone(), next_at: at.saturating_add(REDELIVERY_PAUSE) };
        Ok((at, known.map_or_else(|| next.insert(), |known| known.replace(&next))?))
    }

    /// Sends a `webhook.test` event to a webhook. Needs what [`redeliver`](Self::redeliver) needs, and counts as it does.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Throttled`].
    pub async fn test_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        webhook: &str,
    ) -> Result<Delivery, ManagementError> {
        let (known, _) = self.authorize_events(actor, account, webhook, &scopes::WEBHOOKS_WRITE).await?;
        self.0.throttle.check_webhooks(account)?;
        let (event, kind) = (new_id("evt")?, EventKind::WebhookTest);
        let data = json!({"account": account, "target": Target::new("webhook", webhook)});
        let payload = json!({"type": kind, "timestamp": self.now(), "data": data}).to_string();
        let writes = planned(&known, &event, kind, payload, self.now(), None)?;
        let draft = Draft::new(actor, "webhook.test", Target::new("webhook", webhook)).account(account);
        self.commit_or_stale(writes, draft).await?;
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
