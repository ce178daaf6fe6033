//! A node: what answers requests, fills the cache and follows the log.

use std::sync::Arc;
use std::time::Duration;

use super::store::Store;
use crate::cache::epochs::Epochs;
use crate::cache::gate::{Gate, Instant};
use crate::cache::hot::{Answer, HotKeys};
use crate::cache::invalidation::{Beginning, apply};
use crate::cache::uses::Uses;
use crate::clock::{ManualClock, Timestamp};
use crate::id::{AccountId, CredentialId};
use crate::identity::Identity;
use crate::key::Digest;
use crate::store::Invalidation;

/// In which order things are done: as core does them, or in one of the ways that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As core does them.
    Right,
    /// A fill notes its epoch when it has its answer, not before it asks.
    BornLate,
    /// The applied position is told after what it overtakes, not before.
    AppliedLate,
    /// The gate is opened for a lease before what was missed is applied.
    OpenedEarly,
    /// An old answer of a replica counts.
    AnySnapshot,
}

/// One node with one key in its cache, or none.
pub(super) struct Node {
    order: Order,
    epochs: Epochs,
    gate: Gate,
    hot: HotKeys,
    uses: Uses,
    digest: Digest,
    id: CredentialId,
    account: AccountId,
}

/// When everything happens: time is not what is checked here.
const NOW: Instant = Instant(1_000_000_000);
const LATER: Instant = Instant(2_000_000_000);

impl Node {
    /// A node that has nothing cached, and a lease or none.
    pub(super) fn new(order: Order, leased: bool) -> Self {
        let gate = Gate::closed();
        if leased {
            gate.open_until(LATER);
        }
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        Self {
            order,
            epochs: Epochs::new(),
            gate,
            hot: HotKeys::new(1_024),
            uses: Uses::new(Duration::from_secs(60), clock),
            digest: Digest::from_bytes([7; 32]),
            id: "key_1".parse().unwrap(),
            account: "acct_1".parse().unwrap(),
        }
    }

    /// A hit: whether the key is accepted from the cache. As `Cache::get`.
    pub(super) fn hit(&self) -> bool {
        self.gate.is_open(NOW) && self.hot.get(&self.digest, NOW, &self.epochs, &self.uses, || None).is_some()
    }

    /// Asks the store once and caches a good answer, if it may. Whether the answer was that the key is good, for whoever began
    /// before it did. As `Cache::fill` and `Cache::land`.
    pub(super) fn fill(&self, store: &Store, from_replica: bool) -> bool {
        let mut beginning = Beginning::of(&self.epochs, &self.gate);
        let (is_good, position) = store.find(from_replica);
        if self.order == Order::BornLate {
            beginning.fill_epoch = self.epochs.begin();
        }
        if !beginning.accepts(Some(position)) && self.order != Order::AnySnapshot {
            return false;
        }
        if is_good {
            let identity = Identity::api_key(self.id.clone(), self.account.clone());
            let answer = Answer { identity, fill_epoch: beginning.fill_epoch, until: LATER };
            self.hot.insert(self.digest, &answer, NOW, &self.uses, None);
        } else {
            self.hot.remove(&self.digest);
        }
        is_good
    }

    /// A look at the log, and a lease once everything is applied. As `Follower::catch_up`.
    pub(super) fn catch_up(&self, store: &Store) {
        if self.order == Order::OpenedEarly {
            self.gate.open_until(LATER);
        }
        let newest = store.newest();
        if newest > self.gate.applied() {
            let revoked = Invalidation::Key { id: self.id.clone(), digest: self.digest };
            if self.order == Order::AppliedLate {
                self.epochs.invalidate(&revoked);
                self.gate.set_applied(newest);
            } else {
                apply(&self.epochs, &self.gate, newest, [&revoked]);
            }
        }
        self.gate.open_until(LATER);
    }
}
