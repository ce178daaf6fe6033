use crate::identity::Identity;
use crate::rejection::Rejection;

const MAX_NAMED: usize = 200;

pub(crate) fn endpoint_allows(identity: &Identity, method: &str, path: &str) -> Result<(), Rejection> {
    let endpoints = identity.endpoints();
    if endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.covers(method, path)) {
        return Ok(());
    }
    // Long enough for a real path, and a bound for any other.
    let named = path.chars().take(MAX_NAMED);
    Err(Rejection::EndpointNotAllowed(method.chars().chain([' ']).chain(named).collect()))
}
