//! Turns to read the store: few at once, and no read that would end after its request has timed out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::store::StoreError;

pub(super) struct Reads {
    permits: Semaphore,
    timeout: Duration,
    /// The moving average of answered reads, in nanoseconds.
    usual: AtomicU64,
}

/// The end of a request's wait for the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

#[derive(Debug, thiserror::Error)]
#[error("the request waited so long for its turn that no time was left to read the store")]
struct TooLate;

impl Reads {
    pub(super) fn new(concurrency: usize, timeout: Duration) -> Self {
        Self { permits: Semaphore::new(concurrency), timeout, usual: AtomicU64::new(0) }
    }

    /// For a request that arrives now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline(Instant::now() + self.timeout)
    }

    /// Runs `reads` when it is their turn.
    pub(super) async fn in_turn<T>(
        &self,
        deadline: Deadline,
        reads: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let run = async {
            let _permit = self.permits.acquire().await.map_err(StoreError::unavailable)?;
            reads.await
        };
        timeout_at(deadline.0, run).await.unwrap_or_else(|elapsed| Err(StoreError::unavailable(elapsed)))
    }

    /// Begins `read` only if it can end in time.
    ///
    /// The permits of requests that time out pass to the requests behind them, which would begin reads in vain.
    pub(super) async fn read<T>(
        &self,
        deadline: Deadline,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        if begun + self.usual() >= deadline.0 {
            return Err(StoreError::unavailable(TooLate));
        }
        let answer = read.await?;
        self.note(begun.elapsed());
        Ok(answer)
    }

    /// Never refuses a request that waited for less than half of its time.
    fn usual(&self) -> Duration {
        Duration::from_nanos(self.usual.load(Ordering::Relaxed)).min(self.timeout / 2)
    }

    /// Racing reads may lose a sample.
    fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let usual = self.usual.load(Ordering::Relaxed);
        self.usual.store(usual - usual / 8 + took / 8, Ordering::Relaxed);
    }
}
