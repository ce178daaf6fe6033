//! The caller's identity, for handlers and interceptors.

use keyward_core::adapter::CredentialFault;
use keyward_core::{Anonymous, Guard, Identity, Rejection};
use tonic::{Request, Status};

use crate::status::to_status;

/// Returns the identity of the caller.
///
/// # Errors
/// `UNAUTHENTICATED` if the call was admitted without a credential; `INTERNAL`, with an error in the log, on a server
/// without an [`AuthLayer`](crate::AuthLayer).
#[allow(clippy::result_large_err, reason = "tonic's handlers return its Status")]
pub fn identity<T>(request: &Request<T>) -> Result<&Identity, Status> {
    find(request).map_err(|rejection| to_status(&rejection, None))
}

/// Returns the identity of the caller if the guard `G` admits it: scopes, a plan, a feature, or a pair of them.
///
/// # Errors
/// As for [`identity`], and `PERMISSION_DENIED` with the message of the guard.
#[allow(clippy::result_large_err, reason = "tonic's handlers return its Status")]
pub fn guarded<G: Guard, T>(request: &Request<T>) -> Result<&Identity, Status> {
    let verdict = find(request).and_then(|identity| G::check(identity).map(|()| identity));
    verdict.map_err(|rejection| to_status(&rejection, None))
}

fn find<T>(request: &Request<T>) -> Result<&Identity, Rejection> {
    let extensions = request.extensions();
    match extensions.get::<Identity>() {
        Some(identity) => Ok(identity),
        None if extensions.get::<Anonymous>().is_some() => Err(CredentialFault::Missing.into()),
        None => {
            tracing::error!(
                "call refused: a handler asks for an identity, but no AuthLayer protects this server; add the layer"
            );
            Err(Rejection::NotConfigured)
        }
    }
}
