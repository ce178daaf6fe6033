//! Which faults there are, and a plan of them from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::NODES;
use super::store::Kind;

/// Something that goes wrong, and is put right after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The node's process is stopped by a signal, and goes on.
    Stop(usize),
    /// The node's process is killed, and started again.
    Kill(usize),
    /// Nothing comes through between the node and the store.
    Cut(usize),
    /// What goes between the node and the store takes this many milliseconds longer, each way.
    Delay(usize, u64),
    /// The store's server crashes, and is started again.
    Crash,
    /// The store's server is stopped by a signal, and goes on.
    Freeze,
}

impl Fault {
    /// The node that it is about; none if it is about the store.
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Stop(node) | Self::Kill(node) | Self::Cut(node) | Self::Delay(node, _) => Some(node),
            Self::Crash | Self::Freeze => None,
        }
    }
}

/// A fault at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// From the beginning.
    pub at: Duration,
    /// For so long.
    pub lasts: Duration,
    /// This.
    pub fault: Fault,
}

/// The faults of so many seconds: the same for the same seed.
pub fn plan(seed: u64, seconds: u64, kind: Kind) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let end = Duration::from_secs(seconds);
    // What has begun is put right, and seen to be right, before the end.
    let last = end.saturating_sub(Duration::from_secs(6));
    let mut at = Duration::from_millis(1_500);
    let mut planned = Vec::new();
    while at < last {
        let node = random.random_range(0..NODES);
        let fault = match random.random_range(0..if kind == Kind::Sqlite { 2 } else { 9 }) {
            0 => Fault::Kill(node),
            1 | 2 => Fault::Stop(node),
            3 | 4 => Fault::Cut(node),
            5 | 6 => Fault::Delay(node, random.random_range(5..120)),
            7 => Fault::Freeze,
            _ => Fault::Crash,
        };
        let lasts = match fault {
            // As long as it takes to start again, or a little longer.
            Fault::Crash => random.random_range(0..500),
            Fault::Freeze => random.random_range(100..1_500),
            _ => random.random_range(50..4_000),
        };
        planned.push(Planned { at, lasts: Duration::from_millis(lasts), fault });
        // Now and then one begins while the one before lasts.
        at += Duration::from_millis(random.random_range(100..3_000));
    }
    planned
}
