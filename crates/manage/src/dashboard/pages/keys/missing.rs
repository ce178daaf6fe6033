//! The scopes that recent requests of a key lacked, and the way to grant them.

use keyward_core::key::KeyKind;
use keyward_core::store::KeyStatus;
use keyward_core::{Scope, ScopeSet};

use super::scopes::ApiScopes;
use crate::dashboard::member::{AtAccount, AtKey};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::{KeyView, PageRequest, RecentRequest};

const NEWEST: usize = 200;
const DAYS: u32 = 7;

/// What a rotation does not solve.
pub(super) struct Warning {
    pub(super) text: String,
    pub(super) remedy: Remedy,
}

/// What gives a key the missing scopes.
#[derive(Default)]
pub(super) struct Remedy {
    /// The query of the form that changes access. `None` if the user may not grant the scopes, or the key has them.
    pub(super) change: Option<String>,
    /// The plan does not allow the scopes.
    pub(super) other_plan: Option<String>,
}

impl Warning {
    /// `None` if no request of the last days lacked a scope.
    pub(super) async fn of(member: &AtKey) -> Result<Option<Self>, ManagementError> {
        if !member.may(&scopes::USAGE_READ) {
            return Ok(None);
        }
        let requests = newest(member, &member.key).await?;
        let missing: Vec<String> =
            most_missing(&requests, &member.key.scopes).into_iter().map(|(one, _)| one).collect();
        if !missing.is_empty() {
            let remedy = Remedy::of(member, &ApiScopes::of(member).await?, &missing, false);
            return Ok(Some(Self { text: words::keys::requests_lacked(&missing.join(", ")), remedy }));
        }
        if requests.iter().any(|request| !request.missing_scopes.is_empty()) {
            // Access was changed since then.
            return Ok(None);
        }
        let usage = member.management().key_usage(&member.actor, member.id(), DAYS).await?;
        let lacked = usage.days.iter().any(|day| day.outcome == "insufficient_scope");
        let remedy = Remedy { change: change(member, &[], true), other_plan: None };
        Ok(lacked.then(|| Self { text: words::keys::REQUESTS_LACKED_A_SCOPE.to_owned(), remedy }))
    }
}

/// The newest requests of a key.
pub(in crate::dashboard) async fn newest(
    member: &AtAccount,
    key: &KeyView,
) -> Result<Vec<RecentRequest>, ManagementError> {
    let page = PageRequest { limit: NEWEST, ..PageRequest::default() };
    Ok(member.management().key_requests(&member.actor, &key.id, &page).await?.items)
}

/// The scopes that requests lacked and that these do not grant, the most frequent first, and how often.
pub(in crate::dashboard) fn most_missing(requests: &[RecentRequest], granted: &ScopeSet) -> Vec<(String, u64)> {
    let mut counted: Vec<(String, u64)> = Vec::new();
    for request in requests.iter().filter(|request| lacks(granted, request)) {
        for scope in request.missing_scopes.iter().filter(|scope| !allows(granted, scope)) {
            match counted.iter_mut().find(|(known, _)| known == scope) {
                Some((_, times)) => *times += 1,
                None => counted.push((scope.clone(), 1)),
            }
        }
    }
    counted.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    counted
}

impl Remedy {
    pub(super) fn of(member: &AtKey, scopes: &ApiScopes, missing: &[String], any: bool) -> Self {
        if member.key.purpose == Purpose::Api
            && let Some(refusal) = scopes.refusal(missing, any)
        {
            return Self { change: None, other_plan: Some(refusal) };
        }
        Self { change: change(member, missing, any), other_plan: None }
    }
}

/// The query of the form that changes access, with these scopes ticked.
fn change(member: &AtKey, missing: &[String], any: bool) -> Option<String> {
    let key = &member.key;
    let can_change = member.may(&scopes::KEYS_WRITE)
        && key.kind == KeyKind::Restricted
        && matches!(key.status, KeyStatus::Active | KeyStatus::Disabled);
    let may_grant =
        |scope: &String| key.purpose == Purpose::Api || scope.parse::<Scope>().is_ok_and(|scope| member.may(&scope));
    if !can_change || !missing.iter().all(may_grant) {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    // One of several is the user's choice.
    if !any && !missing.is_empty() {
        let known = key.scopes.iter().map(|grant| grant.as_str());
        query.extend_pairs(known.chain(missing.iter().map(String::as_str)).map(|scope| ("scope", scope)));
    }
    Some(query.finish())
}

/// Whether a key with these scopes would be refused again.
pub(super) fn lacks(granted: &ScopeSet, request: &RecentRequest) -> bool {
    let mut missing = request.missing_scopes.iter();
    match request.any_scope_suffices {
        true => !request.missing_scopes.is_empty() && !missing.any(|scope| allows(granted, scope)),
        false => missing.any(|scope| !allows(granted, scope)),
    }
}

fn allows(granted: &ScopeSet, scope: &str) -> bool {
    scope.parse().is_ok_and(|scope| granted.allows(&scope))
}

#[cfg(test)]
mod tests {
    use keyward_core::Timestamp;

    use super::*;

    fn request(missing: &[&str], any: bool) -> RecentRequest {
        RecentRequest {
            at: Timestamp::from_millis(0),
            method: None,
            route: None,
            network: None,
            outcome: "INSUFFICIENT_SCOPE".to_owned(),
            missing_scopes: missing.iter().map(|scope| (*scope).to_owned()).collect(),
            any_scope_suffices: any,
        }
    }

    #[test]
    fn granted_scopes_are_no_longer_missing() {
        let requests = [
            request(&["a:write"], false),
            request(&["a:write", "b:read"], false),
            request(&["c:read", "d:read"], true),
            request(&[], false),
        ];
        let count = |granted: &str| {
            let missing = most_missing(&requests, &granted.parse().unwrap());
            missing.into_iter().map(|(scope, times)| format!("{scope} {times}")).collect::<Vec<_>>().join(", ")
        };
        for (granted, missing) in [
            ("x:read", "a:write 2, b:read 1, c:read 1, d:read 1"),
            ("a:*", "b:read 1, c:read 1, d:read 1"),
            ("d:read a:write", "b:read 1"),
            ("*", ""),
        ] {
            assert_eq!(count(granted), missing, "{granted}");
        }
    }
}
