//! The endpoints that a key is confined to.

use crate::identity::Identity;
use crate::rejection::Rejection;

/// Refuses what is outside the endpoints that a key is confined to; a key that names none may call all.
pub(crate) fn endpoint_allows(identity: &Identity, method: &str, path: &str) -> Result<(), Rejection> {
    let endpoints = identity.endpoints();
    if endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.covers(method, path)) {
        return Ok(());
    }
    Err(Rejection::EndpointNotAllowed)
}
