//! Who calls, for handlers and interceptors.

use keyward_core::adapter::CredentialFault;
use keyward_core::{Anonymous, Guard, Identity, Rejection};
use tonic::{Request, Status};

use crate::status::to_status;

/// Who calls.
///
/// # Errors
/// `UNAUTHENTICATED` if the call was let in without a credential; `INTERNAL`, with a line in the log, where no
/// [`AuthLayer`](crate::AuthLayer) is.
#[allow(clippy::result_large_err, reason = "tonic's handlers return its Status")]
pub fn identity<T>(request: &Request<T>) -> Result<&Identity, Status> {
    find(request).map_err(|rejection| to_status(&rejection, None))
}

/// Who calls, if they are let in by the guard `G`: scopes, a plan, a feature, or a pair of them.
///
/// # Errors
/// As for [`identity`], and `PERMISSION_DENIED` with what the guard says.
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
                "a handler asks for an identity on a server that no AuthLayer stands around: every call to it is refused"
            );
            Err(Rejection::NotConfigured)
        }
    }
}
