use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{CredentialId, Mode, Timestamp};
use keyward_limits::Subject;

use super::range::{RANGES, Range};
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::pages::keys::{most_missing, newest};
use crate::dashboard::pages::limits::{Line, effective};
use crate::dashboard::svg::{self, Chart};
use crate::dashboard::text::{number, span};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{KeyView, UsageTotal};
use crate::store::{KeyTotal, ModeCount};

const MOST_KEYS: usize = 20;
const MOST_BUSY_KEYS: usize = 10;
/// Keys of the other mode are looked up in vain.
const MOST_LOOKED_UP: usize = 100;
/// Scopes that are named for each key.
const MOST_MISSING: usize = 3;
const DAY: i64 = 24 * 3_600 * 1_000;

struct Tab {
    query: String,
    label: &'static str,
    is_current: bool,
}

/// The requests of a mode, or all.
#[derive(Clone, Copy, Default)]
struct Sum {
    accepted: u64,
    refused: u64,
}

impl Sum {
    fn add(&mut self, outcome: &str, times: u64) {
        let sum = if outcome == "accepted" { &mut self.accepted } else { &mut self.refused };
        *sum = sum.saturating_add(times);
    }

    fn accepted(&self) -> String {
        number(self.accepted)
    }

    fn refused(&self) -> String {
        number(self.refused)
    }

    fn requests(&self) -> String {
        number(self.accepted.saturating_add(self.refused))
    }

    fn rate(&self) -> String {
        percent(self.refused, self.accepted.saturating_add(self.refused))
    }
}

struct Refusal {
    words: String,
    meaning: &'static str,
    times: String,
    share: String,
    query: String,
}

struct KeyRow {
    path: Option<String>,
    name: String,
    id: String,
    /// What tells it from a key with the same name.
    hint: Option<String>,
    is_replaced: bool,
    mode: &'static str,
    sum: Sum,
    reasons: String,
    /// The scopes that recent requests lacked.
    missing: Option<String>,
}

/// A part of what is allowed.
struct Quota {
    name: String,
    used: u64,
    limit: u64,
    text: String,
}

#[derive(Template)]
#[template(path = "dashboard/usage/usage.html")]
struct UsagePage {
    frame: Frame,
    chart: Chart,
    range: &'static Range,
    ranges: Vec<Tab>,
    modes: Vec<Tab>,
    all: Sum,
    by_mode: Vec<(&'static str, Sum)>,
    refusals: Vec<Refusal>,
    busiest: Vec<KeyRow>,
    keys: Vec<KeyRow>,
    /// How many more keys were refused.
    more_keys: Option<String>,
    /// The words of the reason that the table of keys is about.
    reason: Option<String>,
    without_reason: String,
    quotas: Vec<Quota>,
    limits: Vec<Line>,
    plan: Option<String>,
    filters: String,
    /// Whether keys were used, although no usage is reported.
    is_used: bool,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let range = Range::read(query.get("days"));
    let mode: Option<Mode> = query.get("mode").parse().ok();
    let (management, account) = (member.management(), &member.account.id);
    let counts = management.usage_by_mode(&member.actor, account, range.unit, range.slots).await?;
    let (mut all, mut live, mut test) = (Sum::default(), Sum::default(), Sum::default());
    let is_shown = |count: &&ModeCount| mode.is_none_or(|mode| count.mode == mode);
    for count in counts.iter().filter(is_shown) {
        all.add(&count.outcome, count.times);
        (if count.mode == Mode::Test { &mut test } else { &mut live }).add(&count.outcome, count.times);
    }
    let totals: Vec<UsageTotal> = counts.iter().filter(is_shown).map(|count| range.total(count)).collect();
    let chart = svg::chart(&totals, range.unit, range.slots, management.now());
    let refused = chart.legend.iter().filter(|legend| legend.outcome != "accepted");
    let without = |field: &'static str| query.without(&[field]);
    let refusals = refused.map(|legend| Refusal {
        words: legend.words.clone(),
        meaning: legend.meaning,
        times: legend.total.clone(),
        share: percent(legend.times, all.refused),
        query: form::joined(&without("outcome"), &form::query("outcome", &legend.outcome)),
    });
    let refusals = refusals.collect();
    let reason = query.filled("outcome");
    let busiest = busiest(&member, range, mode).await?;
    let (keys, more) = keys(&member, range, mode, reason.as_deref()).await?;
    let is_used = chart.total == 0 && member.may(&scopes::KEYS_READ) && was_used(&member, range.days).await?;
    let (quotas, limits) = quotas(&member).await?;
    let tab = |field: &'static str, value: String, label, is_current| {
        let value = if value.is_empty() { String::new() } else { form::query(field, &value) };
        Tab { query: form::joined(&without(field), &value), label, is_current }
    };
    let modes = [("", words::usage::ALL_MODES), ("live", words::shared::LIVE), ("test", words::shared::TEST)];
    let known_mode = mode.map(Mode::as_str).unwrap_or_default();
    let modes = modes.map(|(value, label)| tab("mode", value.to_owned(), label, value == known_mode));
    let ranges = RANGES.iter().map(|one| tab("days", one.days.to_string(), one.label, one.days == range.days));
    let (modes, ranges) = (modes.into(), ranges.collect());
    Ok(member.page(words::usage::USAGE, |frame| UsagePage {
        frame,
        chart,
        range,
        ranges,
        modes,
        all,
        by_mode: [(words::shared::LIVE, live), (words::shared::TEST, test)]
            .into_iter()
            .filter(|(_, sum)| sum.accepted + sum.refused > 0)
            .collect(),
        refusals,
        busiest,
        keys,
        more_keys: (more > 0).then(|| number(more as u64)),
        reason: reason.map(|reason| words::charts::meaning(&reason).to_owned()),
        without_reason: without("outcome"),
        quotas,
        limits,
        plan: member.account.plan.as_ref().map(ToString::to_string),
        filters: without("outcome"),
        is_used,
    }))
}

