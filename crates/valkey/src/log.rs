use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::id::NodeId;
use keyward_core::key::Digest;
use keyward_core::store::{
    Change, ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, StoreError,
};
use keyward_core::{AccountId, CredentialId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::script;
use crate::store::ValkeyStore;
use crate::value::{parse, parse_number, unavailable};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Key {
        id: CredentialId,
        digest: Digest,
    },
    Account {
        id: AccountId,
    },
    /// Written by a newer version.
    #[serde(other)]
    Everything,
}

impl From<Entry> for Invalidation {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Key { id, digest } => Self::Key { id, digest },
            Entry::Account { id } => Self::Account(id),
            Entry::Everything => Self::Everything,
        }
    }
}

impl ValkeyStore {
    pub(crate) async fn wait_for_replicas(&self) -> Result<(), StoreError> {
        if self.0.replicas == 0 {
            return Ok(());
        }
        let millis = 1_000;
        let reached: usize = redis::cmd("WAIT")
            .arg(self.0.replicas)
            .arg(millis)
            .query_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
        if reached >= self.0.replicas {
            return Ok(());
        }
        Err(StoreError::unavailable(format!("only {reached} of {} replicas confirmed the write", self.0.replicas)))
    }
}

#[async_trait]
impl ChangeLog for ValkeyStore {
    async fn newest(&self) -> Result<Position, StoreError> {
        Ok(self.nodes().await?.newest)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError> {
        let (number, mark, mark_after, entries): (u64, String, String, Vec<(String, String, String)>) = script::READ
            .arg(after.number)
            .arg(limit)
            .invoke_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
        let newest = Position { number, mark: parse_number(&mark)? };
        if after == newest {
            return Ok(LogBatch::Entries(Vec::new()));
        }
        let entries: Vec<Change> = entries
            .into_iter()
            .map(|(id, mark, what)| {
                let number = parse_number(id.split('-').next().unwrap_or_default())?;
                // A newer version may write a form that this version cannot parse.
                let what = parse::<Entry>(&what).map_or(Invalidation::Everything, Invalidation::from);
                Ok(Change { position: Position { number, mark: parse_number(&mark)? }, what })
            })
            .collect::<Result<_, StoreError>>()?;
        let is_next = entries.first().is_some_and(|first| first.position.number == after.number + 1);
        let is_ours = mark_after == after.mark.to_string();
        Ok(if is_ours && is_next { LogBatch::Entries(entries) } else { LogBatch::Gap(newest) })
    }

    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError> {
        let granted: bool = script::RENEW
            .arg(node.as_str())
            .arg(applied.number)
            .arg(applied.mark.to_string())
            .arg(lease.as_millis() as u64)
            .invoke_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
        if !granted {
            return Ok(LeaseAnswer::Behind);
        }
        self.wait_for_replicas().await?;
        Ok(LeaseAnswer::Granted)
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        let mut delete = redis::cmd("HDEL");
        delete.arg("{keyward}:nodes").arg(node.as_str());
        delete.query_async::<()>(&mut self.connection()).await.map_err(unavailable)
    }

    async fn nodes(&self) -> Result<NodeStates, StoreError> {
        let (number, mark, nodes): (u64, String, BTreeMap<String, String>) =
            script::NODES.prepare_invoke().invoke_async(&mut self.connection()).await.map_err(unavailable)?;
        let nodes = nodes
            .into_iter()
            .map(|(node, known)| {
                let mut numbers = known.split(' ').map(parse_number);
                let mut next =
                    || numbers.next().unwrap_or_else(|| Err(StoreError::corrupt("the entry of a node lacks a number")));
                Ok(NodeState {
                    node: node.parse().map_err(StoreError::corrupt)?,
                    applied: next()?,
                    renewals: next()?,
                    lease: Duration::from_millis(next()?),
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(NodeStates { nodes, newest: Position { number, mark: parse_number(&mark)? } })
    }

    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        script::EVICT.arg(node.as_str()).arg(renewals).invoke_async(&mut self.connection()).await.map_err(unavailable)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.listening.watch()
    }
}
