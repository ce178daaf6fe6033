use std::time::{Duration, Instant};

use super::slots::{MAX_PER_WEBHOOK, Slots, Waiting};
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, StoredWebhook};
use crate::service::Management;
use crate::service::attempts::{Attempts, Failures};
use crate::service::events::WEBHOOKS;
use crate::store::{Kind, List};

const PAGE: usize = 200;
/// The queue is read up to this many pages. Deliveries of a slow receiver may be the oldest.
const MAX_PAGES: usize = 10;
/// Behind that, the worker visits this many webhooks in turn, so that no account's deliveries hide those of others.
const VISITED: usize = 50;

/// The deliveries that are attempted now.
#[derive(Default)]
pub(crate) struct Deliveries {
    slots: Slots,
    /// The delivery of each attempt, and when it began.
    attempts: Attempts<(String, Instant)>,
    /// The webhook that was visited last.
    visited: Option<(i64, String)>,
}

impl Deliveries {
    /// Returns the number of attempts that were started.
    fn start(&mut self, management: &Management, mut waiting: Waiting) -> usize {
        let mut started = 0;
        while let Some(due) = self.slots.take(&mut waiting) {
            let (management, begun) = (management.clone(), (due.delivery.clone(), Instant::now()));
            self.attempts.start(begun, async move { management.deliver(due).await });
            started += 1;
        }
        started
    }

    /// Waits up to `at_most` for an attempt to end. Returns how many have ended.
    pub(crate) async fn settled(&mut self, at_most: Duration) -> usize {
        let slots = &mut self.slots;
        let ended = |(delivery, begun): (String, Instant), done: &Result<_, _>| {
            let was_attempted = matches!(done, Ok(Ok(true)));
            slots.free(&delivery, was_attempted.then(|| begun.elapsed()));
            match done {
                Ok(Ok(_)) => {}
                // The claim ends after a minute, and the delivery is due again.
                Ok(Err(error)) => {
                    keyward_core::log_limited!(warn, %error, "a delivery waits for the store");
                }
                Err(error) => tracing::error!(%error, "an attempt to deliver an event panicked"),
            }
        };
        self.attempts.settled(at_most, ended).await
    }

    pub(crate) fn take_failures(&mut self) -> Failures {
        self.attempts.take_failures()
    }
}

impl Management {
    /// Publishes new events, and starts the attempts that are due. Returns the number of both.
    pub(crate) async fn start_deliveries(&self, deliveries: &mut Deliveries) -> Result<usize, ManagementError> {
        let begun = self.publish().await?;
        if self.get::<EventCursor>(WEBHOOKS).await?.is_none() || deliveries.slots.are_full() {
            return Ok(begun);
        }
        let (mut waiting, mut last) = (Waiting::default(), None);
        for _ in 0..MAX_PAGES {
            let page = self.due(last.as_ref(), PAGE).await?;
            last = page.last().map(|due| due.value.clone());
            let is_last = page.len() < PAGE;
            page.into_iter().for_each(|due| waiting.add(due));
            if is_last {
                return Ok(begun + deliveries.start(self, waiting));
            }
        }
        self.visit_webhooks(deliveries, &mut waiting).await?;
        Ok(begun + deliveries.start(self, waiting))
    }

    async fn visit_webhooks(&self, deliveries: &mut Deliveries, waiting: &mut Waiting) -> Result<(), ManagementError> {
        let mut list = List::of(Kind::Webhook, VISITED);
        list.after.clone_from(&deliveries.visited);
        let webhooks = self.list::<StoredWebhook>(&list).await?;
        for webhook in &webhooks {
            self.due_to(&webhook.id, MAX_PER_WEBHOOK).await?.into_iter().for_each(|due| waiting.add(due));
        }
        // After the last, the next turn begins with the first.
        let last = webhooks.last().filter(|_| webhooks.len() == VISITED);
        deliveries.visited = last.map(|webhook| (webhook.sort(), webhook.id()));
        Ok(())
    }

    /// Reports the queue, up to a page of it.
    #[cfg(feature = "metrics")]
    pub(crate) async fn report_queue(&self) -> Result<(), ManagementError> {
        const REPORTED: usize = 1_000;
        let queue = self.due(None, REPORTED).await?;
        let oldest = queue.first().map_or(Duration::ZERO, |due| self.now().saturating_since(due.at));
        #[expect(clippy::cast_precision_loss, reason = "the queue is read up to a thousand deliveries")]
        metrics::gauge!("keyward_webhook_queue").set(queue.len() as f64);
        metrics::gauge!("keyward_webhook_queue_oldest_seconds").set(oldest.as_secs_f64());
        Ok(())
    }
}

#[cfg(feature = "metrics")]
pub(crate) fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!("keyward_webhook_deliveries_total", "Attempts to deliver an event to a webhook, by outcome");
    describe_gauge!("keyward_webhook_queue", "Deliveries to webhooks that are due, up to 1000");
    describe_gauge!("keyward_webhook_queue_oldest_seconds", Unit::Seconds, "Time since the oldest delivery was due");
}
