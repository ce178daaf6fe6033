use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinSet};

use crate::error::ManagementError;
use crate::records::{Due, Entity as _, EventCursor, StoredWebhook, Versioned};
use crate::service::Management;
use crate::service::events::WEBHOOKS;
use crate::store::{Kind, List};

const MAX_ATTEMPTS: usize = 64;
/// So that a receiver that hangs delays no other.
const MAX_ATTEMPTS_PER_WEBHOOK: usize = 4;
/// So that no account delays another, however many webhooks it has.
const MAX_ATTEMPTS_PER_ACCOUNT: usize = 16;
const PAGE: usize = 200;
/// While slots are free, the queue is read up to this many pages. Deliveries of a slow receiver may be the oldest.
const MAX_PAGES: usize = 10;
/// Behind that, the worker visits this many webhooks in turn, so that no account's deliveries hide those of others.
const VISITED: usize = 50;

/// The attempts that are running.
#[derive(Default)]
pub(crate) struct Attempts {
    tasks: JoinSet<Result<bool, ManagementError>>,
    webhooks: HashMap<Id, Due>,
    /// The webhook that was visited last.
    visited: Option<(i64, String)>,
}

impl Attempts {
    fn may_start(&self, due: &Due) -> bool {
        let of_webhook = self.webhooks.values().filter(|running| running.webhook == due.webhook).count();
        let of_account = self.webhooks.values().filter(|running| running.account == due.account).count();
        let is_running = self.webhooks.values().any(|running| running.delivery == due.delivery);
        of_webhook < MAX_ATTEMPTS_PER_WEBHOOK && of_account < MAX_ATTEMPTS_PER_ACCOUNT && self.has_slot() && !is_running
    }

    /// Returns the number of attempts that were started: one or none.
    fn start(&mut self, management: &Management, due: Versioned<Due>) -> usize {
        if !self.may_start(&due) {
            return 0;
        }
        let (management, noted) = (management.clone(), due.value.clone());
        let task = self.tasks.spawn(async move { management.deliver(due).await });
        self.webhooks.insert(task.id(), noted);
        1
    }

    fn has_slot(&self) -> bool {
        self.webhooks.len() < MAX_ATTEMPTS
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
        self.webhooks.remove(&id);
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
        let mut begun = self.publish().await?;
        if self.get::<EventCursor>(WEBHOOKS).await?.is_none() {
            return Ok(begun);
        }
        let mut last = None;
        for _ in 0..MAX_PAGES {
            let page = self.due(last.as_ref(), PAGE).await?;
            last = page.last().map(|due| due.value.clone());
            let is_last = page.len() < PAGE;
            for due in page {
                begun += attempts.start(self, due);
            }
            if is_last || !attempts.has_slot() {
                return Ok(begun);
            }
        }
        Ok(begun + self.visit_webhooks(attempts).await?)
    }

    async fn visit_webhooks(&self, attempts: &mut Attempts) -> Result<usize, ManagementError> {
        let mut list = List::of(Kind::Webhook, VISITED);
        list.after.clone_from(&attempts.visited);
        let webhooks = self.list::<StoredWebhook>(&list).await?;
        let mut begun = 0;
        for webhook in &webhooks {
            if !attempts.has_slot() {
                return Ok(begun);
            }
            for due in self.due_to(&webhook.id, MAX_ATTEMPTS_PER_WEBHOOK).await? {
                begun += attempts.start(self, due);
            }
            attempts.visited = Some((webhook.sort(), webhook.id()));
        }
        if webhooks.len() < VISITED {
            // The next turn begins with the first.
            attempts.visited = None;
        }
        Ok(begun)
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

#[cfg(test)]
mod tests {
    use keyward_core::{AccountId, Timestamp};

    use super::*;

    #[tokio::test]
    async fn no_account_takes_the_slots_of_another() {
        let due = |account: &str, webhook: usize, delivery: usize| Due {
            delivery: format!("{account}.{webhook}.{delivery}"),
            webhook: format!("{account}.{webhook}"),
            account: account.parse::<AccountId>().unwrap(),
            at: Timestamp::from_millis(0),
        };
        let mut attempts = Attempts::default();
        let mut started = 0;
        for (webhook, delivery) in (0..20).flat_map(|webhook| (0..10).map(move |delivery| (webhook, delivery))) {
            let due = due("acct_slow", webhook, delivery);
            if attempts.may_start(&due) {
                let task = attempts.tasks.spawn(std::future::pending());
                attempts.webhooks.insert(task.id(), due);
                started += 1;
            }
        }
        assert_eq!(started, MAX_ATTEMPTS_PER_ACCOUNT);
        assert!(attempts.has_slot() && attempts.may_start(&due("acct_other", 0, 0)));
    }
}
