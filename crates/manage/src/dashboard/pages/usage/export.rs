//! The figures behind the charts as files.

use std::cmp::Reverse;
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

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    // The file is complete before it is sent, so its place is free by then.
    let _export = member.begin_export()?;
    let query = member.visitor.query();
    let range = Range::read(&query, member.management().now())?;
    let mode: Option<Mode> = query.get("mode").parse().ok();
    let (management, account) = (member.management(), &member.account.id);
    if query.get("of") == "keys" {
        return by_key(&member, &range, mode).await;
    }
    if query.get("of") == "scopes" {
        return by_scope(&member, &range, query.filled("key")).await;
    }
    if let Some(id) = query.filled("key") {
        return of_key(&member, &range, &id).await;
    }
    let counts = management.usage_by_mode(&member.actor, account, range.unit, range.first, range.last).await?;
    let counts = counts.iter().filter(|count| mode.is_none_or(|mode| count.mode == mode));
    let rows: Vec<Row> = counts
        .map(|count| {
            let total = range.total(count);
            vec![total.day.to_string(), count.mode.as_str().to_owned(), total.outcome, total.times.to_string()]
        })
        .collect();
    let name = format!("usage-{account}-{}", range.name_of_file(false, management.now()));
    let columns = [range.unit.as_str(), "mode", "outcome", "requests"];
    Ok(csv::download(&name, &columns, stream::once(async { Ok(rows) })))
}

/// All outcomes of each key, the busiest first.
async fn by_key(member: &AtAccount, range: &Range, mode: Option<Mode>) -> Result<Response, PageError> {
    let (management, account) = (member.management(), &member.account.id);
    let mut keys = management.usage_by_key(&member.actor, account, range.days).await?;
    keys.sort_by_cached_key(|key| (Reverse(key.all()), key.key.clone()));
    let known = names(member).await?;
    let mut rows: Vec<Row> = Vec::new();
    for counted in keys {
        let key = counted.key.as_str();
        let known = known.get(key);
        if mode.is_some_and(|mode| known.is_none_or(|(_, of)| *of != mode)) {
            continue;
        }
        let (name, of) = known.map_or(("", ""), |(name, mode)| (name, mode.as_str()));
        let mut refusals: Vec<_> = counted.refusals().collect();
        refusals.sort_by_key(|(outcome, times)| (Reverse(*times), *outcome));
        let accepted = Some(("accepted", counted.accepted())).filter(|(_, times)| *times > 0);
        let row =
            |(outcome, times): (&str, u64)| [key, name, of, outcome, &times.to_string()].map(str::to_owned).into();
        rows.extend(accepted.into_iter().chain(refusals).map(row));
    }
    let name = format!("usage-by-key-{account}-{}", range.name_of_file(true, management.now()));
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

async fn by_scope(member: &AtAccount, range: &Range, key: Option<String>) -> Result<Response, PageError> {
    let (management, account) = (member.management(), &member.account.id);
    let (counts, subject) = match key {
        Some(id) => (management.key_usage_in(&member.actor, &own(member, &id).await?, range.days).await?.scopes, id),
        None => (management.usage_by_scope(&member.actor, account, range.days).await?, account.to_string()),
    };
    let row = |count: UsageScope| vec![count.day.to_string(), count.scope, count.outcome, count.times.to_string()];
    let rows: Vec<Row> = counts.into_iter().map(row).collect();
    let name = format!("usage-by-scope-{subject}-{}", range.name_of_file(true, management.now()));
    Ok(csv::download(&name, &["day", "scope", "outcome", "requests"], stream::once(async { Ok(rows) })))
}

/// The id of a key of the account.
async fn own(member: &AtAccount, id: &str) -> Result<CredentialId, ManagementError> {
    let id: CredentialId = id.parse().map_err(|_| ManagementError::NotFound("key"))?;
    let key = member.management().key(&member.actor, &id).await?;
    if key.account == member.account.id { Ok(id) } else { Err(ManagementError::NotFound("key")) }
}

async fn of_key(member: &AtAccount, range: &Range, id: &str) -> Result<Response, PageError> {
    let id = own(member, id).await?;
    let management = member.management();
    let usage = management.key_usage_in(&member.actor, &id, range.days).await?;
    let row = |day: UsageDay| vec![day.day.to_string(), day.outcome, day.times.to_string()];
    let rows: Vec<Row> = usage.days.into_iter().map(row).collect();
    let name = format!("usage-{id}-{}", range.name_of_file(true, management.now()));
    Ok(csv::download(&name, &["day", "outcome", "requests"], stream::once(async { Ok(rows) })))
}
