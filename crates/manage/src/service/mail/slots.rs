//! Which of the mails that are due are attempted now.

use std::collections::HashSet;
use std::time::Duration;

use keyward_core::Timestamp;

use crate::error::ManagementError;
use crate::records::{MailContent, StoredMail, Versioned};
use crate::service::attempts::{Attempts, Failures};

/// In this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Somebody waits for a link, or is warned.
    Urgent,
    Other,
    /// Its owner has mails that failed. A recipient that hangs must not hold what others need.
    Failing,
}

impl Class {
    fn of(content: &MailContent) -> Self {
        match content {
            MailContent::Reset { .. }
            | MailContent::KeyCompromised { .. }
            | MailContent::NewDevice { .. }
            | MailContent::SignInChanged { .. }
            | MailContent::NewOwner { .. }
            | MailContent::RoleLost { .. } => Self::Urgent,
            MailContent::Invitation { .. } | MailContent::KeyExpiring { .. } => Self::Other,
        }
    }

    const fn slots(self) -> usize {
        match self {
            Self::Urgent => 8,
            Self::Other => 4,
            Self::Failing => 2,
        }
    }
}

/// The attempts that are running.
#[derive(Default)]
pub(crate) struct Slots(Attempts<Slot>);

#[derive(Clone)]
pub(super) struct Slot {
    mail: String,
    owner: String,
    class: Class,
}

impl Slots {
    /// Returns the mails of the queue to attempt now: the urgent ones first, and one for each owner.
    pub(super) fn choose(
        &self,
        queue: Vec<Versioned<StoredMail>>,
        now: Timestamp,
    ) -> Vec<(Slot, Versioned<StoredMail>)> {
        // A mail that failed waits for its next attempt, while others of its owner are due.
        let failing: HashSet<String> = queue.iter().filter(|mail| mail.failures > 0).map(|mail| owner(mail)).collect();
        let mut due: Vec<_> = queue
            .into_iter()
            .filter(|mail| mail.at <= now)
            .map(|mail| {
                let owner = owner(&mail);
                let class = if failing.contains(&owner) { Class::Failing } else { Class::of(&mail.content) };
                (Slot { mail: mail.id.clone(), owner, class }, mail)
            })
            .collect();
        due.sort_by_key(|(slot, mail)| (slot.class, mail.at));
        let mut taken: Vec<Slot> = self.0.running().cloned().collect();
        due.retain(|(slot, _)| {
            let of_class = taken.iter().filter(|other| other.class == slot.class).count();
            let is_free = taken.len() < Class::Urgent.slots() && of_class < slot.class.slots();
            let may = is_free && taken.iter().all(|other| other.owner != slot.owner && other.mail != slot.mail);
            if may {
                taken.push(slot.clone());
            }
            may
        });
        due
    }

    pub(super) fn start(
        &mut self,
        slot: Slot,
        attempt: impl Future<Output = Result<bool, ManagementError>> + Send + 'static,
    ) {
        self.0.start(slot, attempt);
    }

    /// Waits up to `at_most` for an attempt to end. Returns how many have ended.
    pub(crate) async fn settled(&mut self, at_most: Duration) -> usize {
        let ended = |_, done: &Result<_, _>| match done {
            Ok(Ok(_)) => {}
            // The claim ends after two minutes, and the mail is due again.
            Ok(Err(error)) => {
                keyward_core::log_limited!(warn, %error, "a mail waits for the store");
            }
            Err(error) => tracing::error!(%error, "an attempt to send a mail panicked"),
        };
        self.0.settled(at_most, ended).await
    }

    pub(crate) fn take_failures(&mut self) -> Failures {
        self.0.take_failures()
    }
}

/// The account that chose the recipient, or the recipient.
fn owner(mail: &StoredMail) -> String {
    match &mail.content {
        MailContent::Invitation { .. } => mail.account.as_ref().map(ToString::to_string).unwrap_or_default(),
        MailContent::Reset { user, .. }
        | MailContent::KeyExpiring { user, .. }
        | MailContent::KeyCompromised { user, .. }
        | MailContent::NewDevice { user, .. }
        | MailContent::SignInChanged { user, .. }
        | MailContent::NewOwner { user, .. }
        | MailContent::RoleLost { user, .. } => user.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::ResetOrigin;

    fn mail(id: String, account: Option<&str>, content: MailContent, failures: usize) -> Versioned<StoredMail> {
        let at = Timestamp::from_millis(0);
        let account = account.map(|account| account.parse().unwrap());
        let value = StoredMail { id, account, content, created_at: at, ends_at: at, failures, at };
        Versioned { value, version: 1 }
    }

    fn invitation(account: &str, n: usize, failures: usize) -> Versioned<StoredMail> {
        let content = MailContent::Invitation { invitation: n.to_string(), created_at: Timestamp::from_millis(0) };
        mail(format!("{account}.{n}"), Some(account), content, failures)
    }

    fn reset(user: &str) -> Versioned<StoredMail> {
        let content = MailContent::Reset { user: user.parse().unwrap(), origin: ResetOrigin::Mailed };
        mail(format!("reset.{user}"), None, content, 0)
    }

    fn begin(slots: &mut Slots, queue: Vec<Versioned<StoredMail>>) -> Vec<String> {
        let chosen = slots.choose(queue, Timestamp::from_millis(0));
        let ids = chosen.iter().map(|(_, mail)| mail.id.clone()).collect();
        chosen.into_iter().for_each(|(slot, _)| slots.start(slot, std::future::pending()));
        ids
    }

    #[tokio::test]
    async fn invitations_that_hang_leave_slots_for_resets() {
        let mut slots = Slots::default();
        let flood = |failures| {
            (0..20).flat_map(move |account| (0..60).map(move |n| invitation(&format!("acct_{account}"), n, failures)))
        };
        let begun = begin(&mut slots, flood(0).collect());
        assert_eq!(begun, ["acct_0.0", "acct_1.0", "acct_2.0", "acct_3.0"]);
        assert_eq!(begin(&mut slots, flood(0).chain([reset("user_1")]).collect()), ["reset.user_1"]);
        assert_eq!(begin(&mut slots, flood(0).chain([reset("user_1")]).collect()), [""; 0], "one for each owner");
    }

    #[tokio::test]
    async fn accounts_whose_mails_fail_do_not_delay_others() {
        let mut slots = Slots::default();
        let failing = (0..9).flat_map(|account| (0..60).map(move |n| invitation(&format!("acct_bad{account}"), n, 1)));
        let due = failing.chain([invitation("acct_good", 1, 0)]).collect();
        assert_eq!(begin(&mut slots, due), ["acct_good.1", "acct_bad0.0", "acct_bad1.0"]);
    }

    #[tokio::test]
    async fn an_account_fails_while_its_failed_mail_waits() {
        let mut slots = Slots::default();
        let accounts = || (0..5).map(|account| format!("acct_bad{account}"));
        let waiting = accounts().map(|account| {
            let mut mail = invitation(&account, 0, 1);
            mail.value.at = Timestamp::from_millis(30_000);
            mail
        });
        let queue = waiting.chain(accounts().map(|account| invitation(&account, 1, 0))).collect();
        assert_eq!(begin(&mut slots, queue), ["acct_bad0.1", "acct_bad1.1"]);
    }
}
