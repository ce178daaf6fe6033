//! The events that the clients saw, with times from one clock.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::schedule::Fault;

/// Microseconds since the history began.
pub type Micros = u64;

/// Something that happened, with its start and end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Start time.
    pub begun: Micros,
    /// End time.
    pub done: Micros,
    /// The observation.
    pub what: Seen,
}

/// An observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// A key was issued.
    Issued {
        /// The key's number.
        key: u32,
    },
    /// A revocation returned Ok.
    Revoked {
        /// The key.
        key: u32,
        /// Number of nodes that confirmed.
        confirmed: usize,
        /// Number of nodes whose lease was waited out.
        waited_out: usize,
    },
    /// A revocation failed or timed out, so the key may or may not be revoked.
    Undecided {
        /// The key.
        key: u32,
        /// Whether the caller timed out.
        cancelled: bool,
    },
    /// A client sent a request to a node.
    Asked {
        /// The key it presented.
        key: u32,
        /// The node.
        node: usize,
        /// The node's answer.
        verdict: Verdict,
    },
    /// A fault was active.
    Fault(Fault),
    /// The key as the store holds it after the run.
    InTheEnd {
        /// The key.
        key: u32,
        /// Whether the store has the key.
        is_there: bool,
        /// Whether it is revoked.
        is_revoked: bool,
    },
}

/// A node's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 200.
    Accepted,
    /// 401: the key is not valid.
    Refused,
    /// 503: the node cannot decide.
    Unavailable,
    /// No answer.
    Failed,
}

/// A history in progress.
#[derive(Debug)]
pub struct History {
    start: Instant,
    events: Mutex<Vec<Event>>,
}

impl History {
    /// Creates an empty history whose clock starts now.
    pub fn new() -> Self {
        Self { start: Instant::now(), events: Mutex::new(Vec::new()) }
    }

    /// Returns the current time.
    pub fn now(&self) -> Micros {
        self.start.elapsed().as_micros() as Micros
    }

    /// Adds an event that began at `begun` and ends now.
    pub fn add(&self, begun: Micros, what: Seen) {
        let event = Event { begun, done: self.now(), what };
        self.events.lock().unwrap().push(event);
    }

    /// Returns all events.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a history to a file, one line of JSON an event.
pub fn save(events: &[Event], file: &Path) -> std::io::Result<()> {
    let mut output = BufWriter::new(File::create(file)?);
    for event in events {
        serde_json::to_writer(&mut output, event)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Reads a saved history.
pub fn load(file: &Path) -> std::io::Result<Vec<Event>> {
    BufReader::new(File::open(file)?).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
