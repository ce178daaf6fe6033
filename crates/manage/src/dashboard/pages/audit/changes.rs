//! The fields that an entry changed.

use std::collections::BTreeMap;

use keyward_core::Timestamp;
use serde_json::{Map, Value};

use super::names::plain;
use crate::dashboard::words;
use crate::service::{AuditEntry, Outcome};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) field: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

type Fields = BTreeMap<String, String>;

/// A fact about the record, not about what it says.
const UNTOLD: [&str; 2] = ["version", "id"];

pub(super) fn changes(entry: &AuditEntry) -> Vec<Change> {
    let empty = Map::new();
    let object = |value: &'_ Option<Value>| value.as_ref().and_then(Value::as_object).cloned();
    let (before, after) = (object(&entry.before), object(&entry.after));
    if entry.outcome != Outcome::Done {
        // Nothing is known to have changed. The rest tells of the attempt.
        return difference(&Fields::new(), &fields(after.as_ref().unwrap_or(&empty)));
    }
    let (old, mut after) = (fields(before.as_ref().unwrap_or(&empty)), after.unwrap_or_default());
    // Some entries have the state of the key in a field, beside others.
    let state =
        if before.is_some() { ["key", "predecessor"].into_iter().find_map(|name| after.remove(name)) } else { None };
    let mut successor = after.remove("successor");
    let mut new = match state {
        Some(Value::Object(state)) => {
            let mut new = fields(&state);
            if let Some(Value::Object(next)) = &mut successor {
                // A successor is like its predecessor in most fields.
                next.retain(|name, value| state.get(name) != Some(value));
            }
            new.extend(fields(&after));
            new
        }
        _ => fields(&after),
    };
    if let Some(Value::Object(next)) = successor {
        new.extend(fields(&next).into_iter().map(|(name, value)| (words::audit::of_successor(&name), value)));
    }
    difference(&old, &new)
}

fn difference(old: &Fields, new: &Fields) -> Vec<Change> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let change = |name: &String| {
        let (old, new) = (old.get(name).cloned(), new.get(name).cloned());
        (old != new).then(|| Change { field: label(name), old, new })
    };
    names.into_iter().filter_map(change).collect()
}

fn fields(state: &Map<String, Value>) -> Fields {
    let mut found = Fields::new();
    for (name, value) in state.iter().filter(|(name, _)| !UNTOLD.contains(&name.as_str())) {
        match value {
            Value::Object(inner) => {
                found.extend(fields(inner).into_iter().map(|(inner, value)| (format!("{name} {inner}"), value)));
            }
            value => {
                if let Some(text) = plain(value) {
                    found.insert(name.clone(), readable_time(&text).unwrap_or(text));
                }
            }
        }
    }
    found
}

fn readable_time(text: &str) -> Option<String> {
    let is_time = text.len() >= 20 && text.ends_with('Z') && text.parse::<Timestamp>().is_ok();
    is_time.then(|| format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default()))
}

fn label(name: &str) -> String {
    let words = name.replace("expires_at", "expires").replace("not_before", "valid_from").replace("_at", "");
    let mut letters: Vec<char> = words.replace('_', " ").chars().collect();
    if let Some(first) = letters.first_mut() {
        first.make_ascii_uppercase();
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(outcome: &str, before: &Value, after: &Value) -> Vec<String> {
        let entry: AuditEntry = serde_json::from_value(json!({
            "number": 1, "at": "2026-03-01T12:00:00Z", "actor": {"type": "user", "id": "user_1"}, "action": "key.update",
            "outcome": outcome, "target": {"type": "key", "id": "key_1"}, "account": "acct_1", "address": null,
            "user_agent": null, "request_id": null, "before": before, "after": after, "previous": "",
        }))
        .unwrap();
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        changes(&entry).into_iter().map(|one| format!("{}: {} > {}", one.field, text(one.old), text(one.new))).collect()
    }

    #[test]
    fn only_changed_fields_are_told() {
        let (old, new) =
            (json!({"name": "a", "tags": ["x"], "version": 1}), json!({"name": "b", "tags": ["x"], "version": 2}));
        for (outcome, before, after, expected) in [
            ("done", old.clone(), new.clone(), vec!["Name: a > b"]),
            ("done", Value::Null, old.clone(), vec!["Name: - > a", "Tags: - > x"]),
            ("done", json!({"role": "owner"}), Value::Null, vec!["Role: owner > -"]),
            ("refused", old.clone(), Value::Null, vec![]),
            ("refused", old.clone(), json!({"times": 2}), vec!["Times: - > 2"]),
            ("unknown", old.clone(), Value::Null, vec![]),
            (
                "done",
                json!({"name": "a", "expires_at": null}),
                json!({"name": "a", "expires_at": "2026-05-01T08:30:00.000Z"}),
                vec!["Expires: - > 2026-05-01 08:30 UTC"],
            ),
            (
                "done",
                json!({"name": "a"}),
                json!({"found_at": "git", "key": {"name": "a", "compromised_at": "now"}}),
                vec!["Compromised: - > now", "Found: - > git"],
            ),
            (
                "done",
                json!({"name": "a", "rotated_to": null}),
                json!({"predecessor": {"name": "a", "rotated_to": "key_2"}, "successor": {"name": "a", "hint": "…9"}}),
                vec!["New key's hint: - > …9", "Rotated to: - > key_2"],
            ),
            (
                "done",
                json!({"rates": [{"quota": 1}], "budget": {"credits": 5}}),
                json!({"rates": [{"quota": 2}]}),
                vec!["Budget credits: 5 > -", "Rates: quota: 1 > quota: 2"],
            ),
        ] {
            assert_eq!(found(outcome, &before, &after), expected, "{outcome} {before} {after}");
        }
    }
}
