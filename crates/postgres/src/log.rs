use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use keyward_core::id::NodeId;
use keyward_core::store::{Change, ChangeLog, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, StoreError};
use tokio::sync::watch;

use crate::error::Error;
use crate::row::{self, to_signed};
use crate::store::PostgresStore;

pub(crate) async fn newest(client: &impl GenericClient) -> Result<Position, Error> {
    let statement = client.prepare_cached("SELECT number, mark FROM keyward_log_head").await?;
    row::position(&client.query_one(&statement, &[]).await?, 0)
}

impl PostgresStore {
    async fn read_log(&self, after: Position, limit: usize) -> Result<LogBatch, Error> {
        let client = self.0.pool.get().await?;
        // One statement reads one snapshot: the head, the mark at `after`, and the entries that follow.
        let statement = client
            .prepare_cached(
                "SELECT head.number, head.mark, CASE WHEN $1 = 0 THEN head.origin ELSE \
                 (SELECT mark FROM keyward_changes WHERE number = $1) END, entries.* FROM keyward_log_head AS head \
                 LEFT JOIN (SELECT number, mark, kind, key, digest, account FROM keyward_changes WHERE number > $1 \
                 ORDER BY number LIMIT $2) AS entries ON TRUE ORDER BY entries.number",
            )
            .await?;
        let rows = client.query(&statement, &[&to_signed(after.number), &to_signed(limit as u64)]).await?;
        let head = rows.first().ok_or_else(|| Error::Corrupt("the table keyward_log_head is empty".into()))?;
        let newest = row::position(head, 0)?;
        if after == newest {
            return Ok(LogBatch::Entries(Vec::new()));
        }
        const ENTRY: usize = 3;
        let entries: Vec<Change> = rows
            .iter()
            .filter(|found| found.try_get::<_, i64>(ENTRY).is_ok())
            .map(|found| row::change(found, ENTRY))
            .collect::<Result<_, _>>()?;
        let is_ours = head.try_get::<_, i64>(2).is_ok_and(|mark| mark == to_signed(after.mark));
        let is_next = entries.first().is_some_and(|first| first.position.number == after.number + 1);
        Ok(if is_ours && is_next { LogBatch::Entries(entries) } else { LogBatch::Gap(newest) })
    }

    async fn renew_lease(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, Error> {
        let client = self.0.pool.get().await?;
        // Since it is one statement, a client that stops halfway holds no lock. The lock keeps entries from committing before
        // the grant. Under the lock, FOR SHARE reads the newest row, even if the snapshot is older.
        let statement = client
            .prepare_cached(
                "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(1802988648, 0)), \
                 head AS MATERIALIZED (SELECT number, mark FROM turn, keyward_log_head FOR SHARE OF keyward_log_head), \
                 granted AS (INSERT INTO keyward_nodes (node, applied, renewals, lease_millis) \
                 SELECT $1, head.number, 1, $4 FROM head WHERE head.number = $2 AND head.mark = $3 \
                 ON CONFLICT (node) DO UPDATE SET applied = excluded.applied, renewals = keyward_nodes.renewals + 1, \
                 lease_millis = excluded.lease_millis RETURNING 1), \
                 come_so_far AS (UPDATE keyward_nodes SET applied = $2 FROM head WHERE node = $1 AND applied < $2 \
                 AND head.number > $2 AND EXISTS (SELECT FROM keyward_changes WHERE number = $2 AND mark = $3)) \
                 SELECT FROM granted",
            )
            .await?;
        let (number, mark) = (to_signed(applied.number), to_signed(applied.mark));
        let granted =
            client.query(&statement, &[&node.as_str(), &number, &mark, &to_signed(lease.as_millis() as u64)]).await?;
        Ok(if !granted.is_empty() { LeaseAnswer::Granted } else { LeaseAnswer::Behind })
    }

    async fn read_nodes(&self) -> Result<NodeStates, Error> {
        let client = self.0.pool.get().await?;
        // One statement reads one snapshot. Every row has the head, and there is one row even if there are no nodes.
        let statement = client
            .prepare_cached(
                "SELECT head.number, head.mark, node, applied, renewals, lease_millis FROM \
                 (SELECT number, mark FROM keyward_log_head WHERE one = 1) AS head \
                 LEFT JOIN keyward_nodes ON TRUE ORDER BY node",
            )
            .await?;
        let rows = client.query(&statement, &[]).await?;
        let head = rows.first().ok_or_else(|| Error::Corrupt("the table keyward_log_head is empty".into()))?;
        let nodes = rows
            .iter()
            .filter(|found| found.try_get::<_, &str>(2).is_ok())
            .map(|found| {
                Ok(NodeState {
                    node: row::parsed(found, 2)?,
                    applied: row::number(found, 3)?,
                    renewals: row::number(found, 4)?,
                    lease: Duration::from_millis(row::number(found, 5)?),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(NodeStates { nodes, newest: row::position(head, 0)? })
    }

    async fn delete_node(&self, node: &NodeId, renewals: Option<u64>) -> Result<bool, Error> {
        let client = self.0.pool.get().await?;
        let statement = client
            .prepare_cached("DELETE FROM keyward_nodes WHERE node = $1 AND renewals = COALESCE($2, renewals)")
            .await?;
        Ok(client.execute(&statement, &[&node.as_str(), &renewals.map(to_signed)]).await? > 0)
    }
}

#[async_trait]
impl ChangeLog for PostgresStore {
    async fn newest(&self) -> Result<Position, StoreError> {
        let newest = async { newest(&self.0.pool.get().await?).await };
        newest.await.map_err(Error::into)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError> {
        Ok(self.read_log(after, limit).await?)
    }

    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError> {
        Ok(self.renew_lease(node, applied, lease).await?)
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        self.delete_node(node, None).await?;
        Ok(())
    }

    async fn nodes(&self) -> Result<NodeStates, StoreError> {
        Ok(self.read_nodes().await?)
    }

    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        Ok(self.delete_node(node, Some(renewals)).await?)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.listening.watch()
    }
}
