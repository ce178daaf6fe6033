//! What is simulated: how many nodes, what the store costs, how long messages take.

/// Nanoseconds since the beginning of a run.
pub(crate) type Time = u64;

/// What the store and the network take, in milliseconds. The defaults are what was measured; `docs/many-nodes.md` says how.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Statements that the server works on at once: its processors.
    pub workers: usize,
    /// Processor time of a renewal, granted or refused.
    pub renew: f64,
    /// Processor time of the statement with which a node reads the log, and of reading a key.
    pub read: f64,
    /// Processor time of the statement that revokes and appends.
    pub append: f64,
    /// Processor time of reading the register, without its rows.
    pub register: f64,
    /// Processor time of each row of the register.
    pub register_row: f64,
    /// Processor time of notifying one listener.
    pub notify: f64,
    /// Making a commit durable. One flush serves all commits that wait for it; there is one at a time.
    pub flush: f64,
    /// A message one way: the median of a log-normal distribution.
    pub network: f64,
    /// The spread of that distribution; 0.5 puts its 99th percentile at 3.2 medians.
    pub network_sigma: f64,
    /// What a node needs between one answer and its next statement.
    pub turn: f64,
    /// What a relay needs for one message.
    pub relay: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            workers: 8,
            renew: 0.22,
            read: 0.042,
            append: 0.18,
            register: 0.05,
            register_row: 0.000_73,
            notify: 0.047,
            flush: 0.1,
            network: 0.25,
            network_sigma: 0.5,
            turn: 0.1,
            relay: 0.02,
        }
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Nodes that answer from their caches.
    pub nodes: usize,
    /// Nodes that a relay leases for; without one, every node leases from the store.
    pub per_relay: Option<usize>,
    /// How long a lease is, in milliseconds.
    pub lease: f64,
    /// Revocations, one after the other.
    pub revocations: usize,
    /// Nodes that are stopped just before the first revocation, spread over all.
    pub stopped: usize,
    /// What the chances are drawn from.
    pub seed: u64,
    /// What the store and the network take.
    pub costs: Costs,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 10,
            per_relay: None,
            lease: 2_000.0,
            revocations: 100,
            stopped: 0,
            seed: 1,
            costs: Costs::default(),
        }
    }
}

impl Settings {
    /// How many lease from the store: relays, or the nodes themselves.
    #[must_use]
    pub fn members(&self) -> usize {
        self.per_relay.map_or(self.nodes, |nodes| self.nodes.div_ceil(nodes.max(1)))
    }

    /// The lease.
    pub(crate) fn lease(&self) -> Time {
        nanos(self.lease)
    }

    /// What a node takes off its lease and a waiter adds, as in `keyward::lease::Lease`.
    pub(crate) fn margin(&self) -> Time {
        self.lease() / 20
    }

    /// The longest pause between renewals; each is shorter by up to a fifth, by chance.
    pub(crate) fn interval(&self) -> Time {
        self.lease() / 4
    }
}

pub(crate) fn nanos(millis: f64) -> Time {
    (millis * 1e6) as Time
}

pub(crate) fn millis(time: Time) -> f64 {
    time as f64 / 1e6
}
