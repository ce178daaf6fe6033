//! The methods that a key's kind allows: a publishable key is read-only.

use crate::identity::Identity;
use crate::key::KeyKind;
use crate::rejection::Rejection;

/// Refuses a publishable key with a method that is not safe (RFC 9110 section 9.2.1).
///
/// Only the request's method counts, not a header such as `X-HTTP-Method-Override`. Code that overrides the method must
/// run before the layer.
pub(crate) fn kind_allows(identity: &Identity, method: &str) -> Result<(), Rejection> {
    let read_only = identity.kind().key_kind() == Some(KeyKind::Publishable);
    if read_only && !is_safe(method) {
        return Err(Rejection::KindNotAllowed);
    }
    Ok(())
}

/// Returns `true` if a method only reads (RFC 9110 section 9.2.1). TRACE is excluded, because it echoes credentials.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
