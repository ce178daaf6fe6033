//! The extractor of an identity that was granted what a handler requires.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use keyward::{CredentialFault, Identity, RequiredScopes, check_required};

use crate::authenticated::caller;
use crate::refused::Refused;

/// Who calls, and was granted the scopes `R`. Everybody else is refused: 403, with the scopes named in the body and in the
/// challenge.
///
/// # Examples
/// ```
/// use keyward_axum::{AllOf, AnyOf, Scoped};
///
/// keyward_axum::scopes! {
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
pub struct Scoped<R> {
    identity: Identity,
    required: PhantomData<fn() -> R>,
}

impl<R> Scoped<R> {
    /// The identity itself.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.identity
    }
}

impl<R> Deref for Scoped<R> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<R> Clone for Scoped<R> {
    fn clone(&self) -> Self {
        Self { identity: self.identity.clone(), required: PhantomData }
    }
}

impl<R> fmt::Debug for Scoped<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scoped").field(&self.identity).finish()
    }
}

impl<S: Sync, R: RequiredScopes> FromRequestParts<S> for Scoped<R> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let verdict = caller(parts)
            .and_then(|identity| identity.ok_or_else(|| CredentialFault::Missing.into()))
            .and_then(|identity| check_required::<R>(identity).map(|()| identity.clone()));
        match verdict {
            Ok(identity) => Ok(Self { identity, required: PhantomData }),
            Err(rejection) => Err(Refused::new(rejection, parts)),
        }
    }
}
