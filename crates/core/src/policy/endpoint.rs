//! The endpoints that a key is confined to.

use crate::identity::Identity;
use crate::rejection::Rejection;

/// How many characters of a path a refusal repeats.
const MAX_NAMED: usize = 200;

/// Refuses what is outside the endpoints that a key is confined to; a key that names none may call all.
pub(crate) fn endpoint_allows(identity: &Identity, method: &str, path: &str) -> Result<(), Rejection> {
    let endpoints = identity.endpoints();
    if endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.covers(method, path)) {
        return Ok(());
    }
    // Long enough for every path that is meant, and no room for what is not.
    let named = path.chars().take(MAX_NAMED);
    Err(Rejection::EndpointNotAllowed(method.chars().chain([' ']).chain(named).collect()))
}
