//! Leases: how long a node may answer from its cache, and what a revocation waits for.
//!
//! A node follows the change log and applies every entry. It reports its position when it renews its lease, and the
//! store grants the lease only if that position is the newest. The node answers from its cache only while the lease is
//! valid by its clock. It counts the lease from *before* it sent the renewal, minus a margin for clock drift.
//!
//! After its commit, a revocation waits until every registered node has applied the entry or left. A silent node is
//! waited for until every lease granted before the commit has expired: one lease plus the margin, by the waiter's
//! clock. The protocol uses no wall clock.
//!
//! # Examples
//! Shorter leases shorten the wait for a silent node, and need more renewals:
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

use crate::cache::{self, Cache, Instant};
use crate::clock::Clock;
use crate::id::NodeId;
use crate::store::{ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, Position, StoreError, random_mark};
use crate::telemetry::{Metrics, Renewal};

const BATCH: usize = 512;
const REGISTER_TIMEOUT: Duration = Duration::from_millis(250);

/// How long a node may answer from its cache without hearing from the store.
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
    /// The length is not between [`Lease::MIN`] and [`Lease::MAX`].
    #[error("invalid length of a lease: expected 200 milliseconds to 10 seconds")]
    Length,
    /// The margin is not between a hundredth and a half of the lease.
    #[error("invalid margin of a lease: expected a hundredth to a half of the lease")]
    Margin,
}

impl Lease {
    /// The shortest lease.
    pub const MIN: Duration = Duration::from_millis(200);
    /// The longest lease, which a revocation waits for if a node has died.
    pub const MAX: Duration = Duration::from_secs(10);

    /// Creates a lease whose margin is a twentieth of it, a hundred times the drift of a quartz clock.
    ///
    /// # Errors
    /// [`LeaseError::Length`] if the length is not between [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub fn new(length: Duration) -> Result<Self, LeaseError> {
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(LeaseError::Length);
        }
        Ok(Self { length, margin: waiters_margin(length) })
    }

    /// Sets how long before the end of its lease the node stops answering from its cache, for clock drift.
    ///
    /// A revocation waits for a twentieth of the lease in addition.
    ///
    /// # Errors
    /// [`LeaseError::Margin`] if the margin is not between a hundredth and a half of the lease.
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

    /// Returns the margin for clock drift.
    #[must_use]
    pub fn margin(self) -> Duration {
        self.margin
    }
}

impl Default for Lease {
    /// Returns a lease of two seconds.
    fn default() -> Self {
        let length = Duration::from_secs(2);
        Self { length, margin: waiters_margin(length) }
    }
}

fn waiters_margin(lease: Duration) -> Duration {
    lease / 20
}

/// The follower of the change log, which renews a node's lease and keeps its cache fresh.
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
    pub(crate) async fn run(&mut self) {
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
            told = tokio::time::timeout(pause, changed(&mut watch)).await.is_ok();
        }
    }

    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        self.cache.gate.close();
        self.log.leave(&self.node).await
    }

    /// Applies new entries and renews the lease. After a notification it reads before it renews.
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
        cache::apply(&self.cache.epochs, &self.cache.gate, applied.number, overtaken);
        // Set only after all invalidations, because the next renewal reports it.
        self.applied = Some(applied);
        applied
    }

    /// Follows the log from `newest` on. Everything cached before is suspect.
    fn start_over(&mut self, newest: Position) -> Position {
        cache::apply(&self.cache.epochs, &self.cache.gate, newest.number, [&Invalidation::Everything]);
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
    /// The nodes that confirmed the write.
    pub confirmed: Vec<NodeId>,
    /// The silent nodes, whose leases have expired.
    pub waited_out: Vec<NodeId>,
    /// The time since the commit.
    pub took: Duration,
}

/// Waits, after the commit, until no node can answer without the entry at `position`.
pub(crate) async fn wait_until_applied(log: &dyn ChangeLog, position: Position, clock: &dyn Clock) -> Propagation {
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

async fn changed(watch: &mut tokio::sync::watch::Receiver<()>) {
    if watch.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
