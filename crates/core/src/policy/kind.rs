//! What a key's kind allows: a publishable key is read-only.

use crate::identity::Identity;
use crate::key::KeyKind;
use crate::rejection::Rejection;

/// Refuses a publishable key with a method that is not safe (RFC 9110 section 9.2.1). The request's own method counts,
/// never one that a header such as `X-HTTP-Method-Override` wishes for: what overrides it has to run before the layer.
pub(crate) fn kind_allows(identity: &Identity, method: &str) -> Result<(), Rejection> {
    let read_only = identity.kind().key_kind() == Some(KeyKind::Publishable);
    if read_only && !is_safe(method) {
        return Err(Rejection::KindNotAllowed);
    }
    Ok(())
}

/// Whether a method only reads (RFC 9110 section 9.2.1). TRACE is left out: it echoes credentials.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
