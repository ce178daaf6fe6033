use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use keyward_core::adapter::CredentialFault;
use keyward_core::{Guard, Identity};

use crate::auth_rejection::AuthRejection;
use crate::authenticated::caller;

/// The identity of a caller with the scopes `R`. Others get 403.
///
/// # Examples
/// ```
/// use keyward::axum::{AllOf, AnyOf, Scoped};
///
/// keyward::axum::scopes! {
///     pub JobsRead = "jobs:read";
///     pub JobsWrite = "jobs:write";
///     pub Admin = "admin:all";
/// }
///
/// async fn cancel(caller: Scoped<JobsWrite>) -> String {
///     caller.account().to_string()
/// }
///
/// async fn list(_: Scoped<AnyOf<(JobsRead, Admin)>>) {}
///
/// async fn replay(_: Scoped<AllOf<(JobsRead, JobsWrite)>>) {}
/// # use axum::routing::get;
/// # let _: axum::Router = axum::Router::new().route("/a", get(cancel)).route("/b", get(list)).route("/c", get(replay));
/// ```
pub type Scoped<R> = Guarded<R>;

/// The identity of a caller that passes a [`Guard`].
///
/// # Examples
/// ```
/// use keyward::policy::{Plans, Policy};
/// use keyward::{Guard, Identity, Rejection};
/// use keyward::axum::Guarded;
///
/// struct Paid;
///
/// impl Guard for Paid {
///     fn check(identity: &Identity) -> Result<(), Rejection> {
///         Plans::one_of(["Plus", "Pro"]).check(identity)
///     }
/// }
///
/// keyward::axum::scopes! { pub ExportsCreate = "exports:create"; }
///
/// async fn export(caller: Guarded<(Paid, ExportsCreate)>) -> String {
///     caller.account().to_string()
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(export));
/// ```
pub struct Guarded<G: Guard> {
    identity: Identity,
    required: PhantomData<fn() -> G>,
}

impl<G: Guard> Guarded<G> {
    /// Returns the identity.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.identity
    }
}

impl<G: Guard> Deref for Guarded<G> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<G: Guard> Clone for Guarded<G> {
    fn clone(&self) -> Self {
        Self { identity: self.identity.clone(), required: PhantomData }
    }
}

impl<G: Guard> fmt::Debug for Guarded<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guarded").field(&self.identity).finish()
    }
}

impl<S: Sync, G: Guard> FromRequestParts<S> for Guarded<G> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        let verdict = caller(parts)
            .and_then(|identity| identity.ok_or_else(|| CredentialFault::Missing.into()))
            .and_then(|identity| G::check(identity).map(|()| identity.clone()));
        match verdict {
            Ok(identity) => Ok(Self { identity, required: PhantomData }),
            Err(rejection) => Err(AuthRejection::new(rejection, parts)),
        }
    }
}
