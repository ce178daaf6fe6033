//! The report has hints, never keys.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use keyward_core::Mode;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::{Digest, Hasher, Hint, KeyKind, ParsedKey};
use keyward_core::store::KeyRecord;
use serde_json::{Value, json};

use super::finder::Position;
use crate::error::Error;
use crate::output::{self, one_line};

pub(super) struct Find {
    pub(super) place: Place,
    pub(super) position: Position,
    pub(super) hint: Hint,
    kind: KeyKind,
    mode: Mode,
    /// The current one first.
    pub(super) digests: Vec<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    /// In the history only.
    pub(super) object: Option<String>,
    /// In the history only.
    pub(super) commit: Option<String>,
}

impl Place {
    pub(super) fn file(path: String) -> Self {
        Self { path, object: None, commit: None }
    }
}

#[derive(Default)]
pub(super) struct Gathered(Mutex<(Vec<Find>, Vec<String>)>);

impl Gathered {
    pub(super) fn found(&self, place: &Place, position: Position, key: &ParsedKey<'_>, hasher: &Hasher) {
        let find = Find {
            place: place.clone(),
            position,
            hint: key.hint(),
            kind: key.kind(),
            mode: key.mode(),
            digests: hasher.digests(key).collect(),
        };
        self.push(find);
    }

    pub(super) fn push(&self, find: Find) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(find);
    }

    pub(super) fn unreadable(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.push(what.into());
    }

    /// In an order that does not depend on the threads.
    pub(super) fn into_sorted(self) -> (Vec<Find>, Vec<String>) {
        let (mut finds, mut unreadable) = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        finds.sort_by(|a, b| (&a.place, a.position).cmp(&(&b.place, b.position)));
        unreadable.sort();
        (finds, unreadable)
    }
}

pub(super) type Known = HashMap<Digest, Option<KeyRecord>>;

pub(super) fn write(finds: &[Find], known: Option<&Known>, as_json: bool) -> Result<(), Error> {
    let record = |find: &Find| known.and_then(|known| known.get(find.digests.first()?)).and_then(Option::as_ref);
    if as_json {
        return output::json_line(
            &finds.iter().map(|find| to_json(find, record(find), known.is_some())).collect::<Value>(),
        );
    }
    finds.iter().try_for_each(|find| output::line(&to_line(find, record(find), known.is_some())))
}

fn to_json(find: &Find, record: Option<&KeyRecord>, has_database: bool) -> Value {
    let mut object = json!({
        "path": find.place.path,
        "line": find.position.line,
        "column": find.position.column,
        "object": find.place.object,
        "commit": find.place.commit,
        "hint": find.hint,
        "kind": find.kind,
        "mode": find.mode,
    });
    if has_database {
        object["status"] = record.map_or("unknown".into(), |key| json!(key.status(SystemClock.now())));
        object["id"] = json!(record.map(|key| &key.id));
        object["account"] = json!(record.map(|key| &key.account));
    }
    object
}

/// As compilers do, so that editors can jump there.
fn to_line(find: &Find, record: Option<&KeyRecord>, has_database: bool) -> String {
    let Place { path, object, commit } = &find.place;
    let Position { line, column } = find.position;
    let mut text = String::new();
    if let Some(object) = object {
        let commit = commit.as_deref().map_or(String::new(), |commit| format!("commit {} ", short(commit)));
        text = format!("{commit}object {} ", short(object));
    }
    text += &format!("{}:{line}:{column}: {} {} key {}", one_line(path), find.mode, find.kind, find.hint);
    match record {
        Some(key) => text += &format!(" ({}, {} of {})", key.status(SystemClock.now()), key.id, key.account),
        None if has_database => text += " (unknown to this database)",
        None => {}
    }
    text
}

fn short(object: &str) -> &str {
    object.get(..12).unwrap_or(object)
}
