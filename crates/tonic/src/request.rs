use http::Method;
use keyward_core::adapter::{self, CredentialFault};
use keyward_core::render::Refusal;
use keyward_core::{Guard, Identity, Rejection};
use tonic::{Request, Status};

use crate::status::{GuardRefusal, to_status};

/// Returns the caller's identity.
///
/// # Errors
/// `UNAUTHENTICATED` without a credential. `INTERNAL` without an [`AuthLayer`](crate::AuthLayer).
#[allow(clippy::result_large_err, reason = "tonic's handlers return its Status")]
pub fn identity<T>(request: &Request<T>) -> Result<&Identity, Status> {
    find(request).map_err(|rejection| to_status(&rejection, None))
}

/// Returns the caller's identity if it passes `G`.
///
/// # Errors
/// As for [`identity`], and the guard's rejection.
#[allow(clippy::result_large_err, reason = "tonic's handlers return its Status")]
pub fn guarded<G: Guard, T>(request: &Request<T>) -> Result<&Identity, Status> {
    let verdict = find(request).and_then(|identity| G::check(identity).map(|()| identity));
    verdict.map_err(|rejection| refused(rejection, request))
}

/// The layer around the handler counts and reports it.
#[cold]
fn refused<T>(rejection: Rejection, request: &Request<T>) -> Status {
    let refusal = Refusal::new(rejection, &Method::POST, request.metadata().as_ref());
    GuardRefusal::status(refusal.with_identity(request.extensions().get()))
}

fn find<T>(request: &Request<T>) -> Result<&Identity, Rejection> {
    let identity = adapter::caller(request.extensions()).inspect_err(|_| {
        tracing::error!(
            "a handler needs an identity, but no AuthLayer is around this server: refusing every call to the handler; add the layer"
        );
    })?;
    identity.ok_or_else(|| CredentialFault::Missing.into())
}
