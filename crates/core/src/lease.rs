//! Leases: a node's right to answer from its cache, and what `revoke` waits for.
//!
//! A node follows the change log. It applies every entry, says so when it renews its lease, and is granted one only if
//! it has applied the newest. It answers from its cache only while the lease holds by its own clock, counted from
//! *before* the renewal was sent and less a margin for the drift of clocks. Whoever revokes waits, after the commit,
//! until every registered node has applied the entry or left, or until no lease that was granted before the commit can
//! be alive: one lease and the margin, by the waiter's own clock. No wall clock takes part.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{self, Cache, Instant};
use crate::clock::Clock;
use crate::id::NodeId;
use crate::store::{ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, Position, StoreError, random_mark};
use crate::telemetry::{Metrics, Renewal};

/// Entries in one read of the log.
const BATCH: usize = 512;
/// What a look at the register may take.
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

/// Why a lease cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// It is not between [`Lease::MIN`] and [`Lease::MAX`].
    #[error("a lease is between 200 milliseconds and 10 seconds")]
    Length,
    /// The margin for the drift of clocks is not between a hundredth and a half of it.
    #[error("the margin for drift is between a hundredth and a half of the lease")]
    Margin,
}

impl Lease {
    /// The shortest lease.
    pub const MIN: Duration = Duration::from_millis(200);
    /// The longest lease: what a revocation may have to wait for a node that has died.
    pub const MAX: Duration = Duration::from_secs(10);

    /// A lease of this length, with a margin of a twentieth of it: a hundred times what a quartz clock drifts.
    ///
    /// # Errors
    /// [`LeaseError::Length`] if it is not between [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub fn new(length: Duration) -> Result<Self, LeaseError> {
        if !(Self::MIN..=Self::MAX).contains(&length) {
            return Err(LeaseError::Length);
        }
        Ok(Self { length, margin: waiters_margin(length) })
    }

    /// With this margin for the drift of this node's clock: so much earlier than its lease ends the node stops answering from its
    /// cache. Whoever revokes adds a twentieth of the lease besides.
    ///
    /// # Errors
    /// [`LeaseError::Margin`] if it is not between a hundredth and a half of the lease.
    pub fn with_margin(self, margin: Duration) -> Result<Self, LeaseError> {
        if !(self.length / 100..=self.length / 2).contains(&margin) {
            return Err(LeaseError::Margin);
        }
        Ok(Self { margin, ..self })
    }

    /// Its length.
    #[must_use]
    pub fn length(self) -> Duration {
        self.length
    }

    /// The margin for the drift of clocks.
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

/// What whoever revokes adds to a lease that is waited out.
fn waiters_margin(lease: Duration) -> Duration {
    lease / 20
}

/// Follows the change log for one node: keeps its lease, and its cache fresh.
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
    /// Follows until it is dropped.
    pub(crate) async fn run(&mut self) {
        // Four renewals to a lease: three may be lost.
        let interval = self.lease.length / 4;
        let mut watch = self.log.watch();
        let mut told = false;
        loop {
            watch.mark_unchanged();
            let pause = match tokio::time::timeout(self.lease.length / 2, self.catch_up(told)).await {
                // After a change all nodes renew at once: not so the next time.
                Ok(Ok(())) => interval * (100 - (random_mark() % 20) as u32) / 100,
                Ok(Err(error)) => {
                    self.metrics.renewal(Renewal::Failed);
                    tracing::warn!(node = %self.node, cause = ?std::error::Error::source(&error), "no lease: {error}");
                    interval / 4
                }
                Err(_) => {
                    self.metrics.renewal(Renewal::Failed);
                    tracing::warn!(node = %self.node, "no lease: the key store does not answer in time");
                    interval / 4
                }
            };
            // When the store has stopped telling, the interval alone is left.
            told = tokio::time::timeout(pause, changed(&mut watch)).await.is_ok();
        }
    }

    /// Stops answering from the cache, then takes the node off the register.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        self.cache.gate.close();
        self.log.leave(&self.node).await
    }

    /// Applies what is new and renews the lease. Who was told that there is something new reads before it renews.
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
                    tracing::error!(node = %self.node, "the change log does not go on from where this node stands: the whole cache is dropped");
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
                // A log that skips is no log: everything is suspect.
                overtaken.push(&Invalidation::Everything);
            }
            overtaken.push(&entry.what);
            applied = entry.position;
        }
        cache::apply(&self.cache.epochs, &self.cache.gate, applied.number, overtaken);
        // Only now, when every invalidation is done: this is what the lease is asked for with.
        self.applied = Some(applied);
        applied
    }

    /// Takes `newest` as the place to follow from: whatever was cached before is suspect.
    fn start_over(&mut self, newest: Position) -> Position {
        cache::apply(&self.cache.epochs, &self.cache.gate, newest.number, [&Invalidation::Everything]);
        self.applied = Some(newest);
        newest
    }
}

/// How a write became true on every node.
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
    /// The nodes that have said they applied it.
    pub confirmed: Vec<NodeId>,
    /// The nodes that did not answer, and whose leases have run out.
    pub waited_out: Vec<NodeId>,
    /// How long it took after the commit.
    pub took: Duration,
}

/// Waits until no node can answer as if the entry at `position` had not been written. To be called after its commit.
pub(crate) async fn wait_until_applied(log: &dyn ChangeLog, position: Position, clock: &dyn Clock) -> Propagation {
    let committed = clock.boottime();
    let mut pause = Duration::from_millis(1);
    // The longest possible lease, until the register says what there is.
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
                // No node's lease is longer than the longest, whatever the register says.
                longest = pending.iter().map(|state| state.lease).max().unwrap_or(Lease::MAX).min(Lease::MAX);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the register of nodes cannot be read: waiting leases out"),
            Err(_) => tracing::warn!("the register of nodes is not read in time: waiting leases out"),
        }
        let took = clock.boottime().saturating_sub(committed);
        let enough = longest + waiters_margin(longest);
        if took >= enough {
            let strike = async {
                for dead in &pending {
                    // It has not renewed under our own watch for longer than its lease.
                    if let Err(error) = log.evict(&dead.node, dead.renewals).await {
                        tracing::warn!(%error, node = %dead.node, "a node that stopped cannot be struck off");
                    }
                }
            };
            // It is waited for again if this does not come through.
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
