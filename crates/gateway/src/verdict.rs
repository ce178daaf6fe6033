//! The one question that all of this crate's endpoints ask.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::adapter::{Admission, Check, CredentialFault};
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Identity, Rejection, Requirement, Scope};

/// Whether a request is let in, by what came of its check against the cache and by what is required of it.
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

/// Who was let in, if it was not without a credential.
pub(crate) fn identity_of(admission: &Admission) -> Option<&Identity> {
    match admission {
        Admission::Identity(identity) => Some(identity),
        Admission::Anonymous => None,
    }
}

/// The requirement that the gateway's own configuration states, by name and value.
///
/// # Errors
/// [`Rejection::NotConfigured`] for whatever is not understood: a requirement that is mistyped is not left out.
pub(crate) fn required<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Requirement, Rejection> {
    let mut scopes = Vec::new();
    for (name, value) in parameters {
        if name != "scope" {
            keyward_core::log_limited!(
                error,
                "a gateway requires something other than `scope`: every request of this route is refused"
            );
            return Err(Rejection::NotConfigured);
        }
        let mut said = value.split([' ', ',']).filter(|scope| !scope.is_empty()).peekable();
        // A variable of the gateway's that was never set, say. Where no scope is required, none is spoken of.
        if said.peek().is_none() {
            keyward_core::log_limited!(
                error,
                "a gateway requires a scope and names none: every request of this route is refused"
            );
            return Err(Rejection::NotConfigured);
        }
        for scope in said {
            let scope: Scope = scope.parse().map_err(|error| {
                keyward_core::log_limited!(error, %error, "a gateway requires a malformed scope: every request of this route is refused");
                Rejection::NotConfigured
            })?;
            scopes.push(scope);
        }
    }
    Ok(Requirement::all_of(scopes))
}
