/// Nanoseconds since the start of a run.
pub(crate) type Time = u64;

/// Costs in milliseconds. `docs/many-nodes.md` describes how the defaults were measured.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Processors, and so statements at once.
    pub workers: usize,
    /// Processor time of a renewal.
    pub renew: f64,
    /// Processor time of reading the log or a key.
    pub read: f64,
    /// Processor time of a revocation with its entry.
    pub append: f64,
    /// Processor time of reading the register, without its rows.
    pub register: f64,
    /// Processor time of each row of the register.
    pub register_row: f64,
    /// Processor time of notifying one listener.
    pub notify: f64,
    /// Time of a durable commit. One flush serves all waiting commits.
    pub flush: f64,
    /// Median time of a message one way (log-normal).
    pub network: f64,
    /// Spread of that distribution. 0.5 puts its 99th percentile at 3.2 medians.
    pub network_sigma: f64,
    /// A node's time between an answer and its next statement.
    pub turn: f64,
    /// A relay's time for one message.
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

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Nodes that answer from their caches.
    pub nodes: usize,
    /// Nodes that a relay leases for, or `None` without relays.
    pub per_relay: Option<usize>,
    /// Milliseconds.
    pub lease: f64,
    /// Revocations, one after the other.
    pub revocations: usize,
    /// Nodes that stop just before the first revocation, spread evenly.
    pub stopped: usize,
    /// The seed of random times.
    pub seed: u64,
    /// Store and network.
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
    /// Returns the number of relays, or of nodes without relays.
    #[must_use]
    pub fn members(&self) -> usize {
        self.per_relay.map_or(self.nodes, |nodes| self.nodes.div_ceil(nodes.max(1)))
    }

    pub(crate) fn lease(&self) -> Time {
        nanos(self.lease)
    }

    /// As in `keyward::lease::Lease`.
    pub(crate) fn margin(&self) -> Time {
        self.lease() / 20
    }

    /// Each pause is shorter by up to a fifth, at random.
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
