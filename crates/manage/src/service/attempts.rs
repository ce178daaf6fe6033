//! Attempts that run beside each other.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use crate::error::ManagementError;

/// `Ok(true)` after an attempt, `Ok(false)` if another node has it.
type Done = Result<bool, ManagementError>;

/// The attempts that are running, and what each is for.
pub(super) struct Attempts<T> {
    tasks: JoinSet<Done>,
    running: HashMap<Id, T>,
    failures: Failures,
}

/// Attempts that failed here, such as at a store that reads but does not write. What was due may be due still.
#[derive(Default)]
pub(crate) struct Failures {
    pub(crate) number: usize,
    pub(crate) last: Option<ManagementError>,
}

impl<T> Default for Attempts<T> {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), running: HashMap::new(), failures: Failures::default() }
    }
}

impl<T> Attempts<T> {
    pub(super) fn start(&mut self, what: T, attempt: impl Future<Output = Done> + Send + 'static) {
        let task = self.tasks.spawn(attempt);
        self.running.insert(task.id(), what);
    }

    #[cfg(feature = "mail")]
    pub(super) fn running(&self) -> impl Iterator<Item = &T> {
        self.running.values()
    }

    /// Returns the failures since the last call.
    pub(super) fn take_failures(&mut self) -> Failures {
        std::mem::take(&mut self.failures)
    }

    /// Waits up to `at_most` for an attempt to end, and returns how many have ended. An error is a panic.
    pub(super) async fn settled(
        &mut self,
        at_most: Duration,
        mut ended: impl FnMut(T, &Result<Done, JoinError>),
    ) -> usize {
        let (mut count, mut wait) = (0, at_most);
        while let Ok(Some(joined)) = tokio::time::timeout(wait, self.tasks.join_next_with_id()).await {
            let (id, done) = match joined {
                Ok((id, done)) => (id, Ok(done)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Some(what) = self.running.remove(&id) {
                ended(what, &done);
            }
            let failure = match done {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error),
                Err(_panic) => Some(ManagementError::Internal),
            };
            if failure.is_some() {
                self.failures = Failures { number: self.failures.number + 1, last: failure };
            }
            (count, wait) = (count + 1, Duration::ZERO);
        }
        count
    }
}
