//! `keyward nodes`

use clap::Args;
use keyward_core::store::{NodeState, NodeStates};
use serde_json::{Value, json};

use crate::backend::{Database, MissingFile};
use crate::error::Error;
use crate::options::Options;
use crate::output::{self, note};

#[derive(Args)]
pub(super) struct Nodes {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, command: Nodes) -> Result<(), Error> {
    let database = Database::open_for(options, "nodes", MissingFile::Refuse).await?;
    let Some(states) = database.keys.nodes().await? else {
        note!("this store has no change log, so it has no register of nodes");
        return Ok(());
    };
    if command.json {
        output::json_line(&to_json(&states))
    } else if states.nodes.is_empty() {
        note!("no server is running on this database");
        Ok(())
    } else {
        output::line(&table(&states))
    }
}

fn behind(states: &NodeStates, node: &NodeState) -> u64 {
    states.newest.number.saturating_sub(node.applied)
}

fn to_json(states: &NodeStates) -> Value {
    let nodes = states.nodes.iter().map(|node| {
        json!({
            "node": node.node,
            "applied": node.applied,
            "behind": behind(states, node),
            "lease_ms": node.lease.as_millis() as u64,
            "renewals": node.renewals,
        })
    });
    json!({ "newest": states.newest.number, "nodes": nodes.collect::<Value>() })
}

fn table(states: &NodeStates) -> String {
    output::table(["NODE", "BEHIND", "LEASE", "RENEWALS"], &states.nodes, |node| {
        [
            node.node.to_string(),
            behind(states, node).to_string(),
            format!("{:?}", node.lease),
            node.renewals.to_string(),
        ]
    })
}
