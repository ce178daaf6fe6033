use std::time::Duration;

use async_trait::async_trait;
use keyward_core::id::NodeId;
use keyward_core::store::{Change, ChangeLog, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, StoreError};
use tokio::sync::watch;

use crate::changes::{holds, newest};
use crate::row;
use crate::store::SqliteStore;

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
            let is_next = entries.first().is_some_and(|first| first.position.number == after.number + 1);
            if is_next && holds(&transaction, after)? {
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
                let removed = transaction
                    .prepare_cached("DELETE FROM nodes WHERE node = ?1 AND renewals = ?2")?
                    .execute((node.as_str(), row::to_signed(renewals)))?;
                Ok(removed > 0)
            })
            .await?)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.watch()
    }
}
