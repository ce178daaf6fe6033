//! Leases, during which a node may answer from its cache.
//!
//! A node gets one only if it has applied the newest entry. The lease counts from *before* the renewal was sent, minus
//! a margin for clock drift.
//!
//! A revocation waits until every registered node has applied the entry or left. It waits out a silent node's lease
//! plus the margin.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use keyward::lease::Lease;
//! use keyward::{Authenticator, MemoryStore};
//!
//! let lease = Lease::new(Duration::from_millis(500))?;
//! let authenticator = Authenticator::builder(MemoryStore::new()).lease(lease).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::cache::{Cache, Instant};
use crate::clock::Clock;
use crate::id::NodeId;
use crate::store::{ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, Position, StoreError, random_mark};
use crate::telemetry::{Metrics, Renewal};

const BATCH: usize = 512;
const REGISTER_TIMEOUT: Duration = Duration::from_millis(250);

/// How long a node may answer from its cache without the store.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::lease::Lease;
///
/// let lease = Lease::new(Duration::from_secs(1))?.with_margin(Duration::from_millis(100))?;
/// assert_eq!((lease.length(), lease.margin()), (Duration::from_secs(1), Duration::from_millis(100)));
/// assert!(Lease::new(Duration::from_secs(60)).is_err());
/// # Ok::<(), keyward::lease::LeaseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    length: Duration,
    margin: Duration,
}

/// Why a lease is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Not between [`Lease::MIN`] and [`Lease::MAX`].
    #[error("invalid length of a lease: expected 200 milliseconds to 10 seconds")]
    Length,
    /// Not a hundredth to a half of the lease.
    #[error("invalid margin of a lease: expected a hundredth to a half of the lease")]
    Margin,
}

impl Lease {
    /// The shortest lease.
    pub const MIN: Duration = Duration::from_millis(200);
    /// The longest lease.
    pub const MAX: Duration = Duration::from_secs(10);

    /// Creates a lease with a margin of a twentieth.
    ///
    /// # Errors
    /// [`LeaseError::Length`].
    pub fn new(length: Duration) -> Result<Self, LeaseError> {
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(LeaseError::Length);
        }
        Ok(Self { length, margin: waiters_margin(length) })
    }

    /// Sets how long before the end the node stops using its cache. A revocation still adds a twentieth.
    ///
    /// # Errors
    /// [`LeaseError::Margin`].
    pub fn with_margin(self, margin: Duration) -> Result<Self, LeaseError> {
        if !(self.length / 100..=self.length / 2).contains(&margin) {
            return Err(LeaseError::Margin);
        }
        Ok(Self { margin, ..self })
    }

    /// Returns the length.
    #[must_use]
    pub fn length(self) -> Duration {
        self.length
    }

    /// Returns the margin.
    #[must_use]
    pub fn margin(self) -> Duration {
        self.margin
    }
}

impl Default for Lease {
    /// Two seconds.
    fn default() -> Self {
        let length = Duration::from_secs(2);
        Self { length, margin: waiters_margin(length) }
    }
}

fn waiters_margin(lease: Duration) -> Duration {
    lease / 20
}

pub(crate) struct Follower {
    pub(crate) log: Arc<dyn ChangeLog>,
    pub(crate) node: NodeId,
    pub(crate) lease: Lease,
    pub(crate) cache: Arc<Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) applied: Option<Position>,
}

