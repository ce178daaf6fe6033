//! `keyward nodes`

use keyward_core::Keys;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{self, note};
use crate::tables;

pub(super) async fn run(keys: &Keys, as_json: bool) -> Result<(), Failure> {
    let Some(states) = keys.nodes().await? else {
        note!("this store has no change log, and so no register of nodes");
        return Ok(());
    };
    if as_json {
        let nodes: Value = states
            .nodes
            .iter()
            .map(|state| {
                json!({
                    "node": state.node,
                    "applied": state.applied,
                    "behind": states.newest.number.saturating_sub(state.applied),
                    "lease_ms": state.lease.as_millis() as u64,
                    "renewals": state.renewals,
                })
            })
            .collect();
        output::json_line(&json!({ "newest": states.newest.number, "nodes": nodes }))?;
    } else if states.nodes.is_empty() {
        note!("no server is running on this database");
    } else {
        output::line(&tables::nodes(&states))?;
    }
    Ok(())
}
