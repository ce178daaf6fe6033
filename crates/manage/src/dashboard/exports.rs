//! Files that are written while they are sent: one for each account, few for each user and at once, and none without an end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use http::StatusCode;
use keyward_core::AccountId;
use keyward_core::id::UserId;
use tokio::time::{Instant, timeout_at};

use super::error::PageError;
use super::words;
use crate::error::ManagementError;

/// Of one process. Each has a batch of rows in memory.
const MOST_AT_ONCE: usize = 32;

/// Places that only users of the operator take.
const FOR_OPERATOR: usize = 4;

/// A user may be in many accounts.
const MOST_OF_A_USER: usize = 2;

/// Slow clients hold their place so long.
const LONGEST: Duration = Duration::from_secs(5 * 60);

const RETRY_AFTER: u64 = 10;

/// Names of people and keys that an export has in memory.
const MOST_NAMES: usize = 10_000;

/// Forgets the names that are known, if there are too many. They are looked up again.
pub(super) fn make_room<Id, Name>(names: &mut HashMap<Id, Name>) {
    if names.len() >= MOST_NAMES {
        names.clear();
    }
}

#[derive(Clone, Default)]
pub(super) struct Exports(Arc<Mutex<HashMap<AccountId, Running>>>);

struct Running {
    user: UserId,
    deadline: Instant,
}

/// A place among the running exports.
pub(super) struct Export {
    exports: Exports,
    account: AccountId,
    deadline: Instant,
}

impl Exports {
    pub(super) fn begin(&self, account: &AccountId, user: &UserId, is_operator: bool) -> Result<Export, PageError> {
        let now = Instant::now();
        let mut running = self.running();
        // A connection that is stuck keeps its file, but not its place.
        running.retain(|_, export| export.deadline > now);
        let full = |title, text| PageError::new(StatusCode::TOO_MANY_REQUESTS, title, text).retry_after(RETRY_AFTER);
        if running.contains_key(account) {
            return Err(full(words::errors::EXPORT_IS_RUNNING, words::errors::ONE_EXPORT_OF_AN_ACCOUNT));
        }
        if running.values().filter(|export| export.user == *user).count() >= MOST_OF_A_USER {
            return Err(full(words::errors::TOO_MANY_EXPORTS, words::errors::TWO_EXPORTS_OF_A_USER));
        }
        if running.len() >= if is_operator { MOST_AT_ONCE } else { MOST_AT_ONCE - FOR_OPERATOR } {
            return Err(full(words::errors::TOO_MANY_EXPORTS, words::errors::OTHERS_EXPORT));
        }
        let deadline = now + LONGEST;
        running.insert(account.clone(), Running { user: user.clone(), deadline });
        Ok(Export { exports: self.clone(), account: account.clone(), deadline })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<AccountId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Export {
    /// Keeps the place until the last batch. After the deadline the stream fails, so that a part does not pass for the whole.
    pub(super) fn limit<T: Send + 'static>(
        self,
        batches: impl Stream<Item = Result<T, ManagementError>> + Send + 'static,
    ) -> impl Stream<Item = Result<T, ManagementError>> + Send + 'static {
        stream::try_unfold((self, Box::pin(batches)), async |(export, mut batches)| {
            // A store that answers at once would hold up the other tasks of the runtime's thread.
            tokio::task::yield_now().await;
            let is_late = Instant::now() >= export.deadline;
            let batch = if is_late { None } else { timeout_at(export.deadline, batches.next()).await.ok() };
            match batch {
                Some(Some(batch)) => Ok(Some((batch?, (export, batches)))),
                Some(None) => Ok(None),
                None => {
                    tracing::warn!(account = %export.account, "an export took longer than {LONGEST:?}, and was stopped");
                    Err(ManagementError::Internal)
                }
            }
        })
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        let mut running = self.exports.running();
        if running.get(&self.account).is_some_and(|export| export.deadline == self.deadline) {
            running.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_long_file_do_not_fill_the_memory() {
        let mut names = HashMap::new();
        let mut most = 0;
        for batch in 0..1_000 {
            make_room(&mut names);
            names.extend((0..100).map(|id| (batch * 100 + id, "Ada")));
            most = most.max(names.len());
        }
        assert!(most < MOST_NAMES + 100, "{most}");
    }

    fn begin(exports: &Exports, account: &str, user: &str) -> Result<Export, PageError> {
        exports.begin(&account.parse().unwrap(), &user.parse().unwrap(), false)
    }

    fn refusal(result: Result<Export, PageError>) -> Option<(StatusCode, Option<u64>)> {
        result.err().map(|error| (error.status, error.retry_after))
    }

    const FULL: Option<(StatusCode, Option<u64>)> = Some((StatusCode::TOO_MANY_REQUESTS, Some(RETRY_AFTER)));

    #[tokio::test(start_paused = true)]
    async fn an_account_has_one_a_user_two_and_a_process_few() {
        let exports = Exports::default();
        let begin = |account: &str, user: &str| begin(&exports, account, user);
        let first = begin("a", "user_1").unwrap();
        assert_eq!(refusal(begin("a", "user_2")), FULL);
        drop(first);
        let of_user = ["a", "b"].map(|account| begin(account, "user_1").unwrap());
        assert_eq!(refusal(begin("c", "user_1")), FULL);
        let others: Vec<_> = (2..MOST_AT_ONCE - FOR_OPERATOR)
            .map(|n| begin(&format!("of{n}"), &format!("user_of{n}")).unwrap())
            .collect();
        assert_eq!(refusal(begin("d", "user_2")), FULL);
        let of_operator = (0..FOR_OPERATOR).map(|n| {
            let (account, user) = (format!("op{n}").parse().unwrap(), format!("user_op{n}").parse().unwrap());
            exports.begin(&account, &user, true).unwrap()
        });
        let of_operator: Vec<_> = of_operator.collect();
        assert_eq!(refusal(exports.begin(&"d".parse().unwrap(), &"user_2".parse().unwrap(), true)), FULL);
        // Those that are stuck lose their places, and do not take the new one's.
        tokio::time::advance(LONGEST).await;
        let again = begin("a", "user_1").unwrap();
        drop((of_user, others, of_operator));
        assert_eq!(refusal(begin("a", "user_1")), FULL);
        drop(again);
        assert_eq!(refusal(begin("a", "user_1")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_export_fails_and_frees_its_place() {
        let exports = Exports::default();
        let begin = || begin(&exports, "a", "user_1").unwrap();
        let stuck = stream::iter([Ok(1)]).chain(stream::pending());
        let got: Vec<_> = begin().limit(stuck).collect().await;
        assert!(matches!(got.as_slice(), [Ok(1), Err(ManagementError::Internal)]), "{got:?}");
        // Each batch comes at once, and there is no last one.
        let mut endless = Box::pin(begin().limit(stream::repeat_with(|| Ok(1))));
        endless.next().await.unwrap().unwrap();
        tokio::time::advance(LONGEST).await;
        assert!(endless.next().await.unwrap().is_err());
        assert!(endless.next().await.is_none());
        drop(endless);
        drop(begin());
    }
}
