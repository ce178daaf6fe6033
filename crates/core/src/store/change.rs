//! The change log, the store's ordered record of every change that can invalidate a cached identity, and its leases.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::StoreError;
use crate::id::{AccountId, CredentialId, NodeId};
use crate::key::Digest;

/// A position in the change log: the number of an entry, and its mark.
///
/// Numbers have no gaps and follow the order of commits. Marks are random and stored with the entry. A database that
/// was restored from a backup may reach the same number again, but not the same mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The number of the entry, or 0 before the first.
    pub number: u64,
    /// The mark of the entry, or of the log for number 0.
    pub mark: u64,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The position of the entry.
    pub position: Position,
    /// The cached answers that the entry makes stale.
    pub what: Invalidation,
}

/// The cached answers that an entry of the change log makes stale.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Invalidation {
    /// Answers about one key, including that its digest is unknown.
    Key {
        /// The key's id.
        id: CredentialId,
        /// The key's digest.
        digest: Digest,
    },
    /// Answers about the keys of an account.
    Account(AccountId),
    /// All answers. Readers treat an unknown entry in this way.
    Everything,
}

/// The result of a read of the change log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LogBatch {
    /// The next entries, in order and without a gap, or none.
    Entries(Vec<Change>),
    /// The log does not contain the position: it was truncated, or is another log. The node clears its cache and
    /// continues from this position.
    Gap(Position),
}

/// The answer to a request to renew a lease.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LeaseAnswer {
    /// The lease is granted for the requested length, counted from before the request.
    Granted,
    /// The node's position is not the newest, or is unknown.
    Behind,
}

/// A node's entry in the register.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// The node's id.
    pub node: NodeId,
    /// The number of the last entry that the node reported as applied.
    pub applied: u64,
    /// A counter of renewals.
    pub renewals: u64,
    /// The length of the node's leases.
    pub lease: Duration,
}

/// The nodes and the newest position, from one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStates {
    /// The registered nodes.
    pub nodes: Vec<NodeState>,
    /// The newest position of the log.
    pub newest: Position,
}

/// The change log of a store, and its register of leases.
///
/// Immediate revocation rests on two rules. Entries are ordered as their transactions commit, without a gap that a
/// reader could skip. Appending an entry and granting a lease exclude each other, so a node gets a lease only if it has
/// applied every entry that was committed before.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// Returns the newest position.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn newest(&self) -> Result<Position, StoreError>;

    /// Returns the entries after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError>;

    /// Grants the node a lease if `applied` is the newest position, and registers the node.
    ///
    /// A registered node that is behind gets no lease, but its position is recorded if this log contains it. So
    /// revocations that it has applied need not wait for it while others are written. This is one transaction on the
    /// primary.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written. No lease is granted then.
    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError>;

    /// Removes a node that has already stopped answering from its cache.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn leave(&self, node: &NodeId) -> Result<(), StoreError>;

    /// Returns the register.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn nodes(&self) -> Result<NodeStates, StoreError>;

    /// Removes a node that has not renewed since `renewals`. Returns `true` if it was removed.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError>;

    /// Returns a receiver that changes when the log may have grown.
    ///
    /// It only reduces latency: no promise depends on a notification.
    fn watch(&self) -> watch::Receiver<()>;
}

/// Returns a mark for a new entry.
///
/// # Panics
/// If the operating system's random generator fails, because nothing is secure then.
#[must_use]
pub fn random_mark() -> u64 {
    // 63 bits, which fit into the signed integers of every database.
    getrandom::u64().expect("the operating system's random generator works") >> 1
}
