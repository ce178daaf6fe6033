use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{CredentialId, Mode};
use keyward_limits::Subject;

use super::by_scope::{Scopes, lacked};
use super::range::{PRESETS, Range};
use super::sum::{Sum, percent};
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::{self, Form};
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::pages::limits::{Line, effective};
use crate::dashboard::svg::{self, Chart};
use crate::dashboard::text::{number, span};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{Days, INSUFFICIENT_SCOPE, KeyOutcomes, KeyView, UsageTotal};
use crate::store::ModeCount;

const MOST_KEYS: usize = 20;
const MOST_BUSY_KEYS: usize = 10;
/// Keys of the other mode are looked up in vain.
const MOST_LOOKED_UP: usize = 100;
/// Scopes that are named for each key.
const MOST_MISSING: usize = 3;

struct Tab {
    query: String,
    label: &'static str,
    is_current: bool,
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
    /// The scopes that requests lacked.
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
    /// The days as they were typed.
    from: String,
    to: String,
    /// The fields that the form of the days keeps.
    hidden: Vec<(&'static str, String)>,
    error: Option<FormErrors>,
    range: Range,
    ranges: Vec<Tab>,
    modes: Vec<Tab>,
    all: Sum,
    by_mode: Vec<(&'static str, Sum)>,
    refusals: Vec<Refusal>,
    scopes: Option<Scopes>,
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
    let sent = member.visitor.query();
    let (management, account) = (member.management(), &member.account.id);
    let now = management.now();
    let (range, error) = match Range::read(&sent, now) {
        Ok(range) => (range, None),
        Err(error) => (Range::of_preset(sent.get("days"), now), Some(error)),
    };
    // The links do not repeat what is wrong.
    let wrong: &[&str] = if error.is_some() { &["from", "to"] } else { &[] };
    let query = Form::parse(sent.without(wrong).as_bytes());
    let mode: Option<Mode> = query.get("mode").parse().ok();
    let counts = management.usage_by_mode(&member.actor, account, range.unit, range.first, range.last).await?;
    let (mut all, mut live, mut test) = (Sum::default(), Sum::default(), Sum::default());
    let is_shown = |count: &&ModeCount| mode.is_none_or(|mode| count.mode == mode);
    for count in counts.iter().filter(is_shown) {
        all.add(&count.outcome, count.times);
        (if count.mode == Mode::Test { &mut test } else { &mut live }).add(&count.outcome, count.times);
    }
    let totals: Vec<UsageTotal> = counts.iter().filter(is_shown).map(|count| range.total(count)).collect();
    let chart = svg::chart(&totals, range.unit, range.first, range.last, now);
    let refused = chart.legend.iter().filter(|legend| legend.outcome != "accepted");
    let without = |fields: &[&str]| query.without(fields);
    let refusals = refused.map(|legend| Refusal {
        words: legend.words.clone(),
        meaning: legend.meaning,
        times: legend.total.clone(),
        share: percent(legend.times, all.refused),
        query: form::joined(&without(&["outcome"]), &form::query("outcome", &legend.outcome)),
    });
    let refusals = refusals.collect();
    let reason = query.filled("outcome");
    let scopes = management.usage_by_scope(&member.actor, account, range.days).await?;
    let scopes = Scopes::of(&scopes, format!("of=scopes&{}", range.query()));
    let by_key = management.usage_by_key(&member.actor, account, range.days).await?;
    let busiest = busiest(&member, &by_key, mode).await?;
    let (keys, more) = keys(&member, &by_key, range.days, mode, reason.as_deref()).await?;
    let is_used = chart.total == 0 && member.may(&scopes::KEYS_READ) && was_used(&member, &range).await?;
    let (quotas, limits) = quotas(&member).await?;
    let tab = |fields: &[&'static str], field: &'static str, value: String, label, is_current| {
        let value = if value.is_empty() { String::new() } else { form::query(field, &value) };
        Tab { query: form::joined(&without(fields), &value), label, is_current }
    };
    let modes = [("", words::usage::ALL_MODES), ("live", words::shared::LIVE), ("test", words::shared::TEST)];
    let known_mode = mode.map(Mode::as_str).unwrap_or_default();
    let modes = modes.map(|(value, label)| tab(&["mode"], "mode", value.to_owned(), label, value == known_mode));
    let ranges = PRESETS.iter().map(|preset| {
        let is_current = error.is_none() && range.is(preset);
        tab(&["days", "from", "to"], "days", preset.days.to_string(), preset.label, is_current)
    });
    let (modes, ranges) = (modes.into(), ranges.collect());
    let hidden = ["mode", "outcome"].into_iter().filter_map(|field| Some((field, query.filled(field)?))).collect();
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(member.page_with(status, words::usage::USAGE, |frame| UsagePage {
        frame,
        chart,
        from: sent.get("from").to_owned(),
        to: sent.get("to").to_owned(),
        hidden,
        error,
        range,
        ranges,
        modes,
        all,
        by_mode: [(words::shared::LIVE, live), (words::shared::TEST, test)]
            .into_iter()
            .filter(|(_, sum)| sum.accepted + sum.refused > 0)
            .collect(),
        refusals,
        scopes,
        busiest,
        keys,
        more_keys: (more > 0).then(|| number(more as u64)),
        reason: reason.map(|reason| words::charts::meaning(&reason).to_owned()),
        without_reason: without(&["outcome"]),
        quotas,
        limits,
        plan: member.account.plan.as_ref().map(ToString::to_string),
        filters: without(&["outcome"]),
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

/// The keys with the largest weight above zero, the heaviest first.
fn heaviest(keys: &[KeyOutcomes], weight: impl Fn(&KeyOutcomes) -> u64) -> Vec<&KeyOutcomes> {
    let mut weighed: Vec<(u64, &KeyOutcomes)> = keys.iter().map(|key| (weight(key), key)).collect();
    weighed.retain(|(weight, _)| *weight > 0);
    weighed.sort_unstable_by(|(first, a), (second, b)| (second, &a.key).cmp(&(first, &b.key)));
    weighed.into_iter().map(|(_, key)| key).collect()
}

fn sum_of(key: &KeyOutcomes) -> Sum {
    Sum { accepted: key.accepted(), refused: key.refused() }
}

/// The keys with the most requests.
async fn busiest(
    member: &AtAccount,
    by_key: &[KeyOutcomes],
    mode: Option<Mode>,
) -> Result<Vec<KeyRow>, ManagementError> {
    let mut rows = Vec::new();
    for counted in heaviest(by_key, KeyOutcomes::all).into_iter().take(MOST_LOOKED_UP) {
        let key = look_up(member, &counted.key).await?;
        if mode.is_none_or(|mode| key.as_ref().is_some_and(|key| key.mode == mode)) {
            rows.push(KeyRow::new(member, &counted.key, key.as_ref(), sum_of(counted), String::new()));
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
    by_key: &[KeyOutcomes],
    days: Days,
    mode: Option<Mode>,
    reason: Option<&str>,
) -> Result<(Vec<KeyRow>, usize), ManagementError> {
    let refused = heaviest(by_key, |key| match reason {
        Some(reason) => key.refused_for(reason),
        None => key.refused(),
    });
    let (mut shown, mut looked_up) = (Vec::new(), 0);
    for counted in refused.iter().take(MOST_LOOKED_UP) {
        looked_up += 1;
        let key = look_up(member, &counted.key).await?;
        if mode.is_none_or(|mode| key.as_ref().is_some_and(|key| key.mode == mode)) {
            shown.push((counted, key));
        }
        if shown.len() == MOST_KEYS {
            break;
        }
    }
    let lacking: Vec<CredentialId> = shown
        .iter()
        .filter(|(counted, key)| key.is_some() && counted.refused_for(INSUFFICIENT_SCOPE) > 0)
        .map(|(counted, _)| counted.key.clone())
        .collect();
    let counts = member.management().scopes_of_keys(&member.account.id, &lacking, days).await?;
    let mut rows = Vec::with_capacity(shown.len());
    for (counted, key) in shown {
        let mut outcomes: Vec<_> = counted.refusals().collect();
        outcomes.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let reasons =
            outcomes.iter().map(|(outcome, times)| format!("{}: {}", words::charts::meaning(outcome), number(*times)));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let missing = match (&key, counts.get(&counted.key)) {
            (Some(key), Some(counts)) => {
                let has = |scope: &str| scope.parse().is_ok_and(|scope| key.scopes.allows(&scope));
                let mut missing = lacked(counts, has);
                missing.truncate(MOST_MISSING);
                (!missing.is_empty()).then(|| words::usage::missing_scopes(&missing))
            }
            _ => None,
        };
        rows.push(KeyRow { missing, ..KeyRow::new(member, &counted.key, key.as_ref(), sum_of(counted), reasons) });
    }
    Ok((rows, refused.len() - looked_up))
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

/// Returns `true` if one of the newest keys of the account was last used in the range.
async fn was_used(member: &AtAccount, range: &Range) -> Result<bool, PageError> {
    let now = member.management().now();
    let query = KeyQuery { account: Some(member.account.id.clone()), now, ..KeyQuery::default() };
    let keys = member.management().keys(&member.actor, &query).await?;
    Ok(keys.items.iter().any(|key| key.last_used_at.is_some_and(|at| range.has(at))))
}
