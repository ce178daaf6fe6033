//! One that leases from the store: a node, or a relay. What it does is what `Follower` does in keyward's `lease.rs`.

use crate::settings::Time;

/// What a member does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It waits for the next renewal, or for being told.
    Pausing,
    /// It waits for an answer of the store.
    Asking,
    /// A relay: it waits until its nodes have applied what it has read.
    Collecting,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) doing: Doing,
    /// Goes up whenever it does something else: what is late for it is known by that.
    pub(crate) turn: u32,
    /// Goes up with every attempt to catch up.
    pub(crate) attempt: u32,
    /// The last entry that it has applied; a relay's nodes all have.
    pub(crate) applied: u64,
    /// The last entry that it has read.
    pub(crate) read: u64,
    /// Told of something new since it last began to catch up.
    pub(crate) told: bool,
    /// When it sent its last renewal.
    pub(crate) sent: Time,
    /// Until when it may answer.
    pub(crate) lease_until: Time,
    /// It does nothing any more.
    pub(crate) stopped: bool,
    /// Of its nodes so many do nothing any more.
    pub(crate) nodes_stopped: usize,
    /// Of its nodes so many do.
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