/// A key of the account, or `None` if it is gone or the reader may not see it.
async fn look_up(member: &AtAccount, id: &CredentialId) -> Result<Option<KeyView>, ManagementError> {
    match member.management().key(&member.actor, id).await {
        Ok(key) => Ok(Some(key)),
        Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl KeyRow {
    fn new(member: &AtAccount, id: &CredentialId, key: Option<&KeyView>, sum: Sum, reasons: String) -> Self {
        Self {
            path: key.is_some().then(|| member.path(&format!("/keys/{id}"))),
            name: key.map_or_else(|| id.to_string(), |key| key.name.clone()),
            id: id.to_string(),
            hint: key.map(|key| key.hint.to_string()),
            is_replaced: key.is_some_and(|key| key.rotated_to.is_some()),
            mode: key.map_or("", |key| key.mode.as_str()),
            sum,
            reasons,
            missing: None,
        }
    }
}

/// The keys with the most requests.
async fn busiest(member: &AtAccount, range: &Range, mode: Option<Mode>) -> Result<Vec<KeyRow>, ManagementError> {
    let (management, account) = (member.management(), &member.account.id);
    let totals = management.busiest_keys(&member.actor, account, range.days_of_keys(), MOST_LOOKED_UP).await?;
    let mut rows = Vec::new();
    for KeyTotal { key, accepted, refused } in totals {
        let id: CredentialId = key.parse().map_err(keyward_core::store::StoreError::corrupt)?;
        let key = look_up(member, &id).await?;
        if mode.is_none_or(|mode| key.as_ref().is_some_and(|key| key.mode == mode)) {
            rows.push(KeyRow::new(member, &id, key.as_ref(), Sum { accepted, refused }, String::new()));
        }
        if rows.len() == MOST_BUSY_KEYS {
            break;
        }
    }
    Ok(rows)
}

/// The keys with the most refusals, and how many more there are.
async fn keys(
    member: &AtAccount,
    range: &Range,
    mode: Option<Mode>,
    reason: Option<&str>,
) -> Result<(Vec<KeyRow>, usize), ManagementError> {
    let (management, account) = (member.management(), &member.account.id);
    let mut by_key: HashMap<CredentialId, Vec<(String, u64)>> = HashMap::new();
    for (key, outcome, times) in management.refusals(&member.actor, account, range.days_of_keys()).await? {
        by_key.entry(key).or_default().push((outcome, times));
    }
    let weight = |outcomes: &[(String, u64)]| -> u64 {
        let counted = outcomes.iter().filter(|(outcome, _)| reason.is_none_or(|reason| outcome == reason));
        counted.map(|(_, times)| times).sum()
    };
    let mut by_key: Vec<_> = by_key.into_iter().map(|(key, all)| (weight(&all), key, all)).collect();
    by_key.retain(|(weight, ..)| *weight > 0);
    by_key.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    let (mut rows, mut looked_up) = (Vec::new(), 0);
    for (_, id, mut outcomes) in by_key.iter().take(MOST_LOOKED_UP).cloned() {
        looked_up += 1;
        let key = look_up(member, &id).await?;
        if mode.is_some_and(|mode| key.as_ref().is_none_or(|key| key.mode != mode)) {
            continue;
        }
        let usage = management.read_usage(account, Some(&id), range.days_of_keys()).await?;
        let mut sum = Sum::default();
        for day in usage.days {
            sum.add(&day.outcome, day.times);
        }
        outcomes.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let reasons =
            outcomes.iter().map(|(outcome, times)| format!("{}: {}", words::charts::meaning(outcome), number(*times)));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let missing = match &key {
            Some(key) if outcomes.iter().any(|(outcome, _)| outcome == "insufficient_scope") => {
                let mut missing = most_missing(&newest(member, key).await?, &key.scopes);
                missing.truncate(MOST_MISSING);
                (!missing.is_empty()).then(|| words::usage::missing_scopes(&missing))
            }
            _ => None,
        };
        rows.push(KeyRow { missing, ..KeyRow::new(member, &id, key.as_ref(), sum, reasons) });
        if rows.len() == MOST_KEYS {
            break;
        }
    }
    Ok((rows, by_key.len() - looked_up))
}

async fn quotas(member: &AtAccount) -> Result<(Vec<Quota>, Vec<Line>), ManagementError> {
    let (management, account) = (member.management(), &member.account.id);
    let mut quotas = Vec::new();
    if member.may(&scopes::KEYS_READ) {
        let query = KeyQuery {
            account: Some(account.clone()),
            status: Some(KeyStatus::Active),
            now: management.now(),
            ..KeyQuery::default()
        };
        let (used, limit) = (management.count_keys(&member.actor, &query).await?, management.key_limit(account).await?);
        let text = words::usage::keys_used(&number(used), &number(limit.into()));
        quotas.push(Quota { name: words::shared::ACTIVE_KEYS.to_owned(), used, limit: limit.into(), text });
    }
    let limits = match management.limits(&member.actor, &Subject::Account(account.clone())).await {
        Ok(limits) => limits,
        Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => return Ok((quotas, Vec::new())),
        Err(error) => return Err(error),
    };
    if let Some(left) = &limits.left {
        let used = left.credits.saturating_sub(left.remaining);
        let refill = left.resets_in_seconds.and_then(|seconds| span(std::time::Duration::from_secs(seconds)));
        let text = words::usage::credits_used(&number(used), &number(left.credits), refill.as_deref());
        quotas.push(Quota { name: words::shared::BUDGET.to_owned(), used, limit: left.credits, text });
    }
    for (rate, left) in management.rates_left(&member.actor, account).await? {
        let quota = u64::from(rate.quota);
        let used = quota.saturating_sub(left);
        let seconds = u64::from(rate.window_seconds);
        let window = span(std::time::Duration::from_secs(seconds)).unwrap_or_else(|| words::times::seconds(seconds));
        let text = words::usage::rate_used(&number(used), &number(quota), &window);
        quotas.push(Quota { name: words::usage::rate(&rate.name), used, limit: quota, text });
    }
    let lines = effective(member, account, &Subject::Account(account.clone())).await?.unwrap_or_default();
    Ok((quotas, lines.into_iter().filter(|line| line.name != "Left").collect()))
}

/// Returns `true` if one of the newest keys of the account was used in the last `days` days.
async fn was_used(member: &AtAccount, days: u32) -> Result<bool, PageError> {
    let now = member.management().now();
    let from = Timestamp::from_millis(now.as_millis() - i64::from(days) * DAY);
    let query = KeyQuery { account: Some(member.account.id.clone()), now, ..KeyQuery::default() };
    let keys = member.management().keys(&member.actor, &query).await?;
    Ok(keys.items.iter().any(|key| key.last_used_at.is_some_and(|at| at >= from)))
}

/// With one decimal.
fn percent(part: u64, all: u64) -> String {
    if all == 0 {
        return "–".to_owned();
    }
    let tenths = (u128::from(part) * 1_000 + u128::from(all) / 2) / u128::from(all);
    // A single one is not nothing.
    if part > 0 && tenths == 0 { "< 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_have_one_decimal() {
        for (part, all, text) in [
            (0, 0, "–"),
            (0, 9, "0.0 %"),
            (1, 3, "33.3 %"),
            (9, 9, "100.0 %"),
            (1, 1_000_000, "< 0.1 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(percent(part, all), text);
        }
    }
}
