use crate::identity::Identity;
use crate::key::KeyKind;
use crate::rejection::Rejection;

/// Override methods before the layer: `X-HTTP-Method-Override` does not count.
pub(crate) fn kind_allows(identity: &Identity, method: &str) -> Result<(), Rejection> {
    let read_only = identity.kind().key_kind() == Some(KeyKind::Publishable);
    if read_only && !is_safe(method) {
        return Err(Rejection::KindNotAllowed);
    }
    Ok(())
}

/// TRACE echoes credentials (RFC 9110 section 9.2.1).
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
