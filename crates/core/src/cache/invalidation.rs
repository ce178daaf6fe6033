//! Steps in the order that makes racing reads stale, checked by `cache/loom`.

use super::epochs::{Epochs, FillEpoch};
use super::gate::Gate;
use crate::store::Invalidation;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub(crate) fill_epoch: FillEpoch,
    applied: u64,
}

impl Beginning {
    /// Reads the epoch first: see [`apply`].
    pub(crate) fn of(epochs: &Epochs, gate: &Gate) -> Self {
        let fill_epoch = epochs.begin();
        Self { fill_epoch, applied: gate.applied() }
    }

    /// A lagging replica can be behind.
    pub(crate) fn accepts(&self, position: Option<u64>) -> bool {
        position.is_none_or(|number| number >= self.applied)
    }
}

/// The number comes first. Otherwise a read could see the new epoch with the old number, and accept a replica's old
/// answer.
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
