use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use keyward_core::adapter::CredentialFault;
use keyward_core::{Anonymous, Guard, Identity, Rejection};

use crate::auth_rejection::AuthRejection;

/// The caller's identity.
///
/// Without an [`Auth`](crate::Auth) around the handler, it answers 500 and logs an error.
///
/// # Examples
/// ```
/// use keyward::actix::Authenticated;
///
/// async fn whoami(caller: Authenticated) -> String {
///     caller.account().to_string()
/// }
/// # let _ = actix_web::web::get().to(whoami);
/// ```
#[derive(Clone, Debug)]
pub struct Authenticated(Identity);

/// The caller's identity, unless [`Auth`](crate::Auth) let the request pass without a credential. A bad credential is always refused.
///
/// # Examples
/// ```
/// use keyward::actix::MaybeAuthenticated;
///
/// async fn greet(caller: MaybeAuthenticated) -> String {
///     caller.identity().map_or("who are you?".to_owned(), |identity| format!("hello, {}", identity.account()))
/// }
/// # let _ = actix_web::web::get().to(greet);
/// ```
#[derive(Clone, Debug)]
pub struct MaybeAuthenticated(Option<Identity>);

/// The identity of a caller with the scopes `R`. Others get 403.
///
/// # Examples
/// ```
/// use keyward::actix::{AllOf, Scoped};
///
/// keyward::actix::scopes! {
///     pub JobsRead = "jobs:read";
///     pub JobsWrite = "jobs:write";
/// }
///
/// async fn replay(caller: Scoped<AllOf<(JobsRead, JobsWrite)>>) -> String {
///     caller.account().to_string()
/// }
/// # let _ = actix_web::web::get().to(replay);
/// ```
pub type Scoped<R> = Guarded<R>;

/// The identity of a caller that passes a [`Guard`].
pub struct Guarded<G: Guard> {
    identity: Identity,
    guard: PhantomData<fn() -> G>,
}

impl Authenticated {
    /// Returns the identity.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.0
    }
}

impl From<Identity> for Authenticated {
    fn from(identity: Identity) -> Self {
        Self(identity)
    }
}

impl MaybeAuthenticated {
    /// Returns the identity, if any.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.0.as_ref()
    }
}

impl<G: Guard> Guarded<G> {
    /// Returns the identity.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.identity
    }
}

impl Deref for Authenticated {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<G: Guard> Deref for Guarded<G> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<G: Guard> fmt::Debug for Guarded<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guarded").field(&self.identity).finish()
    }
}

impl FromRequest for Authenticated {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(required(request).map(Self).map_err(|rejection| AuthRejection::new(rejection, request.headers())))
    }
}

impl FromRequest for MaybeAuthenticated {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(logged(request).map(Self).map_err(|rejection| AuthRejection::new(rejection, request.headers())))
    }
}

impl<G: Guard> FromRequest for Guarded<G> {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verdict = required(request).and_then(|identity| {
            G::check(&identity)?;
            Ok(Self { identity, guard: PhantomData })
        });
        ready(verdict.map_err(|rejection| AuthRejection::of_request(rejection, request)))
    }
}

pub(crate) fn required(request: &HttpRequest) -> Result<Identity, Rejection> {
    logged(request)?.ok_or_else(|| CredentialFault::Missing.into())
}

fn logged(request: &HttpRequest) -> Result<Option<Identity>, Rejection> {
    caller(request).inspect_err(|_| {
        let (method, path) = (request.method(), request.path());
        tracing::error!(%method, path, "request refused: the handler asks for an identity, but no AuthLayer protects this route; wrap its App or scope in Auth");
    })
}

/// Without a middleware it is an error, never `None`.
pub(crate) fn caller(request: &impl HttpMessage) -> Result<Option<Identity>, Rejection> {
    let extensions = request.extensions();
    match extensions.get::<Identity>() {
        Some(identity) => Ok(Some(identity.clone())),
        None if extensions.get::<Anonymous>().is_some() => Ok(None),
        None => Err(Rejection::NotConfigured),
    }
}
