//! The settings of a run: nodes, costs of the store, and times of messages.

/// Nanoseconds since the start of a run.
pub(crate) type Time = u64;

/// The costs of the store and the network, in milliseconds. The defaults were measured, as `docs/many-nodes.md` describes.
#[derive(Clone, Debug)]
pub struct Costs {
    /// The number of the server's processors, and so of statements at once.
    pub workers: usize,
    /// Processor time of a renewal, granted or refused.
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
    /// Time to make a commit durable. One flush runs at a time, and serves all commits that wait for it.
    pub flush: f64,
    /// Time of a message one way: the median of a log-normal distribution.
    pub network: f64,
    /// The spread of that distribution. 0.5 puts its 99th percentile at 3.2 medians.
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
    /// The number of nodes that answer from their caches.
    pub nodes: usize,
    /// The number of nodes that a relay leases for. `None` if every node leases from the store.
    pub per_relay: Option<usize>,
    /// The length of a lease, in milliseconds.
    pub lease: f64,
    /// The number of revocations, one after the other.
    pub revocations: usize,
    /// The number of nodes that stop just before the first revocation, spread evenly.
    pub stopped: usize,
    /// The seed of random times.
    pub seed: u64,
    /// The costs of the store and the network.
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
    /// Returns the number of members that lease from the store: relays, or the nodes themselves.
    #[must_use]
    pub fn members(&self) -> usize {
        self.per_relay.map_or(self.nodes, |nodes| self.nodes.div_ceil(nodes.max(1)))
    }

    /// Returns the length of a lease.
    pub(crate) fn lease(&self) -> Time {
        nanos(self.lease)
    }

    /// Returns the margin that a node subtracts from its lease and a waiter adds, as in `keyward::lease::Lease`.
    pub(crate) fn margin(&self) -> Time {
        self.lease() / 20
    }

    /// Returns the longest pause between renewals. Each pause is shorter by up to a fifth, at random.
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
