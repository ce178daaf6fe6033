//! The order of steps that makes a store read stale if it races an invalidation.
//!
//! `cache/loom` checks this file, the epochs, the gate and the hot keys in the interleavings of threads.

use super::epochs::{Epochs, FillEpoch};
use super::gate::Gate;
use crate::store::Invalidation;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub(crate) fill_epoch: FillEpoch,
    applied: u64,
}

impl Beginning {
    /// Reads the state before the store is asked, and the epoch first: see [`apply`].
    pub(crate) fn of(epochs: &Epochs, gate: &Gate) -> Self {
        let fill_epoch = epochs.begin();
        Self { fill_epoch, applied: gate.applied() }
    }

    /// Returns `true` if an answer at this position is not behind what the node had applied when it asked.
    ///
    /// A lagging replica can be behind. A store without a log has no position.
    pub(crate) fn accepts(&self, position: Option<u64>) -> bool {
        position.is_none_or(|number| number >= self.applied)
    }
}

/// Makes every answer stale that the entries up to `number` invalidate.
///
/// The number is published first. A read that begins in between sees the old epoch and is stale, or sees the new number
/// and rejects answers from before the entries. In the other order it could see the new epoch with the old number, and
/// accept an old answer of a replica.
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
