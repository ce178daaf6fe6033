//! A member of the register, which leases from the store: a node or a relay. It behaves like `Follower` in keyward's `lease.rs`.

use crate::settings::Time;

/// The activity of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It waits for the next renewal or a notification.
    Pausing,
    /// It waits for an answer of the store.
    Asking,
    /// A relay waits until its nodes have applied the entries that it has read.
    Collecting,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) doing: Doing,
    /// Increases with every change of activity, so that late events can be ignored.
    pub(crate) turn: u32,
    /// Increases with every attempt to catch up.
    pub(crate) attempt: u32,
    /// The last entry that it has applied, and for a relay all of its nodes.
    pub(crate) applied: u64,
    /// The last entry that it has read.
    pub(crate) read: u64,
    /// `true` if it was notified since it last began to catch up.
    pub(crate) told: bool,
    /// The time of its last renewal.
    pub(crate) sent: Time,
    /// The end of its lease.
    pub(crate) lease_until: Time,
    /// `true` if it has stopped.
    pub(crate) stopped: bool,
    /// The number of its nodes that have stopped.
    pub(crate) nodes_stopped: usize,
    /// The number of its nodes.
    pub(crate) nodes: usize,
}

impl Member {
    pub(crate) fn new(nodes: usize, lease_until: Time) -> Self {
        Self {
            doing: Doing::Pausing,
            turn: 0,
            attempt: 0,
            applied: 0,
            read: 0,
            told: false,
            sent: 0,
            lease_until,
            stopped: false,
            nodes_stopped: 0,
            nodes,
        }
    }
}
