//! The scopes that requests of a key lacked, and the way to grant them.

use keyward_core::key::KeyKind;
use keyward_core::store::KeyStatus;
use keyward_core::{Scope, ScopeSet};

use super::scopes::ApiScopes;
use crate::dashboard::member::AtKey;
use crate::dashboard::pages::usage::lacked;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::{INSUFFICIENT_SCOPE, PageRequest, RecentRequest, UsageScope};

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
        let usage = member.management().key_usage(&member.actor, member.id(), DAYS).await?;
        match missing_scopes(member, &usage.scopes).await? {
            // Access was changed since then.
            Some(missing) if missing.is_empty() => return Ok(None),
            Some(missing) => {
                let remedy = Remedy::of(member, &ApiScopes::of(member).await?, &missing, false);
                return Ok(Some(Self { text: words::keys::requests_lacked(&missing.join(", ")), remedy }));
            }
            None => {}
        }
        let lacked = usage.days.iter().any(|day| day.outcome == INSUFFICIENT_SCOPE);
        let remedy = Remedy { change: change(member, &[], true), other_plan: None };
        Ok(lacked.then(|| Self { text: words::keys::REQUESTS_LACKED_A_SCOPE.to_owned(), remedy }))
    }
}

/// The scopes that requests lacked and that the key still lacks, the most frequent first. `None` if the counts name none.
pub(super) async fn missing_scopes(
    member: &AtKey,
    counts: &[UsageScope],
) -> Result<Option<Vec<String>>, ManagementError> {
    let granted = &member.key.scopes;
    let named = lacked(counts, |scope| scope.parse::<Scope>().is_err());
    if named.is_empty() {
        return Ok(None);
    }
    let mut missing: Vec<String> =
        named.into_iter().map(|(scope, _)| scope).filter(|scope| !allows(granted, scope)).collect();
    if !missing.is_empty() {
        let page = PageRequest { limit: NEWEST, ..PageRequest::default() };
        let requests = member.management().key_requests(&member.actor, &member.key.id, &page).await?.items;
        missing.retain(|scope| !is_settled(granted, &requests, scope));
    }
    Ok(Some(missing))
}

/// Returns `true` if requests lacked scopes, all of which these grant.
pub(super) fn has_all(granted: &ScopeSet, counts: &[UsageScope]) -> bool {
    let named = lacked(counts, |scope| scope.parse::<Scope>().is_err());
    !named.is_empty() && named.iter().all(|(scope, _)| allows(granted, scope))
}

/// Counts do not tell that one of several scopes was enough, which the key may have by now. Recorded requests do.
fn is_settled(granted: &ScopeSet, requests: &[RecentRequest], scope: &str) -> bool {
    let mut naming =
        requests.iter().filter(|request| request.missing_scopes.iter().any(|known| known == scope)).peekable();
    naming.peek().is_some() && naming.all(|request| !lacks(granted, request))
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
    fn a_scope_that_another_one_replaces_is_no_longer_missing() {
        let requests = [
            request(&["a:write", "b:read"], false),
            request(&["c:read", "d:read"], true),
            request(&["c:read"], true),
            request(&[], false),
        ];
        for (granted, settled) in [
            ("x:read", ""),
            ("d:read", "d:read"),
            ("c:read", "c:read d:read"),
            ("a:*", ""),
            ("a:* b:*", "a:write b:read"),
        ] {
            let granted: ScopeSet = granted.parse().unwrap();
            let known = ["a:write", "b:read", "c:read", "d:read", "e:read"];
            let found: Vec<_> = known.into_iter().filter(|scope| is_settled(&granted, &requests, scope)).collect();
            assert_eq!(found.join(" "), settled, "{granted:?}");
        }
    }
}
