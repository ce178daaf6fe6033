use std::time::Duration;

use keyward_api_types::DeliveryState;
use keyward_core::Timestamp;

use super::attempt::Answer;
use crate::error::ManagementError;
use crate::records::{Due, Entity as _, StoredDelivery, StoredWebhook, Versioned};
use crate::service::{Management, jitter};
use crate::store::{Kind, List, Write};

/// Longer than an attempt. If a node dies, another one tries again.
const CLAIM: Duration = Duration::from_secs(60);
const MAX_ATTEMPTS_SHOWN: usize = 20;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// The pauses of Standard Webhooks after each failure, in seconds.
const PAUSES: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

impl Management {
    pub(super) async fn due(&self, after: Option<&Due>, limit: usize) -> Result<Vec<Versioned<Due>>, ManagementError> {
        let mut list = List::of(Kind::Due, limit);
        list.after = after.map(|last| (last.sort(), last.id()));
        self.due_in(&list).await
    }

    pub(super) async fn due_to(&self, webhook: &str, limit: usize) -> Result<Vec<Versioned<Due>>, ManagementError> {
        self.due_in(&List::of(Kind::Due, limit).subject(webhook)).await
    }

    async fn due_in(&self, list: &List) -> Result<Vec<Versioned<Due>>, ManagementError> {
        let now = self.now();
        let mut due = self.list::<Due>(list).await?;
        due.retain(|due| due.at <= now);
        Ok(due)
    }

    /// Attempts a delivery, unless another node has claimed it. Returns `true` after an attempt.
    pub(super) async fn deliver(&self, due: Versioned<Due>) -> Result<bool, ManagementError> {
        let claimed = Due { at: self.now().saturating_add(CLAIM), ..due.value.clone() };
        if !self.write_quietly(&[due.replace(&claimed)?]).await? {
            return Ok(false);
        }
        let due = Versioned { value: claimed, version: due.version + 1 };
        let Some(delivery) = self.get::<StoredDelivery>(&due.delivery).await? else {
            self.write_quietly(&[due.remove()]).await?;
            return Ok(false);
        };
        let Some(webhook) = self.get::<StoredWebhook>(&due.webhook).await? else {
            self.write_quietly(&[due.remove(), delivery.remove()]).await?;
            return Ok(false);
        };
        let stopped = self.stopped(&webhook, Some(delivery.kind)).await?;
        let answer = match stopped {
            None => self.attempt(&webhook, &delivery).await,
            Some(stopped) => Answer::not_sent(stopped.reason(), self.now()),
        };
        self.settle(&due, &delivery, &answer, stopped.is_none()).await?;
        if answer.was_sent {
            self.note_health(webhook, &answer).await?;
        }
        Ok(true)
    }

    async fn settle(
        &self,
        due: &Versioned<Due>,
        delivery: &Versioned<StoredDelivery>,
        answer: &Answer,
        may_repeat: bool,
    ) -> Result<(), ManagementError> {
        let mut next = delivery.value.clone();
        next.attempts.push(answer.attempt.clone());
        let extra = next.attempts.len().saturating_sub(MAX_ATTEMPTS_SHOWN);
        next.attempts.drain(..extra);
        let pause = PAUSES.get(next.failures).filter(|_| may_repeat && !answer.is_gone());
        let of_queue = if answer.is_success() {
            (next.state, next.next_attempt_at) = (DeliveryState::Delivered, None);
            due.remove()
        } else if let Some(pause) = pause {
            next.failures += 1;
            let at = self.now().saturating_add(Duration::from_secs(*pause) + jitter(*pause));
            (next.state, next.next_attempt_at) = (DeliveryState::Pending, Some(at));
            due.replace(&Due { at, ..due.value.clone() })?
        } else {
            (next.state, next.next_attempt_at) = (DeliveryState::Failed, None);
            due.remove()
        };
        count(next.state);
        // On a conflict, the claim has ended, or the user has asked for a redelivery.
        self.write_quietly(&[of_queue, delivery.replace(&next)?]).await?;
        Ok(())
    }

    /// Writes that send a delivery again at this time.
    pub(super) async fn again(
        &self,
        known: &Versioned<StoredDelivery>,
        at: Timestamp,
    ) -> Result<Vec<Write>, ManagementError> {
        let next = StoredDelivery {
            state: DeliveryState::Pending,
            failures: 0,
            next_attempt_at: Some(at),
            ..known.value.clone()
        };
        let due = known.due(at);
        let queued = match self.get::<Due>(&known.id).await? {
            Some(queued) => queued.replace(&due)?,
            None => due.insert()?,
        };
        Ok(vec![known.replace(&next)?, queued])
    }
}

#[cfg(feature = "metrics")]
fn count(state: DeliveryState) {
    let outcome = match state {
        DeliveryState::Pending => "retried",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed | DeliveryState::NotSent => "failed",
    };
    metrics::counter!("keyward_webhook_deliveries_total", "outcome" => outcome).increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count(_: DeliveryState) {}
