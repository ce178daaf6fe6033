//! A node with one key.

use std::sync::Arc;
use std::time::Duration;

use super::store::Store;
use crate::cache::epochs::Epochs;
use crate::cache::fingerprint::{Fingerprint, Fingerprints};
use crate::cache::gate::{Gate, Instant};
use crate::cache::hot::{Answer, HotKeys};
use crate::cache::invalidation::{Beginning, apply};
use crate::cache::uses::Uses;
use crate::clock::{ManualClock, Timestamp};
use crate::id::{AccountId, CredentialId};
use crate::identity::Identity;
use crate::key::Digest;
use crate::store::Invalidation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Right,
    /// Reads the epoch after the answer.
    BornLate,
    /// Publishes the position after the invalidations.
    AppliedLate,
    /// Opens the gate before applying entries.
    OpenedEarly,
    /// Accepts a replica's old answer.
    AnySnapshot,
}

pub(super) struct Node {
    order: Order,
    epochs: Epochs,
    gate: Gate,
    hot: HotKeys,
    uses: Uses,
    digest: Digest,
    fingerprint: Fingerprint,
    id: CredentialId,
    account: AccountId,
}

const NOW: Instant = Instant(1_000_000_000);
const LATER: Instant = Instant(2_000_000_000);

impl Node {
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
            fingerprint: Fingerprints::new().unwrap().of(b"key"),
            id: "key_1".parse().unwrap(),
            account: "acct_1".parse().unwrap(),
        }
    }

    pub(super) fn hit(&self) -> bool {
        self.gate.is_open(NOW) && self.hot.get(&self.fingerprint, NOW, &self.epochs, &self.uses, || None).is_some()
    }

    /// Returns `true` if the key was good.
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
            self.hot.insert(self.fingerprint, &answer, NOW, &self.uses, None);
        } else {
            self.hot.remove(&self.fingerprint);
        }
        is_good
    }

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
