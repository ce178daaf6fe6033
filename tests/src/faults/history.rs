use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::schedule::Fault;

/// Since the start of the history.
pub type Micros = u64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub begun: Micros,
    pub done: Micros,
    pub what: Seen,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    Issued {
        key: u32,
    },
    Revoked {
        key: u32,
        confirmed: usize,
        waited_out: usize,
    },
    /// The key may or may not be revoked.
    Undecided {
        key: u32,
        cancelled: bool,
    },
    Asked {
        key: u32,
        node: usize,
        verdict: Verdict,
    },
    /// A request with a key whose account has limits. Limits refuse with 429.
    Limited {
        key: u32,
        limit: Limit,
        node: usize,
        verdict: Verdict,
    },
    Fault(Fault),
    /// The budget in the store after the run.
    Credits {
        total: u64,
        remaining: u64,
    },
    /// The key in the store after the run.
    InTheEnd {
        key: u32,
        is_there: bool,
        is_revoked: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Accepted,
    Refused,
    Unavailable,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Budget,
    /// [`STRICT_QUOTA`](super::STRICT_QUOTA) requests in any second.
    StrictRate,
}

#[derive(Debug)]
pub struct History {
    start: Instant,
    events: Mutex<Vec<Event>>,
}

impl History {
    pub fn new() -> Self {
        Self { start: Instant::now(), events: Mutex::new(Vec::new()) }
    }

    pub fn now(&self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    pub fn add(&self, begun: Micros, what: Seen) {
        let event = Event { begun, done: self.now(), what };
        self.events.lock().unwrap().push(event);
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

pub fn save(events: &[Event], file: &Path) -> std::io::Result<()> {
    let mut output = BufWriter::new(File::create(file)?);
    for event in events {
        serde_json::to_writer(&mut output, event)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

pub fn load(file: &Path) -> std::io::Result<Vec<Event>> {
    BufReader::new(File::open(file)?).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
