//! Reads that many callers share.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_core::store::StoreError;
use tokio::sync::Mutex;

#[derive(Default)]
pub(crate) struct SharedReads {
    begun: AtomicU64,
    /// The number of the last read that succeeded.
    newest: Mutex<u64>,
}

impl SharedReads {
    /// Waits for a read that begins after this call. Callers that come at once wait for the same one.
    pub(crate) async fn share(&self, read: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
        let begun_before = self.begun.load(Ordering::Acquire);
        let mut newest = self.newest.lock().await;
        if *newest > begun_before {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        read.await?;
        *newest = number;
        Ok(())
    }
}
