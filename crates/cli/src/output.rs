//! How things are shown: as tables for people, as JSON for programs. Never a key itself.

use std::io::{self, Write};

use keyward_client::Key;
use keyward_core::{AccountRecord, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::backend::Effect;
use crate::failure::{Failure, Kind};
use crate::tables;

/// Writes a line to standard error, for people. That it cannot be written ends nothing: a key that was just issued is still to be shown, and
/// others are still to be revoked.
macro_rules! note {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}
pub(crate) use note;

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

/// Writes a list: as JSON, or as a table, or that there is nothing.
pub(crate) fn list<T: Serialize>(
    items: &[T],
    as_json: bool,
    nothing: &str,
    table: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    if as_json {
        json_line(&serde_json::to_value(items).map_err(|error| Failure::caused(Kind::Database, &error))?)
    } else if items.is_empty() {
        note!("{nothing}");
        Ok(())
    } else {
        line(&table(items))
    }
}

pub(crate) fn key_to_json(key: &Key) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "hashed_with": key.hashed_with,
        "status": key.status,
        "kind": key.kind,
        "mode": key.mode,
        "purpose": key.purpose,
        "account": key.account,
        "scopes": key.scopes,
        "endpoints": key.endpoints,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "metadata": key.metadata,
        "created_at": time(Some(key.created_at)),
        "not_before": time(key.not_before),
        "expires_at": time(key.expires_at),
        "last_used_at": time(key.last_used_at),
        "last_used_from": key.last_used_from,
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

/// The fields of a JSON object, one a line.
pub(crate) fn fields(object: &Value) -> String {
    let mut table = tables::table();
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
pub(crate) fn effective(effect: &Effect) -> String {
    let Effect { confirmed, waited_out, names, took_ms } = effect;
    let mut text = format!("effective on {confirmed} of {} nodes after {took_ms} ms", confirmed + waited_out);
    if names.is_empty() && *waited_out > 0 {
        text +=
            &format!("\n{waited_out} did not answer: their leases have run out, so they do not accept the key either");
    }
    for node in names {
        text += &format!("\n{node} did not answer: its lease has run out, so it does not accept the key either");
    }
    text
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
