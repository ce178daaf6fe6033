//! What the sources of core import from the store, and a store with one key and one revocation.

pub(crate) use keyward::store::{KeyStore, KeyUse, StoreError};

use keyward::key::Digest;
use keyward::{AccountId, CredentialId};
use loom::sync::atomic::{AtomicU64, Ordering};

/// As in core, where it may grow: the sources that are taken in have to know all there is.
#[derive(Debug)]
pub(crate) enum What {
    Key { id: CredentialId, digest: Digest },
    Account(AccountId),
    Everything,
}

/// A database with one key. Its log has no entry, and once the key is revoked it has one.
#[derive(Debug)]
pub struct Store {
    primary: AtomicU64,
    replica: AtomicU64,
}

impl Default for Store {
    fn default() -> Self {
        Self { primary: AtomicU64::new(0), replica: AtomicU64::new(0) }
    }
}

impl Store {
    /// Commits the revocation.
    pub fn revoke(&self) {
        self.primary.store(1, Ordering::SeqCst);
    }

    /// The replica catches up.
    pub fn replicate(&self) {
        let position = self.primary.load(Ordering::SeqCst);
        self.replica.store(position, Ordering::SeqCst);
    }

    /// The log's newest position.
    pub(crate) fn newest(&self) -> u64 {
        self.primary.load(Ordering::SeqCst)
    }

    /// Whether the key is good, and the position, from one snapshot.
    pub(crate) fn find(&self, from_replica: bool) -> (bool, u64) {
        let position = if from_replica { &self.replica } else { &self.primary }.load(Ordering::SeqCst);
        (position == 0, position)
    }
}
