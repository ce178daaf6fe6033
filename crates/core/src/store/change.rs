//! The change log and leases.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::StoreError;
use crate::id::{AccountId, CredentialId, NodeId};
use crate::key::Digest;

/// A position in the change log. Numbers have no gaps and follow the order of commits.
///
/// After a database is restored from a backup, a number may be used again, with another mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The entry's number, or 0 before the first.
    pub number: u64,
    /// The entry's random mark, or the log's for number 0.
    pub mark: u64,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its position.
    pub position: Position,
    /// The stale answers.
    pub what: Invalidation,
}

/// The cached answers that a change makes stale.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Invalidation {
    /// Answers about one key, including that it is unknown.
    Key {
        /// Its id.
        id: CredentialId,
        /// Its digest.
        digest: Digest,
    },
    /// Answers about an account's keys.
    Account(AccountId),
    /// All answers. Readers treat unknown entries like this.
    Everything,
}

/// The result of [`ChangeLog::read`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LogBatch {
    /// The next entries, if any, in order and without a gap.
    Entries(Vec<Change>),
    /// The log lacks the position. The node clears its cache and continues from this one.
    Gap(Position),
}

/// The answer of [`ChangeLog::renew`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LeaseAnswer {
    /// Granted, counted from before the request.
    Granted,
    /// The position is not the newest, or unknown.
    Behind,
}

/// A registered node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// Its id.
    pub node: NodeId,
    /// The last entry reported as applied.
    pub applied: u64,
    /// The number of renewals.
    pub renewals: u64,
    /// The leases' length.
    pub lease: Duration,
}

/// A snapshot of the register.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStates {
    /// The registered nodes.
    pub nodes: Vec<NodeState>,
    /// The newest position.
    pub newest: Position,
}

/// The change log of a store, and its register of leases. Methods return [`StoreError`] if the store fails.
///
/// Entries follow the order of commits, without a gap that a reader could skip. Appending and granting exclude each
/// other: a node gets a lease only if it has applied every entry committed before.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// Returns the newest position.
    async fn newest(&self) -> Result<Position, StoreError>;

    /// Returns at most `limit` entries after `after`.
    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError>;

    /// Registers the node, and grants a lease if `applied` is the newest position. An error grants none.
    ///
    /// One transaction on the primary. It records the position of a registered node that is behind, if this log
    /// contains it.
    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError>;

    /// Removes a node that has stopped using its cache.
    async fn leave(&self, node: &NodeId) -> Result<(), StoreError>;

    /// Returns the register.
    async fn nodes(&self) -> Result<NodeStates, StoreError>;

    /// Removes a node that has not renewed since `renewals`. Returns `true` if removed.
    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError>;

    /// Returns a receiver that changes when the log may have grown. No promise depends on it.
    fn watch(&self) -> watch::Receiver<()>;
}

/// Returns a mark for a new entry.
///
/// # Panics
/// If the system's random generator fails.
#[must_use]
pub fn random_mark() -> u64 {
    // 63 bits, which fit into the signed integers of every database.
    getrandom::u64().expect("the operating system's random generator works") >> 1
}
