//! A store with one key.

use loom::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Store {
    primary: AtomicU64,
    replica: AtomicU64,
}

impl Default for Store {
    fn default() -> Self {
        Self { primary: AtomicU64::new(0), replica: AtomicU64::new(0) }
    }
}

impl Store {
    pub(super) fn revoke(&self) {
        self.primary.store(1, Ordering::SeqCst);
    }

    pub(super) fn newest(&self) -> u64 {
        self.primary.load(Ordering::SeqCst)
    }

    pub(super) fn find(&self, from_replica: bool) -> (bool, u64) {
        let position = if from_replica { &self.replica } else { &self.primary }.load(Ordering::SeqCst);
        (position == 0, position)
    }
}
