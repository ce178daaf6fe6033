//! Which of the mails that are due are attempted now.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::task::{Id, JoinSet};

use crate::error::ManagementError;
use crate::records::{MailContent, StoredMail, Versioned};

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
pub(crate) struct Slots {
    tasks: JoinSet<Result<bool, ManagementError>>,
    running: HashMap<Id, Running>,
    /// Of the mails that were chosen last.
    failing: HashSet<String>,
}

#[derive(Clone, PartialEq, Eq)]
struct Running {
    mail: String,
    owner: String,
    class: Class,
}

impl Slots {
    /// Returns the mails to attempt now: the urgent ones first, and one for each owner.
    pub(super) fn choose(&mut self, due: Vec<Versioned<StoredMail>>) -> Vec<Versioned<StoredMail>> {
        self.failing = due.iter().filter(|mail| mail.failures > 0).map(|mail| owner(&mail.value)).collect();
        let mut due: Vec<_> = due.into_iter().map(|mail| (self.describe(&mail.value), mail)).collect();
        due.sort_by_key(|(described, mail)| (described.class, mail.at));
        let mut taken: Vec<Running> = self.running.values().cloned().collect();
        let mut chosen = Vec::new();
        for (described, mail) in due {
            let of_class = taken.iter().filter(|other| other.class == described.class).count();
            let is_free = taken.len() < Class::Urgent.slots() && of_class < described.class.slots();
            if is_free && taken.iter().all(|other| other.owner != described.owner && other.mail != described.mail) {
                taken.push(described);
                chosen.push(mail);
            }
        }
        chosen
    }

    pub(super) fn start(
        &mut self,
        mail: &StoredMail,
        attempt: impl Future<Output = Result<bool, ManagementError>> + Send + 'static,
    ) {
        let running = self.describe(mail);
        let task = self.tasks.spawn(attempt);
        self.running.insert(task.id(), running);
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
        let id = match self.tasks.join_next_with_id().await? {
            Ok((id, done)) => {
                if let Err(error) = done {
                    // The claim ends after two minutes, and the mail is due again.
                    keyward_core::log_limited!(warn, %error, "a mail waits for the store");
                }
                id
            }
            Err(error) => {
                tracing::error!(%error, "an attempt to send a mail panicked");
                error.id()
            }
        };
        self.running.remove(&id);
        Some(())
    }

    fn describe(&self, mail: &StoredMail) -> Running {
        let owner = owner(mail);
        let class = match mail.content {
            _ if self.failing.contains(&owner) => Class::Failing,
            MailContent::Reset { .. } | MailContent::KeyCompromised { .. } | MailContent::NewDevice { .. } => {
                Class::Urgent
            }
            MailContent::Invitation { .. } | MailContent::KeyExpiring { .. } => Class::Other,
        };
        Running { mail: mail.id.clone(), owner, class }
    }
}

/// The account that chose the recipient, or the recipient.
fn owner(mail: &StoredMail) -> String {
    match &mail.content {
        MailContent::Invitation { .. } => mail.account.as_ref().map(ToString::to_string).unwrap_or_default(),
        MailContent::Reset { user, .. }
        | MailContent::KeyExpiring { user, .. }
        | MailContent::KeyCompromised { user, .. }
        | MailContent::NewDevice { user, .. } => user.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use keyward_core::Timestamp;

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

    fn begin(slots: &mut Slots, due: Vec<Versioned<StoredMail>>) -> Vec<String> {
        let chosen = slots.choose(due);
        chosen.iter().for_each(|mail| slots.start(&mail.value, std::future::pending()));
        chosen.iter().map(|mail| mail.id.clone()).collect()
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
}
