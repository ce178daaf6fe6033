//! What was seen, and when: all by one clock, that of the process which asks.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::schedule::Fault;

/// Microseconds since the history began.
pub type Micros = u64;

/// Something that began and ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it began.
    pub begun: Micros,
    /// When it had ended.
    pub done: Micros,
    /// What it was.
    pub what: Seen,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// A key was issued.
    Issued {
        /// Its number.
        key: u32,
    },
    /// A revocation returned Ok.
    Revoked {
        /// The key.
        key: u32,
        /// Nodes that had confirmed.
        confirmed: usize,
        /// Nodes that were waited out.
        waited_out: usize,
    },
    /// A revocation failed, or its caller gave up: the key may or may not be revoked.
    Undecided {
        /// The key.
        key: u32,
        /// Whether the caller gave up.
        cancelled: bool,
    },
    /// A node was asked.
    Asked {
        /// With this key.
        key: u32,
        /// The node.
        node: usize,
        /// What it said.
        verdict: Verdict,
    },
    /// A fault was there.
    Fault(Fault),
    /// The key as the store holds it in the end.
    InTheEnd {
        /// The key.
        key: u32,
        /// Whether it is there.
        is_there: bool,
        /// Whether it is revoked.
        is_revoked: bool,
    },
}

/// What a node said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 200.
    Accepted,
    /// 401: the key is no good.
    Refused,
    /// 503: the node cannot tell.
    Unavailable,
    /// No answer.
    Failed,
}

/// A history that is being written.
#[derive(Debug)]
pub struct History {
    start: Instant,
    events: Mutex<Vec<Event>>,
}

impl History {
    /// An empty history, which begins now.
    pub fn new() -> Self {
        Self { start: Instant::now(), events: Mutex::new(Vec::new()) }
    }

    /// The time.
    pub fn now(&self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    /// Adds what began at `begun` and has ended now.
    pub fn add(&self, begun: Micros, what: Seen) {
        let event = Event { begun, done: self.now(), what };
        self.events.lock().unwrap().push(event);
    }

    /// All of it.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a history to a file, a line of JSON for every event.
pub fn save(events: &[Event], file: &Path) -> std::io::Result<()> {
    let mut output = BufWriter::new(File::create(file)?);
    for event in events {
        serde_json::to_writer(&mut output, event)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Reads a history that was saved.
pub fn load(file: &Path) -> std::io::Result<Vec<Event>> {
    BufReader::new(File::open(file)?).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
