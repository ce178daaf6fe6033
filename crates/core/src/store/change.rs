//! The change log: the store's ordered record of everything that can invalidate a cached identity, and the leases
//! that are granted against it.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::StoreError;
use crate::id::{AccountId, CredentialId, NodeId};
use crate::key::Digest;

/// A place in the change log: how many entries came before, and a mark that no other history of the log has there.
///
/// Numbers have no gaps and follow the order of commits. The mark is a random number that is stored with the entry:
/// a database that was restored from a backup may reach the same number again, but not the same mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The entry's number; 0 is before the first.
    pub number: u64,
    /// The entry's mark; the log's own for number 0.
    pub mark: u64,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands.
    pub position: Position,
    /// What it makes invalid.
    pub what: Invalidation,
}

/// What an entry of the change log makes invalid.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Invalidation {
    /// Everything cached of one key, and that there is no key with its digest.
    Key {
        /// The key.
        id: CredentialId,
        /// Its digest.
        digest: Digest,
    },
    /// Everything cached of an account's keys.
    Account(AccountId),
    /// Everything. What a reader does not understand, it reads as this.
    Everything,
}

/// What a node reads from the change log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LogBatch {
    /// The entries that follow the position asked from, in order and without a gap; none if it is the newest.
    Entries(Vec<Change>),
    /// The position is not, or no longer, in the log: it was truncated, or it is another log. Everything cached is
    /// suspect, and the node goes on from here.
    Gap(Position),
}

/// The answer to a node's wish to renew its lease.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LeaseAnswer {
    /// Granted, for the duration that was asked for, counted from before the asking.
    Granted,
    /// Refused: the log goes on behind the position that the node has applied, or does not have it.
    Behind,
}

/// A node as the register has it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// Its id.
    pub node: NodeId,
    /// The number of the last entry that it has said to have applied.
    pub applied: u64,
    /// Goes up at every renewal.
    pub renewals: u64,
    /// How long its leases are.
    pub lease: Duration,
}

/// The register of nodes, and the newest position, from one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStates {
    /// Every registered node.
    pub nodes: Vec<NodeState>,
    /// The newest position of the log.
    pub newest: Position,
}

/// The change log of a store and its register of leases.
///
/// Two rules carry the promise of immediate revocation. Entries are ordered as their transactions commit, without a gap
/// that a reader could skip. And appending an entry and granting a lease exclude each other, so that a grant is
/// refused to every node that has not applied an entry committed before it.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// The newest position.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn newest(&self) -> Result<Position, StoreError>;

    /// The entries behind `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError>;

    /// Grants the node a lease of this length if `applied` is the newest position, and registers it if it is not yet.
    ///
    /// A registered node that is behind gets none, but if `applied` is a position of this log it is noted that the node
    /// has come so far: so revocations that it has applied need not wait for it while others are being written. A write, in
    /// one transaction, on the primary.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; no lease is granted then.
    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError>;

    /// Takes the node off the register. It has stopped answering from its cache before it calls this.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn leave(&self, node: &NodeId) -> Result<(), StoreError>;

    /// The register.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn nodes(&self) -> Result<NodeStates, StoreError>;

    /// Takes a node off the register that has not renewed since it was seen with `renewals`. Gives whether it did.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError>;

    /// Changes whenever the log may have grown, as soon as the store can tell. It only makes things fast: whoever
    /// watches this asks at intervals too, and losing every change breaks nothing.
    fn watch(&self) -> watch::Receiver<()>;
}

/// A mark for a new entry.
///
/// # Panics
/// If the operating system's random generator fails, as nothing can be secure then.
#[must_use]
pub fn random_mark() -> u64 {
    // 63 bits, so that every database can hold it in its signed integers.
    getrandom::u64().expect("the operating system's random generator works") >> 1
}
