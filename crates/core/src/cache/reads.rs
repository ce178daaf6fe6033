//! Turns to read the store: few at once, and no read for a request that has timed out.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::store::StoreError;

pub(super) struct Reads {
    permits: Semaphore,
    timeout: Duration,
}

/// The end of a request's wait for the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

#[derive(Debug, thiserror::Error)]
#[error("the request waited so long for its turn that no time was left to read the store")]
struct TooLate;

impl Reads {
    pub(super) fn new(concurrency: usize, timeout: Duration) -> Self {
        Self { permits: Semaphore::new(concurrency), timeout }
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

    /// Begins `read` only if time is left.
    ///
    /// The permits of requests that time out pass to the requests behind them, which would begin reads in vain.
    pub(super) async fn read<T>(
        &self,
        deadline: Deadline,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if Instant::now() >= deadline.0 {
            return Err(StoreError::unavailable(TooLate));
        }
        read.await
    }
}
