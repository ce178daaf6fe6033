//! Behaves like `Follower` in keyward's `lease.rs`.

use crate::settings::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Pausing,
    Asking,
    /// A relay waits for its nodes.
    Collecting,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) doing: Doing,
    /// Increases with every activity, so that late events can be ignored.
    pub(crate) turn: u32,
    pub(crate) attempt: u32,
    /// For a relay, all of its nodes have too.
    pub(crate) applied: u64,
    pub(crate) read: u64,
    /// Notified since it last began to catch up.
    pub(crate) told: bool,
    pub(crate) sent: Time,
    pub(crate) lease_until: Time,
    pub(crate) stopped: bool,
    pub(crate) nodes_stopped: usize,
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
