#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::adapter::{Admission, Check, CredentialFault};
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Identity, Rejection, Requirement, Scope};

pub(crate) async fn verdict(
    authenticator: &Authenticator,
    check: Check,
    required: &Requirement,
) -> Result<Admission, Rejection> {
    let admission = match check {
        Check::Done(verdict) => verdict?,
        Check::Pending(pending) => authenticator.resolve(pending).await?,
    };
    match &admission {
        Admission::Identity(identity) => required.check(identity)?,
        Admission::Anonymous if required.scopes().is_empty() => {}
        Admission::Anonymous => return Err(CredentialFault::Missing.into()),
    }
    Ok(admission)
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