impl Follower {
    /// Returns when `stopping` says so, after the renewal that has begun.
    pub(crate) async fn run(&mut self, mut stopping: watch::Receiver<bool>) {
        // Of four renewals in a lease, three may fail.
        let interval = self.lease.length / 4;
        let mut watch = self.log.watch();
        let mut told = false;
        loop {
            watch.mark_unchanged();
            let pause = match tokio::time::timeout(self.lease.length / 2, self.catch_up(told)).await {
                // After a change all nodes renew at once. The jitter spreads the next renewals.
                Ok(Ok(())) => interval * (100 - (random_mark() % 20) as u32) / 100,
                Ok(Err(error)) => {
                    self.metrics.renewal(Renewal::Failed);
                    tracing::warn!(node = %self.node, cause = ?std::error::Error::source(&error), "lease renewal failed, retrying: {error}");
                    interval / 4
                }
                Err(_) => {
                    self.metrics.renewal(Renewal::Failed);
                    tracing::warn!(node = %self.node, "lease renewal failed, retrying: the key store did not answer in time");
                    interval / 4
                }
            };
            // Without notifications from the store, the interval remains.
            told = tokio::select! {
                () = changed(&mut watch) => true,
                () = tokio::time::sleep(pause) => false,
                _ = stopping.changed() => return,
            };
        }
    }

    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        self.cache.gate.close();
        self.cache.watchers.wake(&Invalidation::Everything);
        self.log.leave(&self.node).await
    }

    async fn catch_up(&mut self, mut told: bool) -> Result<(), StoreError> {
        let was_told = told;
        let mut applied = match self.applied {
            Some(applied) => applied,
            None => self.start_over(self.log.newest().await?),
        };
        loop {
            if !told {
                let sent: Instant = self.clock.boottime().into();
                if self.log.renew(&self.node, applied, self.lease.length).await? == LeaseAnswer::Granted {
                    self.metrics.renewal(Renewal::Granted);
                    if self.cache.gate.has_ended(self.clock.boottime().into()) {
                        self.metrics.lapse();
                    }
                    self.cache.gate.open_until(sent.after(self.lease.length - self.lease.margin));
                    return Ok(());
                }
                self.metrics.renewal(Renewal::Behind);
                if !was_told {
                    self.metrics.untold();
                }
            }
            told = false;
            applied = match self.log.read(applied, BATCH).await? {
                LogBatch::Entries(entries) => self.apply(applied, &entries),
                LogBatch::Gap(newest) => {
                    self.metrics.gap();
                    tracing::error!(node = %self.node, "the change log does not contain this node's position: clearing the whole cache");
                    self.cache.gate.close();
                    self.start_over(newest)
                }
            };
        }
    }

    fn apply(&mut self, mut applied: Position, entries: &[crate::store::Change]) -> Position {
        let mut overtaken = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.position.number != applied.number + 1 {
                // An entry is missing, so every cached answer may be stale.
                overtaken.push(&Invalidation::Everything);
            }
            overtaken.push(&entry.what);
            applied = entry.position;
        }
        self.cache.apply(applied.number, &overtaken);
        // Set only after all invalidations, because the next renewal reports it.
        self.applied = Some(applied);
        applied
    }

    fn start_over(&mut self, newest: Position) -> Position {
        self.cache.apply(newest.number, &[&Invalidation::Everything]);
        self.applied = Some(newest);
        newest
    }
}

/// How the nodes applied a write.
///
/// # Examples
/// ```
/// # fn show(propagation: &keyward::lease::Propagation) {
/// println!("effective on {} nodes after {:?}", propagation.confirmed.len(), propagation.took);
/// for node in &propagation.waited_out {
///     println!("{node} did not answer: its lease was waited out");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Propagation {
    /// The nodes that confirmed it.
    pub confirmed: Vec<NodeId>,
    /// The silent nodes, whose leases expired.
    pub waited_out: Vec<NodeId>,
    /// The time since the commit.
    pub took: Duration,
}

pub(crate) async fn wait_until_applied(log: &dyn ChangeLog, position: Position, clock: &dyn Clock) -> Propagation {
    let propagation = wait(log, position, clock).await;
    crate::telemetry::change_applied(propagation.took);
    propagation
}

async fn wait(log: &dyn ChangeLog, position: Position, clock: &dyn Clock) -> Propagation {
    let committed = clock.boottime();
    let mut pause = Duration::from_millis(1);
    // The longest possible lease, until the register states the real ones.
    let mut longest = Lease::MAX;
    let mut pending: Vec<NodeState> = Vec::new();
    let mut confirmed: Vec<NodeId> = Vec::new();
    loop {
        match tokio::time::timeout(REGISTER_TIMEOUT, log.nodes()).await {
            Ok(Ok(states)) => {
                let (done, waiting): (Vec<_>, Vec<_>) =
                    states.nodes.into_iter().partition(|state| state.applied >= position.number);
                confirmed = done.into_iter().map(|state| state.node).collect();
                pending = waiting;
                if pending.is_empty() {
                    return Propagation { confirmed, waited_out: Vec::new(), took: clock.boottime() - committed };
                }
                // No lease exceeds the maximum, whatever the register states.
                longest = pending.iter().map(|state| state.lease).max().unwrap_or(Lease::MAX).min(Lease::MAX);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot read the register of nodes: waiting for all leases to expire")
            }
            Err(_) => tracing::warn!("reading the register of nodes timed out: waiting for all leases to expire"),
        }
        let took = clock.boottime().saturating_sub(committed);
        let enough = longest + waiters_margin(longest);
        if took >= enough {
            let strike = async {
                for dead in &pending {
                    // The node has not renewed for longer than its lease, by this process's clock.
                    if let Err(error) = log.evict(&dead.node, dead.renewals).await {
                        tracing::warn!(%error, node = %dead.node, "cannot remove a silent node from the register: later revocations wait for it again");
                    }
                }
            };
            // If this fails, the next revocation waits for the node again.
            let _ = tokio::time::timeout(REGISTER_TIMEOUT, strike).await;
            let waited_out = pending.into_iter().map(|state| state.node).collect();
            return Propagation { confirmed, waited_out, took };
        }
        tokio::time::sleep(pause.min(enough.saturating_sub(took))).await;
        pause = (pause * 2).min(Duration::from_millis(25));
    }
}

async fn changed(watch: &mut watch::Receiver<()>) {
    if watch.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
