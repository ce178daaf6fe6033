//! The requests of the demo. One rule decides each of them: the scopes of the key, as the server checks them.

use std::collections::BTreeMap;

use keyward_core::policy::Policy as _;
use keyward_core::{Identity, Rejection, Requirement, Scope, ScopeSet, Timestamp};
use keyward_manage::{KeyView, NewCount, NewScopeCount, RequestEntry};

use crate::backend::Managed;
use crate::error::{Error, ErrorKind};

/// The routes of the API of the demo, with the scope that each needs.
static ROUTES: [(&str, &str, Scope); 5] = [
    ("GET", "/v1/resources", Scope::from_static("resources:read")),
    ("GET", "/v1/resources/{id}", Scope::from_static("resources:read")),
    ("POST", "/v1/jobs", Scope::from_static("jobs:write")),
    ("GET", "/v1/jobs/{id}", Scope::from_static("jobs:read")),
    ("PUT", "/v1/resources/{id}", Scope::from_static("resources:write")),
];
pub(super) const LIST: usize = 0;
pub(super) const READ: usize = 1;
pub(super) const START: usize = 2;
pub(super) const POLL: usize = 3;
pub(super) const CHANGE: usize = 4;

const NETWORKS: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/48"];
const HOUR: i64 = 3_600 * 1_000;
const MOST_RECORDED: usize = 200;
/// The usual shape of a day (UTC), in parts of its requests.
const HOURS: [i64; 24] = [1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 7, 7, 8, 8, 7, 6, 5, 4, 3, 2, 2, 1];

/// A program that calls with a key: its requests on a working day, and their routes in turn.
pub(super) struct Traffic {
    daily: i64,
    routes: &'static [usize],
}

struct Call {
    at: i64,
    method: &'static str,
    route: &'static str,
    scope: &'static Scope,
    refusal: Option<Rejection>,
}

impl Traffic {
    pub(super) const fn new(daily: i64, routes: &'static [usize]) -> Self {
        Self { daily, routes }
    }

    fn in_hour(&self, hour: i64) -> i64 {
        let day = hour.div_euclid(24);
        let of_day = if (day + 4).rem_euclid(7) < 2 { self.daily / 6 } else { self.daily };
        let part = HOURS.get(usize::try_from(hour.rem_euclid(24)).unwrap_or(0)).copied().unwrap_or(1);
        let all: i64 = HOURS.iter().sum();
        // Each day differs by up to a fifth.
        let of_day = of_day * (90 + (day * 7_919).rem_euclid(21)) / 100;
        (of_day * part + (hour * 31).rem_euclid(all)) / all
    }

    /// The calls in an hour, oldest first.
    fn calls<'a>(&'a self, hour: i64, key: &'a KeyScopes<'a>) -> impl Iterator<Item = Call> + 'a {
        let number = self.in_hour(hour);
        (0..number).filter_map(move |place| {
            let at = hour * HOUR + place * HOUR / number + (place * 7_919).rem_euclid(HOUR / number / 2 + 1);
            let turn = usize::try_from(hour * 7_919 + place).unwrap_or(0) % self.routes.len();
            let (method, route, scope) = ROUTES.get(*self.routes.get(turn)?)?;
            Some(Call { at, method, route, scope, refusal: key.verdict(at, scope).err() })
        })
    }
}

/// The scopes of a key over time.
struct KeyScopes<'a> {
    now: Identity,
    before: Option<(Timestamp, Identity)>,
    view: &'a KeyView,
}

impl<'a> KeyScopes<'a> {
    fn new(view: &'a KeyView, before: Option<(Timestamp, ScopeSet)>) -> Self {
        let with = |scopes: ScopeSet| Identity::api_key(view.id.clone(), view.account.clone()).with_scopes(scopes);
        Self { now: with(view.scopes.clone()), before: before.map(|(at, scopes)| (at, with(scopes))), view }
    }

    fn verdict(&self, at: i64, required: &Scope) -> Result<(), Rejection> {
        let identity = match &self.before {
            Some((changed, before)) if at < changed.as_millis() => before,
            _ => &self.now,
        };
        Requirement::all_of([required.clone()]).check(identity)
    }
}

/// Counts the requests between these times, and records the newest ones. Before a change, the key had other scopes. Returns the
/// time of the last one.
pub(super) async fn write(
    managed: &Managed,
    key: &KeyView,
    traffic: &Traffic,
    from: Timestamp,
    until: Timestamp,
    before: Option<(Timestamp, ScopeSet)>,
) -> Result<Timestamp, Error> {
    let scopes = KeyScopes::new(key, before);
    // The store keeps hours only of the last day.
    let last = until.as_millis() / HOUR;
    let hour_of = |hour: i64| if hour < last - 48 { hour.div_euclid(24) * 24 + 12 } else { hour };
    let (mut counts, mut newest) = (BTreeMap::<(i64, &str), u64>::new(), Vec::new());
    let mut by_scope = BTreeMap::<(i64, &Scope, &str), u64>::new();
    for hour in from.as_millis() / HOUR..=last {
        let is_within = |call: &Call| call.at > from.as_millis() && call.at < until.as_millis();
        let calls: Vec<Call> = traffic.calls(hour, &scopes).filter(is_within).collect();
        for call in &calls {
            let outcome = call.refusal.as_ref().map_or("accepted", Rejection::reason);
            *counts.entry((hour_of(hour), outcome)).or_default() += 1;
            *by_scope.entry((hour.div_euclid(24), call.scope, outcome)).or_default() += 1;
        }
        newest.extend(calls);
        let surplus = newest.len().saturating_sub(MOST_RECORDED);
        newest.drain(..surplus);
    }
    let counts = counts.into_iter().map(|((hour, outcome), times)| NewCount {
        account: key.account.to_string(),
        key: key.id.to_string(),
        hour,
        mode: key.mode,
        outcome: outcome.to_owned(),
        times,
    });
    let by_scope = by_scope.into_iter().map(|((day, scope, outcome), times)| NewScopeCount {
        account: key.account.to_string(),
        key: key.id.to_string(),
        day,
        scope: scope.to_string(),
        outcome: outcome.to_owned(),
        times,
        is_listed: true,
    });
    let failed = |error| Error::caused(ErrorKind::Failed, &error);
    managed.records.add(&counts.collect::<Vec<_>>()).await.map_err(failed)?;
    managed.records.add_scopes(&by_scope.collect::<Vec<_>>()).await.map_err(failed)?;
    let last_call = newest.last().map(|call| Timestamp::from_millis(call.at));
    let requests: Vec<_> = (0..).zip(newest).map(|(number, call)| scopes.recorded(number, &call)).collect();
    managed.records.add_requests(&requests).await.map_err(failed)?;
    Ok(last_call.unwrap_or(until))
}

impl KeyScopes<'_> {
    fn recorded(&self, number: i64, call: &Call) -> RequestEntry {
        let missing = match &call.refusal {
            Some(Rejection::InsufficientScope(required)) => required.scopes().first().map(ToString::to_string),
            _ => None,
        };
        RequestEntry {
            key: self.view.id.to_string(),
            at: call.at,
            number,
            account: self.view.account.to_string(),
            method: Some(call.method.to_owned()),
            route: Some(call.route.to_owned()),
            network: usize::try_from(number % 7 % 3).ok().and_then(|turn| NETWORKS.get(turn)).map(ToString::to_string),
            outcome: call.refusal.as_ref().map_or("OK", Rejection::code).to_owned(),
            missing,
        }
    }
}
