//! The change log and the register of leases.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use keyward::{
    Change, ChangeLog, KeyRecord, LeaseAnswer, LogBatch, NodeId, NodeState, NodeStates, Position, StoreError, What,
    random_mark,
};
use tokio::sync::watch;
use tokio_postgres::IsolationLevel;

use crate::PostgresStore;
use crate::failure::Failure;
use crate::listen::CHANNEL;
use crate::row::{self, to_signed};

/// Entries that the log keeps at least. A node that is further behind drops its whole cache.
const KEPT: u64 = 10_000;
/// The log is cut once in so many entries.
const CUT_EVERY: u64 = 1_000;

/// The newest position.
pub(crate) async fn newest(client: &impl GenericClient) -> Result<Position, Failure> {
    let statement = client.prepare_cached("SELECT number, mark FROM keyward_log_head").await?;
    row::position(&client.query_one(&statement, &[]).await?, 0)
}

/// Appends an entry in the transaction of the write that it tells of. From here to the commit nobody else appends, and nobody
/// is granted a lease. Rows of keys and accounts are locked before, never after.
pub(crate) async fn append(transaction: &Transaction<'_>, what: &What) -> Result<Position, Failure> {
    let mark = random_mark();
    let statement = transaction
        .prepare_cached("UPDATE keyward_log_head SET number = number + 1, mark = $1 RETURNING number")
        .await?;
    let number = row::number(&transaction.query_one(&statement, &[&to_signed(mark)]).await?, 0)?;
    let (kind, key, digest, account) = match what {
        What::Key { id, digest } => ("key", Some(id.as_str()), Some(digest.as_bytes().as_slice()), None),
        What::Account(id) => ("account", None, None, Some(id.as_str())),
        _ => ("everything", None, None, None),
    };
    let statement = transaction
        .prepare_cached(
            "INSERT INTO keyward_changes (number, mark, kind, key, digest, account) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .await?;
    transaction.execute(&statement, &[&to_signed(number), &to_signed(mark), &kind, &key, &digest, &account]).await?;
    let statement = transaction.prepare_cached("SELECT pg_notify($1, '')").await?;
    transaction.execute(&statement, &[&CHANNEL]).await?;
    if number.is_multiple_of(CUT_EVERY) {
        let cut = to_signed(number.saturating_sub(KEPT));
        transaction.execute("DELETE FROM keyward_changes WHERE number <= $1", &[&cut]).await?;
    }
    Ok(Position { number, mark })
}

/// Appends the entry of a key that was changed.
pub(crate) async fn append_key(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<Position, Failure> {
    append(transaction, &What::Key { id: key.id.clone(), digest: key.digest }).await
}

impl PostgresStore {
    async fn read_log(&self, after: Position, limit: usize) -> Result<LogBatch, Failure> {
        let mut client = self.0.pool.get().await?;
        // One snapshot for all the reads.
        let transaction =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
        let newest = newest(&transaction).await?;
        if after == newest {
            return Ok(LogBatch::Entries(Vec::new()));
        }
        let statement = transaction
            .prepare_cached(
                "SELECT number, mark, kind, key, digest, account FROM keyward_changes WHERE number > $1 ORDER BY number LIMIT $2",
            )
            .await?;
        let rows = transaction.query(&statement, &[&to_signed(after.number), &to_signed(limit as u64)]).await?;
        let entries: Vec<Change> = rows.iter().map(row::change).collect::<Result<_, _>>()?;
        let sql = if after.number == 0 {
            "SELECT origin FROM keyward_log_head WHERE $1::bigint = 0"
        } else {
            "SELECT mark FROM keyward_changes WHERE number = $1"
        };
        let statement = transaction.prepare_cached(sql).await?;
        let mark = transaction.query_opt(&statement, &[&to_signed(after.number)]).await?;
        let is_ours = match mark {
            Some(found) => row::number(&found, 0)? == after.mark,
            None => false,
        };
        let goes_on = entries.first().is_some_and(|first| first.position.number == after.number + 1);
        Ok(if is_ours && goes_on { LogBatch::Entries(entries) } else { LogBatch::Gap(newest) })
    }

    async fn renew_lease(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        // The lock keeps entries from being committed until the grant is.
        let statement = transaction.prepare_cached("SELECT number, mark FROM keyward_log_head FOR SHARE").await?;
        if row::position(&transaction.query_one(&statement, &[]).await?, 0)? != applied {
            return Ok(LeaseAnswer::Behind);
        }
        let statement = transaction
            .prepare_cached(
                "INSERT INTO keyward_nodes (node, applied, renewals, lease_millis) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (node) DO UPDATE SET applied = $2, renewals = keyward_nodes.renewals + 1, lease_millis = $3",
            )
            .await?;
        let millis = to_signed(lease.as_millis() as u64);
        transaction.execute(&statement, &[&node.as_str(), &to_signed(applied.number), &millis]).await?;
        transaction.commit().await?;
        Ok(LeaseAnswer::Granted)
    }

    async fn read_nodes(&self) -> Result<NodeStates, Failure> {
        let client = self.0.pool.get().await?;
        // The head comes with every node, or alone: one statement sees one snapshot.
        let statement = client
            .prepare_cached(
                "SELECT head.number, head.mark, node, applied, renewals, lease_millis FROM keyward_log_head AS head \
                 LEFT JOIN keyward_nodes ON TRUE ORDER BY node",
            )
            .await?;
        let rows = client.query(&statement, &[]).await?;
        let head = rows.first().ok_or_else(|| Failure::Corrupt("the log has no head".into()))?;
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
            .collect::<Result<_, Failure>>()?;
        Ok(NodeStates { nodes, newest: row::position(head, 0)? })
    }

    async fn delete_node(&self, node: &NodeId, renewals: Option<u64>) -> Result<bool, Failure> {
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
        newest.await.map_err(Failure::into)
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

    async fn strike(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        Ok(self.delete_node(node, Some(renewals)).await?)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.listening.watch()
    }
}
