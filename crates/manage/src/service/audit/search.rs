use std::sync::Arc;

use keyward_core::{AccountId, Timestamp};
use serde_json::Value;

use super::AuditEntry;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::store::{Kind, List};

const BATCH: usize = 500;

/// The clocks of nodes may differ by this.
const SKEW: i64 = 5 * 60 * 1_000;

/// Which audit entries to find.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditSearch {
    /// `None` means all, for the operator.
    pub(crate) account: Option<AccountId>,
    pub(crate) actor: Option<String>,
    /// An action, or with a dot at its end the beginning of several.
    pub(crate) action: Option<String>,
    pub(crate) target_kind: Option<String>,
    /// The target's id. The entry of a rotation is found by the successor, too.
    pub(crate) target: Option<String>,
    /// A part of a name or an id, in lower case.
    pub(crate) text: Option<String>,
    /// The users whose names have the text. Entries have their ids only.
    pub(crate) named: Vec<String>,
    pub(crate) from: Option<Timestamp>,
    /// Exclusive.
    pub(crate) until: Option<Timestamp>,
    /// Only entries with a smaller number.
    pub(crate) before: Option<u64>,
    pub(crate) limit: usize,
    /// The most entries that the search reads.
    pub(crate) most_read: usize,
}

/// The found entries, newest first.
#[derive(Debug, Default)]
pub(crate) struct AuditFound {
    pub(crate) entries: Vec<AuditEntry>,
    /// The [`AuditSearch::before`] of the next search, unless all entries were read.
    pub(crate) next: Option<u64>,
    /// The time of the oldest entry that was read.
    pub(crate) read_to: Option<Timestamp>,
}

impl AuditSearch {
    fn is_selective(&self) -> bool {
        self.text.is_some() || self.action.is_some() || self.target_kind.is_some() || self.target.is_some()
    }

    fn fits(&self, entry: &AuditEntry) -> bool {
        let fits_action = |action: &String| {
            if action.ends_with('.') { entry.action.starts_with(action) } else { entry.action == *action }
        };
        self.action.as_ref().is_none_or(fits_action)
            && self.target_kind.as_ref().is_none_or(|kind| entry.target.kind == *kind)
            && self.target.as_ref().is_none_or(|id| entry.target.id == *id || successor(entry) == Some(id))
            && self.text.as_ref().is_none_or(|text| self.has_text(entry, text))
            && self.from.is_none_or(|from| entry.at >= from)
            && self.until.is_none_or(|until| entry.at < until)
    }

    fn has_text(&self, entry: &AuditEntry, text: &str) -> bool {
        let has = |value: &str| value.to_lowercase().contains(text);
        let ids = [&entry.actor.id, &entry.target.id];
        ids.into_iter().any(|id| has(id) || self.named.contains(id))
            || entry.account.as_ref().is_some_and(|account| has(account.as_str()))
            || entry.request_id.as_deref().is_some_and(has)
            || [&entry.before, &entry.after].into_iter().flatten().any(|state| has_named(state, &has))
    }
}

/// Whether a name or an id in a state fits. States have at most 64 levels.
fn has_named(state: &Value, fits: &impl Fn(&str) -> bool) -> bool {
    const NAMES: [&str; 7] = ["name", "email", "url", "id", "hint", "rotated_to", "rotated_from"];
    match state {
        Value::Object(fields) => fields.iter().any(|(field, value)| match value {
            Value::String(text) => NAMES.contains(&field.as_str()) && fits(text),
            value => has_named(value, fits),
        }),
        Value::Array(values) => values.iter().any(|value| has_named(value, fits)),
        _ => false,
    }
}

impl Management {
    /// Finds audit entries, newest first. A selective search may stop before it has found enough: `next` continues it.
    /// Needs `audit:read`.
    pub(crate) async fn search_audit_log(
        &self,
        actor: &Actor,
        search: &AuditSearch,
    ) -> Result<AuditFound, ManagementError> {
        let place = self.place_of_log(search.account.as_ref()).await?;
        self.rights(actor, place).await?.require(&scopes::AUDIT_READ)?;
        let mut list = List::of(Kind::Audit, if search.is_selective() { BATCH } else { search.limit + 1 });
        list.newest_first = true;
        list.owner = search.account.as_ref().map(ToString::to_string);
        list.subject.clone_from(&search.actor);
        let mut before = match (search.before, search.until) {
            (None, Some(until)) => Some(self.first_entry_since(moved(until, SKEW)).await?),
            (before, _) => before,
        };
        let (mut found, mut read) = (AuditFound::default(), 0);
        let shared = Arc::new(search.clone());
        loop {
            list.after = before.map(|number| (i64::try_from(number).unwrap_or(i64::MAX), number.to_string()));
            let (management, part, of) = (self.clone(), list.clone(), Arc::clone(&shared));
            let batch = self.apart(actor, async move { management.judge(&part, &of).await }).await?;
            let (length, is_last) = (batch.len(), batch.len() < list.limit);
            for (place, (entry, fits)) in batch.into_iter().enumerate() {
                if search.from.is_some_and(|from| moved(entry.at, SKEW) < from) {
                    return Ok(found);
                }
                before = Some(entry.number);
                found.read_to = Some(entry.at);
                read += 1;
                if fits {
                    found.entries.push(entry);
                }
                if found.entries.len() >= search.limit || read >= search.most_read {
                    found.next = before.filter(|_| !is_last || place + 1 < length);
                    return Ok(found);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Reads a batch of entries, each with whether it fits.
    async fn judge(&self, list: &List, search: &AuditSearch) -> Result<Vec<(AuditEntry, bool)>, ManagementError> {
        let entries = self.entries_of_log(list).await?;
        let judged = entries.into_iter().map(|entry| {
            let fits = search.fits(&entry);
            (entry.value, fits)
        });
        Ok(judged.collect())
    }

    /// Returns the number of the first entry since this time, or a later one.
    async fn first_entry_since(&self, time: Timestamp) -> Result<u64, ManagementError> {
        let mut low = self.audit_cut().await?.map_or(0, |cut| cut.number) + 1;
        let mut high = self.last_entry_number().await? + 1;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get::<AuditEntry>(&middle.to_string()).await? {
                Some(entry) if entry.at >= time => high = middle,
                // An entry that is gone was pruned, so it was older.
                _ => low = middle + 1,
            }
        }
        Ok(low)
    }
}

/// The new key of a rotation, whose target is the old one.
fn successor(entry: &AuditEntry) -> Option<&str> {
    if entry.action != "key.rotate" {
        return None;
    }
    entry.after.as_ref()?["predecessor"]["rotated_to"].as_str()
}

fn moved(time: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_add(millis))
}
