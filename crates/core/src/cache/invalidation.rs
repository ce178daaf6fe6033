//! Where a node stands in the change log: the two orders of steps that make a read which races an invalidation stale.
//!
//! `cache/loom` checks this file, the epochs, the gate and the front over the interleavings of threads.

use super::epochs::{Epochs, FillEpoch};
use super::gate::Gate;
use crate::store::Invalidation;

/// What a read of the store began under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub(crate) fill_epoch: FillEpoch,
    applied: u64,
}

impl Beginning {
    /// To be called before the store is asked. The epoch is read first: see [`apply`].
    pub(crate) fn of(epochs: &Epochs, gate: &Gate) -> Self {
        let fill_epoch = epochs.begin();
        Self { fill_epoch, applied: gate.applied() }
    }

    /// Whether an answer from a snapshot at this position is not behind what this node had applied when it asked. A replica
    /// that lags gives such answers; a store without a log gives no position.
    pub(crate) fn accepts(&self, position: Option<u64>) -> bool {
        position.is_none_or(|number| number >= self.applied)
    }
}

/// Makes stale what the entries up to `number` overtake.
///
/// The number is told first. A read that begins in between sees either the epoch of before, and is stale, or the number, and
/// takes no answer from before the entries. The other way round it could see the new epoch and the old number, and an
/// old answer of a replica would hold.
pub(crate) fn apply<'a>(
    epochs: &Epochs,
    gate: &Gate,
    number: u64,
    overtaken: impl IntoIterator<Item = &'a Invalidation>,
) {
    gate.set_applied(number);
    for what in overtaken {
        epochs.invalidate(what);
    }
}
