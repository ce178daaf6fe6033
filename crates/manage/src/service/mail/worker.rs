use std::time::Duration;

use super::slots::Slots;
use crate::error::ManagementError;
use crate::mail::{Mailer, SendError};
use crate::records::{Entity as _, StoredMail, Versioned};
use crate::service::Management;
use crate::service::jitter;
use crate::store::{Kind, List};

/// Longer than an attempt. If a node dies, another one sends the mail.
const CLAIM: Duration = Duration::from_secs(120);
const PAGE: usize = 500;
/// Behind the invitations of a flood, there may be a reset link for which its user waits.
const MAX_PAGES: usize = 10;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
/// The pauses after each failure, in seconds. The mail also ends after its life.
const PAUSES: [u64; 9] = [5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];

impl Management {
    /// Queues mails about new events, and begins to attempt those that are due and have a slot. Returns the number of both.
    pub(crate) async fn start_mails(&self, slots: &mut Slots) -> Result<usize, ManagementError> {
        let Some(mailer) = &self.0.mailer else { return Ok(0) };
        let mut begun = self.queue_event_mails().await?;
        for (slot, mail) in slots.choose(self.queued_mails().await?, self.now()) {
            let (management, mailer) = (self.clone(), mailer.clone());
            slots.start(slot, async move { management.attempt_mail(&mailer, mail).await });
            begun += 1;
        }
        Ok(begun)
    }

    /// Returns the mails that are due, and some that are due next.
    async fn queued_mails(&self) -> Result<Vec<Versioned<StoredMail>>, ManagementError> {
        let (now, mut queue) = (self.now(), Vec::new());
        let mut list = List::of(Kind::Mail, PAGE);
        for _ in 0..MAX_PAGES {
            let page = self.list::<StoredMail>(&list).await?;
            list.after = page.last().map(|mail| (mail.sort(), mail.id()));
            let is_last = page.len() < PAGE || page.last().is_some_and(|mail| mail.at > now);
            queue.extend(page);
            if is_last {
                break;
            }
        }
        Ok(queue)
    }

    /// Returns `true` after an attempt. A node that dies between the server's answer and the removal sends the mail again.
    async fn attempt_mail(&self, mailer: &Mailer, mail: Versioned<StoredMail>) -> Result<bool, ManagementError> {
        let claimed = StoredMail { at: self.now().saturating_add(CLAIM), ..mail.value.clone() };
        // On a conflict, another node sends it.
        if !self.write_quietly(&[mail.replace(&claimed)?]).await? {
            return Ok(false);
        }
        let mail = Versioned { value: claimed, version: mail.version + 1 };
        if mail.ends_at <= self.now() {
            return self.give_up(&mail, "it is too old").await;
        }
        let Some(outgoing) = self.compose(mailer, &mail).await? else {
            count("dropped");
            self.write_quietly(&[mail.remove()]).await?;
            return Ok(true);
        };
        let SendError { is_final, reason } = match mailer.send(&outgoing).await {
            Ok(()) => {
                count("sent");
                self.write_quietly(&[mail.remove()]).await?;
                return Ok(true);
            }
            Err(error) => error,
        };
        let Some(pause) = PAUSES.get(mail.failures).filter(|_| !is_final) else {
            return self.give_up(&mail, &reason).await;
        };
        count("retried");
        let (id, kind) = (&mail.id, mail.content.name());
        keyward_core::log_limited!(warn, mail = %id, %kind, %reason, "a mail was not sent: it is tried again later");
        let at = self.now().saturating_add(Duration::from_secs(*pause) + jitter(*pause));
        let next = StoredMail { at, failures: mail.failures + 1, ..mail.value.clone() };
        self.write_quietly(&[mail.replace(&next)?]).await?;
        Ok(true)
    }

    async fn give_up(&self, mail: &Versioned<StoredMail>, reason: &str) -> Result<bool, ManagementError> {
        count("failed");
        tracing::error!(mail = %mail.id, kind = mail.content.name(), %reason, "a mail was not sent, and is not tried again");
        self.write_quietly(&[mail.remove()]).await?;
        Ok(true)
    }

    /// Reports the queue, up to a page of it.
    #[cfg(feature = "metrics")]
    pub(crate) async fn report_mails(&self) -> Result<(), ManagementError> {
        const REPORTED: usize = 1_000;
        if self.0.mailer.is_none() {
            return Ok(());
        }
        let queue = self.list::<StoredMail>(&List::of(Kind::Mail, REPORTED)).await?;
        let oldest = queue.iter().map(|mail| mail.created_at).min();
        let oldest = oldest.map_or(Duration::ZERO, |oldest| self.now().saturating_since(oldest));
        #[expect(clippy::cast_precision_loss, reason = "the queue is read up to a thousand mails")]
        metrics::gauge!("keyward_mail_queue").set(queue.len() as f64);
        metrics::gauge!("keyward_mail_queue_oldest_seconds").set(oldest.as_secs_f64());
        Ok(())
    }
}

#[cfg(feature = "metrics")]
fn count(outcome: &'static str) {
    metrics::counter!("keyward_mails_total", "outcome" => outcome).increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str) {}

#[cfg(feature = "metrics")]
pub(crate) fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!("keyward_mails_total", "Attempts to send a mail, by outcome");
    describe_gauge!("keyward_mail_queue", "Mails that wait to be sent, up to 1000");
    describe_gauge!("keyward_mail_queue_oldest_seconds", Unit::Seconds, "Time since the oldest of them was written");
}
