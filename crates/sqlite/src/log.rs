//! The change log and the register of leases.

use std::time::Duration;

use async_trait::async_trait;
use keyward_core::id::NodeId;
use keyward_core::store::{
    Change, ChangeLog, Invalidation, KeyRecord, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, StoreError,
    random_mark,
};
use rusqlite::{Connection, OptionalExtension, Transaction};
use tokio::sync::watch;

use crate::SqliteStore;
use crate::failure::Failure;
use crate::row;

/// Entries that the log keeps at least. A node that is further behind drops its whole cache.
const KEPT: u64 = 10_000;
/// The log is cut once in so many entries.
const CUT_EVERY: u64 = 1_000;

/// The newest position.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Position> {
    connection.prepare_cached("SELECT number, mark FROM log_head")?.query_row([], |found| row::position(found, 0))
}

/// Appends an entry in the transaction of the write that it tells of. Writers exclude each other, so that numbers follow
/// the order of commits and have no gaps.
pub(crate) fn append(transaction: &Transaction<'_>, what: &Invalidation) -> Result<Position, Failure> {
    let position = Position { number: newest(transaction)?.number + 1, mark: random_mark() };
    let (kind, key, digest, account) = match what {
        Invalidation::Key { id, digest } => ("key", Some(id.as_str()), Some(digest.as_bytes().as_slice()), None),
        Invalidation::Account(id) => ("account", None, None, Some(id.as_str())),
        _ => ("everything", None, None, None),
    };
    let (number, mark) = (row::to_signed(position.number), row::to_signed(position.mark));
    transaction
        .prepare_cached(
            "INSERT INTO changes (number, mark, kind, key, digest, account) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((number, mark, kind, key, digest, account))?;
    transaction.prepare_cached("UPDATE log_head SET number = ?1, mark = ?2")?.execute((number, mark))?;
    if position.number.is_multiple_of(CUT_EVERY) {
        let cut = row::to_signed(position.number.saturating_sub(KEPT));
        transaction.prepare_cached("DELETE FROM changes WHERE number <= ?1")?.execute([cut])?;
    }
    Ok(position)
}

/// Appends the entry of a key that was changed.
pub(crate) fn append_key(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<Position, Failure> {
    append(transaction, &Invalidation::Key { id: key.id.clone(), digest: key.digest })
}

/// Whether `position` is in the log: its entry has that mark, or it is the place before the first entry.
fn holds(connection: &Connection, position: Position) -> rusqlite::Result<bool> {
    let sql = if position.number == 0 {
        "SELECT origin FROM log_head WHERE ?1 = 0"
    } else {
        "SELECT mark FROM changes WHERE number = ?1"
    };
    let mark = connection
        .prepare_cached(sql)?
        .query_row([row::to_signed(position.number)], |found| row::number(found, 0))
        .optional()?;
    Ok(mark == Some(position.mark))
}

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn newest(&self) -> Result<Position, StoreError> {
        Ok(self.0.read(|connection| Ok(newest(connection)?))?)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError> {
        Ok(self.0.read(|connection| {
            let transaction = connection.transaction()?;
            let newest = newest(&transaction)?;
            if after == newest {
                return Ok(LogBatch::Entries(Vec::new()));
            }
            let entries: Vec<Change> = transaction
                .prepare_cached(
                    "SELECT number, mark, kind, key, digest, account FROM changes WHERE number > ?1 ORDER BY number LIMIT ?2",
                )?
                .query_map((row::to_signed(after.number), row::to_signed(limit as u64)), row::change)?
                .collect::<rusqlite::Result<_>>()?;
            let goes_on = entries.first().is_some_and(|first| first.position.number == after.number + 1);
            if goes_on && holds(&transaction, after)? {
                Ok(LogBatch::Entries(entries))
            } else {
                Ok(LogBatch::Gap(newest))
            }
        })?)
    }

    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError> {
        let node = node.clone();
        Ok(self
            .0
            .note(move |transaction| {
                if newest(transaction)? != applied {
                    if holds(transaction, applied)? {
                        transaction
                            .prepare_cached("UPDATE nodes SET applied = max(applied, ?2) WHERE node = ?1")?
                            .execute((node.as_str(), row::to_signed(applied.number)))?;
                    }
                    return Ok(LeaseAnswer::Behind);
                }
                transaction
                    .prepare_cached(
                        "INSERT INTO nodes (node, applied, renewals, lease_millis) VALUES (?1, ?2, 1, ?3) \
                         ON CONFLICT (node) DO UPDATE SET applied = ?2, renewals = renewals + 1, lease_millis = ?3",
                    )?
                    .execute((
                        node.as_str(),
                        row::to_signed(applied.number),
                        row::to_signed(lease.as_millis() as u64),
                    ))?;
                Ok(LeaseAnswer::Granted)
            })
            .await?)
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        let node = node.clone();
        Ok(self
            .0
            .note(move |transaction| {
                transaction.prepare_cached("DELETE FROM nodes WHERE node = ?1")?.execute([node.as_str()])?;
                Ok(())
            })
            .await?)
    }

    async fn nodes(&self) -> Result<NodeStates, StoreError> {
        Ok(self.0.read(|connection| {
            let transaction = connection.transaction()?;
            let nodes = transaction
                .prepare_cached("SELECT node, applied, renewals, lease_millis FROM nodes ORDER BY node")?
                .query_map([], |found| {
                    Ok(NodeState {
                        node: row::parsed(found, 0)?,
                        applied: row::number(found, 1)?,
                        renewals: row::number(found, 2)?,
                        lease: Duration::from_millis(row::number(found, 3)?),
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(NodeStates { nodes, newest: newest(&transaction)? })
        })?)
    }

    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        let node = node.clone();
        Ok(self
            .0
            .note(move |transaction| {
                let struck = transaction
                    .prepare_cached("DELETE FROM nodes WHERE node = ?1 AND renewals = ?2")?
                    .execute((node.as_str(), row::to_signed(renewals)))?;
                Ok(struck > 0)
            })
            .await?)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.watch()
    }
}
