//! The decision that all endpoints of this crate share.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::adapter::{Admission, Check, CredentialFault};
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Identity, Rejection, Requirement, Scope};

/// Decides on a request, by its check against the cache and by its requirement.
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

/// Returns the admitted identity, if there is one.
pub(crate) fn identity_of(admission: &Admission) -> Option<&Identity> {
    match admission {
        Admission::Identity(identity) => Some(identity),
        Admission::Anonymous => None,
    }
}

/// Reads the requirement that the gateway's configuration states, by name and value.
///
/// # Errors
/// [`Rejection::NotConfigured`] for everything unknown, so that a mistyped requirement is not ignored.
pub(crate) fn required<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Requirement, Rejection> {
    let mut scopes = Vec::new();
    for (name, value) in parameters {
        if name != "scope" {
            keyward_core::log_limited!(
                error,
                "request refused: the gateway requires something other than `scope`; correct its configuration"
            );
            return Err(Rejection::NotConfigured);
        }
        let mut said = value.split([' ', ',']).filter(|scope| !scope.is_empty()).peekable();
        // An empty scope, for example from an unset variable of the gateway, is a mistake.
        if said.peek().is_none() {
            keyward_core::log_limited!(
                error,
                "request refused: the gateway requires a scope, but names none; correct its configuration"
            );
            return Err(Rejection::NotConfigured);
        }
        for scope in said {
            let scope: Scope = scope.parse().map_err(|error| {
                keyward_core::log_limited!(error, %error, "request refused: the gateway requires a malformed scope; correct its configuration");
                Rejection::NotConfigured
            })?;
            scopes.push(scope);
        }
    }
    Ok(Requirement::all_of(scopes))
}
