//! Uses of keys, written in batches.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::clock::Clock;
use crate::id::CredentialId;
use crate::store::{KeyStore, KeyUse, StoreError};

/// Beyond it the oldest are lost.
const CAPACITY: usize = 16_384;
const BATCH: usize = 512;

pub(crate) struct Uses {
    queue: ArrayQueue<KeyUse>,
    interval: u32,
    clock: Arc<dyn Clock>,
}

impl Uses {
    pub(crate) fn new(interval: Duration, clock: Arc<dyn Clock>) -> Self {
        let interval = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX).max(1);
        Self { queue: ArrayQueue::new(CAPACITY), interval, clock }
    }

    pub(crate) fn never(&self, second: u32) -> u32 {
        second.wrapping_sub(self.interval)
    }

    pub(crate) fn is_due(&self, recorded: u32, second: u32) -> bool {
        second.wrapping_sub(recorded) >= self.interval
    }

    pub(crate) fn note(&self, id: &CredentialId, client: Option<IpAddr>) {
        self.queue.force_push(KeyUse::new(id.clone(), self.clock.now(), client));
    }

    /// Uses that the store did not take return to the queue.
    pub(crate) async fn flush(&self, store: &dyn KeyStore) -> Result<(), StoreError> {
        loop {
            let mut batch: Vec<KeyUse> = std::iter::from_fn(|| self.queue.pop()).take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            // Only the last use of each key: a key that is not cached is queued at every use.
            batch.sort_unstable_by(|a, b| (&a.id, b.at).cmp(&(&b.id, a.at)));
            batch.dedup_by(|other, last| other.id == last.id);
            if let Err(error) = store.record_use(&batch).await {
                for lost in batch {
                    let _ = self.queue.push(lost);
                }
                return Err(error);
            }
        }
    }
}
