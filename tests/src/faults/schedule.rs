//! The kinds of faults, and a plan of them from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::NODES;
use super::store::Kind;

/// A fault that ends after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A signal stops the node's process, and a second one continues it.
    Stop(usize),
    /// The node's process is killed and started again.
    Kill(usize),
    /// The link between the node and the store carries nothing.
    Cut(usize),
    /// The link between the node and the store is slower by this many milliseconds each way.
    Delay(usize, u64),
    /// The store's server crashes and is started again.
    Crash,
    /// A signal stops the store's server, and a second one continues it.
    Freeze,
}

impl Fault {
    /// Returns the node that has the fault, or `None` if the store has it.
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Stop(node) | Self::Kill(node) | Self::Cut(node) | Self::Delay(node, _) => Some(node),
            Self::Crash | Self::Freeze => None,
        }
    }
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Start, counted from the beginning of the run.
    pub at: Duration,
    /// Duration.
    pub lasts: Duration,
    /// The fault.
    pub fault: Fault,
}

/// Plans the faults of a run. The same seed gives the same plan.
pub fn plan(seed: u64, seconds: u64, kind: Kind) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let end = Duration::from_secs(seconds);
    // Leave time to repair every fault and to see the recovery.
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
            // Short, because starting the server again takes time too.
            Fault::Crash => random.random_range(0..500),
            Fault::Freeze => random.random_range(100..1_500),
            _ => random.random_range(50..4_000),
        };
        planned.push(Planned { at, lasts: Duration::from_millis(lasts), fault });
        // Faults sometimes overlap.
        at += Duration::from_millis(random.random_range(100..3_000));
    }
    planned
}
