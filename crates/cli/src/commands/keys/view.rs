//! Keys and their usage, as JSON and as tables.

use keyward_client::{Key, UsageDay};
use serde_json::{Value, json};

use crate::output;

pub(in crate::commands) fn to_json(key: &Key) -> Value {
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
        "user": key.user,
        "scopes": key.scopes,
        "endpoints": key.endpoints,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "metadata": key.metadata,
        "tags": key.tags,
        "created_at": key.created_at,
        "created_by": key.created_by.as_ref().map(|creator| format!("{} {}", creator.kind, creator.id)),
        "not_before": key.not_before,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "last_used_from": key.last_used_from,
        "disabled_at": key.disabled_at,
        "revoked_at": key.revoked_at,
        "compromised_at": key.compromised_at,
        "revocation_reason": key.revocation.as_ref().map(|revocation| revocation.reason),
        "revocation_note": key.revocation.as_ref().and_then(|revocation| revocation.note.clone()),
        "rotated_from": key.rotated_from,
        "rotated_to": key.rotated_to,
        "version": key.version,
    })
}

/// Columns of the table of keys that depend on the list.
pub(super) struct Columns {
    /// Whether the keys may be of several accounts.
    pub(super) account: bool,
    /// The word for a key without a last use.
    pub(super) no_use: &'static str,
}

pub(super) fn table(keys: &[Key], columns: &Columns) -> String {
    let header =
        ["ID", "NAME", "ACCOUNT", "HINT", "STATUS", "KIND", "MODE", "SCOPES", "CREATED", "LAST USED", "EXPIRES"];
    let row = |key: &Key| {
        [
            key.id.to_string(),
            key.name.clone(),
            key.account.to_string(),
            key.hint.to_string(),
            key.status.to_string(),
            key.kind.to_string(),
            key.mode.to_string(),
            access(key),
            output::day(Some(key.created_at), "-"),
            output::day(key.last_used_at, columns.no_use),
            output::day(key.expires_at, "never"),
        ]
    };
    if columns.account {
        return output::table(header, keys, row);
    }
    let without_account = |[id, name, _, rest @ ..]: [String; 11]| {
        let [hint, status, kind, mode, scopes, created, used, expires] = rest;
        [id, name, hint, status, kind, mode, scopes, created, used, expires]
    };
    output::table(without_account(header.map(str::to_owned)), keys, |key| without_account(row(key)))
}

pub(super) fn usage_table(days: &[UsageDay]) -> String {
    output::table(["DAY", "KEY", "OUTCOME", "TIMES"], days, |counted| {
        [
            output::day(Some(counted.day), "-"),
            counted.key.to_string(),
            counted.outcome.clone(),
            counted.times.to_string(),
        ]
    })
}

/// The scopes, and what else limits the key.
fn access(key: &Key) -> String {
    let limits = [("on", key.endpoints.len(), "endpoint"), ("from", key.networks.len(), "network")];
    let limits = limits.into_iter().filter(|(_, count, _)| *count > 0);
    limits.fold(key.scopes.to_string(), |text, (word, count, one)| {
        format!("{text}, {word} {count} {one}{}", if count == 1 { "" } else { "s" })
    })
}
