//! Work that takes milliseconds of a processor, such as a search in many audit entries.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Management;
use crate::error::ManagementError;

/// Turns for half of the processors, so that the other half serves requests.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

impl Management {
    /// Runs a part of a long work on a thread that serves no requests. Parts of different works take turns.
    ///
    /// A part must not contain another one: it would wait for its own turn.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        part: impl Future<Output = Result<T, ManagementError>> + Send + 'static,
    ) -> Result<T, ManagementError> {
        // The thread keeps the turn, so a part that nobody waits for any more counts, too. The semaphore is never closed.
        let turn = Arc::clone(&self.0.turns.0).acquire_owned().await.ok();
        let runtime = Handle::current();
        let part = move || {
            let _turn = turn;
            runtime.block_on(part)
        };
        tokio::task::spawn_blocking(part).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a part of a long work ended without a result");
            Err(ManagementError::Internal)
        })
    }
}
