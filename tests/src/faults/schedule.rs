use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::NODES;
use super::store::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Stop(usize),
    Kill(usize),
    Cut(usize),
    /// Milliseconds each way.
    Delay(usize, u64),
    Crash,
    Freeze,
}

impl Fault {
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Stop(node) | Self::Kill(node) | Self::Cut(node) | Self::Delay(node, _) => Some(node),
            Self::Crash | Self::Freeze => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub at: Duration,
    pub lasts: Duration,
    pub fault: Fault,
}

/// The same seed gives the same plan.
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
