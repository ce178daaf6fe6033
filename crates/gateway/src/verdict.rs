#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::net::IpAddr;
use std::num::NonZeroU32;

use keyward_core::adapter::{Admission, Check, Connection, CredentialFault, Observation};
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Identity, Rejection, Requirement, Scope};
use keyward_limits::{RequestLimit, Spent};

pub(crate) async fn verdict(
    authenticator: &Authenticator,
    check: Check,
    required: &Requirement,
) -> Result<Admission, Box<Refused>> {
    let admission = match check {
        Check::Done(verdict) => verdict?,
        Check::Pending(pending) => authenticator.resolve(pending).await?,
    };
    let allowed = match &admission {
        Admission::Identity(identity) => required.check(identity),
        Admission::Anonymous if required.scopes().is_empty() => Ok(()),
        Admission::Anonymous => Err(CredentialFault::Missing.into()),
    };
    match allowed {
        Ok(()) => Ok(admission),
        Err(rejection) => Err(Refused::boxed(rejection, identity_of(&admission).cloned())),
    }
}

/// Replaces the gateway's own request in the record of recent requests. Paths are not recorded.
pub(crate) fn describe(authenticator: &Authenticator, method: &str, client: &dyn Connection) {
    if Observation::is_current() {
        Observation::describe(Some(method), None, authenticator.client(client));
    }
}

/// Answers a question about a key. The record has it as one more request, beside the one with which the caller asks.
pub(crate) async fn observed<T>(method: Option<&str>, client: Option<IpAddr>, answer: impl Future<Output = T>) -> T {
    if Observation::is_current() { Observation::new(method, None, client).over(answer).await } else { answer.await }
}

/// Spends the cost of an admitted request.
pub(crate) async fn spend(
    limit: Option<&RequestLimit>,
    identity: Option<&Identity>,
    method: &str,
    uri: &str,
) -> Result<Spent, Rejection> {
    match limit {
        Some(limit) => limit.spend_all(identity, cost(limit, method, uri)).await,
        None => Ok(Spent::default()),
    }
}

/// Finds out whether the limits refuse a request, and spends nothing.
pub(crate) async fn check(
    limit: Option<&RequestLimit>,
    identity: Option<&Identity>,
    method: &str,
    uri: &str,
) -> Result<(), Rejection> {
    match limit {
        Some(limit) => limit.check(identity, cost(limit, method, uri)).await,
        None => Ok(()),
    }
}

fn cost(limit: &RequestLimit, method: &str, uri: &str) -> NonZeroU32 {
    if limit.has_one_cost() {
        return NonZeroU32::MIN;
    }
    // The authenticator has accepted both.
    limit.cost_of(&method.parse().unwrap_or_default(), &uri.parse().unwrap_or_default())
}

/// A refusal, with the identity of a key that was accepted before a requirement or a limit refused it.
pub(crate) struct Refused {
    pub(crate) rejection: Rejection,
    pub(crate) identity: Option<Identity>,
}

impl Refused {
    pub(crate) fn boxed(rejection: Rejection, identity: Option<Identity>) -> Box<Self> {
        Box::new(Self { rejection, identity })
    }
}

impl From<Rejection> for Box<Refused> {
    fn from(rejection: Rejection) -> Self {
        Refused::boxed(rejection, None)
    }
}

pub(crate) fn identity_of(admission: &Admission) -> Option<&Identity> {
    match admission {
        Admission::Identity(identity) => Some(identity),
        Admission::Anonymous => None,
    }
}

/// A mistyped requirement is not ignored.
pub(crate) fn required<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Requirement, Rejection> {
    let mut scopes = Vec::new();
    for (name, value) in parameters {
        if name != "scope" {
            keyward_core::log_limited!(
                error,
                "a gateway requires something other than `scope`: refusing every request of this route; use only `scope`"
            );
            return Err(Rejection::NotConfigured);
        }
        let mut said = value.split([' ', ',']).filter(|scope| !scope.is_empty()).peekable();
        // For example, a variable of the gateway was never set. A route without a requirement has no `scope` at all.
        if said.peek().is_none() {
            keyward_core::log_limited!(
                error,
                "a gateway sent `scope` without a value: refusing every request of this route; name a scope or remove the parameter"
            );
            return Err(Rejection::NotConfigured);
        }
        for scope in said {
            let scope: Scope = scope.parse().map_err(|error| {
                keyward_core::log_limited!(error, %error, "a gateway requires a malformed scope: refusing every request of this route; write scopes as `resource:action`");
                Rejection::NotConfigured
            })?;
            scopes.push(scope);
        }
    }
    Ok(Requirement::all_of(scopes))
}
