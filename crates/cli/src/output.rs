//! How keys, accounts and nodes are shown: as tables for people, as JSON for programs. Never a key itself.

use std::io::{self, Write};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use keyward::{AccountRecord, KeyRecord, NodeStates, Propagation, Timestamp};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Writes a line to standard output. If nobody reads it any more, that is no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn json_line(value: &Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

/// Writes an object: as JSON, or one field a line.
pub(crate) fn object(object: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json { json_line(object) } else { line(&fields(object)) }
}

pub(crate) fn key_to_json(key: &KeyRecord, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "hashed_with": key.hashed_with,
        "status": key.status(now),
        "kind": key.kind,
        "mode": key.mode,
        "account": key.account,
        "scopes": key.scopes,
        "endpoints": key.endpoints,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "metadata": key.metadata,
        "created_at": time(Some(key.created_at)),
        "not_before": time(key.not_before),
        "expires_at": time(key.expires_at),
        "last_used_at": time(key.last_used_at),
        "last_used_from": key.last_used_from.map(|network| network.to_string()),
        "disabled_at": time(key.disabled_at),
        "revoked_at": time(key.revoked_at),
        "compromised_at": time(key.compromised_at),
        "rotated_from": key.rotated_from,
        "rotated_to": key.rotated_to,
        "version": key.version,
    })
}

pub(crate) fn account_to_json(account: &AccountRecord) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "plan": account.plan,
        "features": account.features,
        "suspended_at": time(account.suspended_at),
    })
}

pub(crate) fn keys_as_table(keys: &[KeyRecord], now: Timestamp) -> String {
    let mut table = table();
    table.set_header(["ID", "NAME", "HINT", "STATUS", "KIND", "MODE", "SCOPES", "CREATED", "LAST USED", "EXPIRES"]);
    for key in keys {
        table.add_row([
            key.id.to_string(),
            key.name.clone(),
            key.hint.to_string(),
            key.status(now).to_string(),
            key.kind.to_string(),
            key.mode.to_string(),
            key.scopes.to_string(),
            day(Some(key.created_at), "-"),
            day(key.last_used_at, "never"),
            day(key.expires_at, "never"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn nodes_as_table(states: &NodeStates) -> String {
    let mut table = table();
    table.set_header(["NODE", "BEHIND", "LEASE", "RENEWALS"]);
    for state in &states.nodes {
        table.add_row([
            state.node.to_string(),
            states.newest.number.saturating_sub(state.applied).to_string(),
            format!("{:?}", state.lease),
            state.renewals.to_string(),
        ]);
    }
    table.trim_fmt()
}

/// The fields of a JSON object, one a line.
pub(crate) fn fields(object: &Value) -> String {
    let mut table = table();
    for (name, value) in object.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => continue,
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ")
            }
            Value::Object(object) if object.is_empty() => continue,
            other => other.to_string(),
        };
        table.add_row([name, &text]);
    }
    table.trim_fmt()
}

/// `effective on 2 of 2 nodes after 12 ms`, and who did not answer.
pub(crate) fn effective(propagation: &Propagation) -> String {
    let (confirmed, waited_out) = (propagation.confirmed.len(), propagation.waited_out.len());
    let mut text = format!(
        "effective on {confirmed} of {} nodes after {} ms",
        confirmed + waited_out,
        propagation.took.as_millis()
    );
    for node in &propagation.waited_out {
        text += &format!("\n{node} did not answer: its lease has run out, so it does not accept the key either");
    }
    text
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn day(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.to_string().chars().take(10).collect())
}
