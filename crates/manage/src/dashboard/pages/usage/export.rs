//! The figures behind the charts as files.

use std::collections::HashMap;

use axum::response::Response;
use futures_util::stream;
use keyward_core::store::KeyQuery;
use keyward_core::{CredentialId, Mode};

use super::range::Range;
use crate::dashboard::csv::{self, Row};
use crate::dashboard::error::PageError;
use crate::dashboard::member::AtAccount;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{UsageDay, UsageScope, invalid_cursor};
use crate::store::KeyTotal;

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    // The file is complete before it is sent, so its place is free by then.
    let _export = member.visitor.app.exports().begin(&member.account.id)?;
    let query = member.visitor.query();
    let range = Range::read(query.get("days"));
    let mode: Option<Mode> = query.get("mode").parse().ok();
    let (management, account) = (member.management(), &member.account.id);
    let day = management.now().to_string().get(..10).unwrap_or_default().to_owned();
    if query.get("of") == "keys" {
        return by_key(&member, range, mode, &day).await;
    }
    if query.get("of") == "scopes" {
        return by_scope(&member, range, query.filled("key"), &day).await;
    }
    if let Some(id) = query.filled("key") {
        return of_key(&member, range, &id, &day).await;
    }
    let counts = management.usage_by_mode(&member.actor, account, range.unit, range.slots).await?;
    let counts = counts.iter().filter(|count| mode.is_none_or(|mode| count.mode == mode));
    let rows: Vec<Row> = counts
        .map(|count| {
            let total = range.total(count);
            vec![total.day.to_string(), count.mode.as_str().to_owned(), total.outcome, total.times.to_string()]
        })
        .collect();
    let name = format!("usage-{account}-{}d-{day}", range.days);
    let columns = [range.unit.as_str(), "mode", "outcome", "requests"];
    Ok(csv::download(&name, &columns, stream::once(async { Ok(rows) })))
}

/// All outcomes of each key, the busiest first.
async fn by_key(member: &AtAccount, range: &Range, mode: Option<Mode>, day: &str) -> Result<Response, PageError> {
    let (management, account, days) = (member.management(), &member.account.id, range.days_of_keys());
    let mut refusals: HashMap<String, Vec<(String, u64)>> = HashMap::new();
    for (key, outcome, times) in management.refusals(&member.actor, account, days).await? {
        refusals.entry(key.to_string()).or_default().push((outcome, times));
    }
    let totals = management.busiest_keys(&member.actor, account, days, usize::MAX).await?;
    let known = names(member).await?;
    let mut rows: Vec<Row> = Vec::new();
    for KeyTotal { key, accepted, .. } in totals {
        let known = known.get(&key);
        if mode.is_some_and(|mode| known.is_none_or(|(_, of)| *of != mode)) {
            continue;
        }
        let (name, of) = known.map_or(("", ""), |(name, mode)| (name, mode.as_str()));
        let mut outcomes = refusals.remove(&key).unwrap_or_default();
        outcomes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        let accepted = (accepted > 0).then(|| ("accepted".to_owned(), accepted));
        rows.extend(
            accepted
                .into_iter()
                .chain(outcomes)
                .map(|(outcome, times)| vec![key.clone(), name.to_owned(), of.to_owned(), outcome, times.to_string()]),
        );
    }
    let name = format!("usage-by-key-{account}-{days}d-{day}");
    let columns = ["key", "name", "mode", "outcome", "requests"];
    Ok(csv::download(&name, &columns, stream::once(async { Ok(rows) })))
}

/// Names and modes of the keys that the reader may see.
async fn names(member: &AtAccount) -> Result<HashMap<String, (String, Mode)>, PageError> {
    let mut names = HashMap::new();
    if !member.may(&scopes::KEYS_READ) {
        return Ok(names);
    }
    let now = member.management().now();
    let account = Some(member.account.id.clone());
    let mut query = KeyQuery { account, now, limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() };
    loop {
        let page = member.management().keys(&member.actor, &query).await?;
        names.extend(page.items.into_iter().map(|key| (key.id.to_string(), (key.name, key.mode))));
        let Some(next) = page.next else { return Ok(names) };
        query.after = Some(next.parse().map_err(|_| invalid_cursor())?);
    }
}

async fn by_scope(member: &AtAccount, range: &Range, key: Option<String>, day: &str) -> Result<Response, PageError> {
    let (management, account, days) = (member.management(), &member.account.id, range.days_of_keys());
    let (counts, subject) = match key {
        Some(id) => (management.key_usage(&member.actor, &own(member, &id).await?, days).await?.scopes, id),
        None => (management.usage_by_scope(&member.actor, account, days).await?, account.to_string()),
    };
    let row = |count: UsageScope| vec![count.day.to_string(), count.scope, count.outcome, count.times.to_string()];
    let rows: Vec<Row> = counts.into_iter().map(row).collect();
    let name = format!("usage-by-scope-{subject}-{days}d-{day}");
    Ok(csv::download(&name, &["day", "scope", "outcome", "requests"], stream::once(async { Ok(rows) })))
}

/// The id of a key of the account.
async fn own(member: &AtAccount, id: &str) -> Result<CredentialId, ManagementError> {
    let id: CredentialId = id.parse().map_err(|_| ManagementError::NotFound("key"))?;
    let key = member.management().key(&member.actor, &id).await?;
    if key.account == member.account.id { Ok(id) } else { Err(ManagementError::NotFound("key")) }
}

async fn of_key(member: &AtAccount, range: &Range, id: &str, day: &str) -> Result<Response, PageError> {
    let id = own(member, id).await?;
    let usage = member.management().key_usage(&member.actor, &id, range.days_of_keys()).await?;
    let row = |day: UsageDay| vec![day.day.to_string(), day.outcome, day.times.to_string()];
    let rows: Vec<Row> = usage.days.into_iter().map(row).collect();
    let name = format!("usage-{id}-{}d-{day}", range.days_of_keys());
    Ok(csv::download(&name, &["day", "outcome", "requests"], stream::once(async { Ok(rows) })))
}
