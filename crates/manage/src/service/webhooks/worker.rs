use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinSet};

use super::slots::{MAX_PER_WEBHOOK, Slots, Waiting};
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, StoredWebhook};
use crate::service::Management;
use crate::service::events::WEBHOOKS;
use crate::store::{Kind, List};

const PAGE: usize = 200;
/// The queue is read up to this many pages. Deliveries of a slow receiver may be the oldest.
const MAX_PAGES: usize = 10;
/// Behind that, the worker visits this many webhooks in turn, so that no account's deliveries hide those of others.
const VISITED: usize = 50;

/// The attempts that are running.
#[derive(Default)]
pub(crate) struct Attempts {
    tasks: JoinSet<Result<bool, ManagementError>>,
    slots: Slots,
    /// The delivery of each task, and when it began.
    begun: HashMap<Id, (String, Instant)>,
    /// The webhook that was visited last.
    visited: Option<(i64, String)>,
}

impl Attempts {
    /// Returns the number of attempts that were started.
    fn start(&mut self, management: &Management, mut waiting: Waiting) -> usize {
        let mut started = 0;
        while let Some(due) = self.slots.take(&mut waiting) {
            let (management, delivery) = (management.clone(), due.delivery.clone());
            let task = self.tasks.spawn(async move { management.deliver(due).await });
            self.begun.insert(task.id(), (delivery, Instant::now()));
            started += 1;
        }
        started
    }

    /// Waits up to `at_most` for an attempt to end. Returns how many have ended.
    pub(crate) async fn settled(&mut self, at_most: Duration) -> usize {
        let (mut ended, mut wait) = (0, at_most);
        while let Ok(Some(())) = tokio::time::timeout(wait, self.next()).await {
            (ended, wait) = (ended + 1, Duration::ZERO);
        }
        ended
    }

    /// Waits for the next attempt to end. `None` if none is running.
    pub(crate) async fn next(&mut self) -> Option<()> {
        let (id, done) = match self.tasks.join_next_with_id().await? {
            Ok((id, done)) => (id, done),
            Err(error) => {
                tracing::error!(%error, "an attempt to deliver an event panicked");
                (error.id(), Ok(false))
            }
        };
        if let Some((delivery, begun)) = self.begun.remove(&id) {
            let was_attempted = matches!(done, Ok(true));
            self.slots.free(&delivery, was_attempted.then(|| begun.elapsed()));
        }
        if let Err(error) = done {
            // The claim ends after a minute, and the delivery is due again.
            tracing::warn!(%error, "the outcome of a delivery was not stored");
        }
        Some(())
    }
}

impl Management {
    /// Publishes new events, and starts the attempts that are due. Returns the number of both.
    pub(crate) async fn start_deliveries(&self, attempts: &mut Attempts) -> Result<usize, ManagementError> {
        let begun = self.publish().await?;
        if self.get::<EventCursor>(WEBHOOKS).await?.is_none() || attempts.slots.are_full() {
            return Ok(begun);
        }
        let (mut waiting, mut last) = (Waiting::default(), None);
        for _ in 0..MAX_PAGES {
            let page = self.due(last.as_ref(), PAGE).await?;
            last = page.last().map(|due| due.value.clone());
            let is_last = page.len() < PAGE;
            page.into_iter().for_each(|due| waiting.add(due));
            if is_last {
                return Ok(begun + attempts.start(self, waiting));
            }
        }
        self.visit_webhooks(attempts, &mut waiting).await?;
        Ok(begun + attempts.start(self, waiting))
    }

    async fn visit_webhooks(&self, attempts: &mut Attempts, waiting: &mut Waiting) -> Result<(), ManagementError> {
        let mut list = List::of(Kind::Webhook, VISITED);
        list.after.clone_from(&attempts.visited);
        let webhooks = self.list::<StoredWebhook>(&list).await?;
        for webhook in &webhooks {
            self.due_to(&webhook.id, MAX_PER_WEBHOOK).await?.into_iter().for_each(|due| waiting.add(due));
        }
        // After the last, the next turn begins with the first.
        let last = webhooks.last().filter(|_| webhooks.len() == VISITED);
        attempts.visited = last.map(|webhook| (webhook.sort(), webhook.id()));
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
