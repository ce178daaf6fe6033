//! The layer that admits requests by their credentials, and its service.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::future::ResponseFuture;
use super::protocol::{Http, RequestConnection, Respond};
use crate::authenticate::{Admission, Authenticator, Check, Pending, Target};
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::render::Refusal;
use crate::store::KeyStore;

/// A marker in the extensions of a request that was admitted without a credential: it is exempt, a preflight, or
/// credentials are optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous;

/// A tower layer that protects a service with API keys, by the rules of the [module](crate::layer).
///
/// # Examples
/// ```
/// use keyward::{Authenticator, AuthLayer, MemoryStore};
/// use http::Method;
///
/// let simple = AuthLayer::new(MemoryStore::new());
/// let with_settings = AuthLayer::from(
///     Authenticator::builder(MemoryStore::new()).exempt(Method::GET, "/health").build()?,
/// );
/// # Ok::<(), keyward::adapter::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AuthLayer {
    authenticator: Authenticator,
}

impl AuthLayer {
    /// Creates a layer over `store` with the default settings.
    ///
    /// # Panics
    /// If the operating system refuses to start a thread. [`Authenticator::builder`] returns an error instead.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Authenticator::new(store).into()
    }

    /// Returns the layer's authenticator, for example to shut it down.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl From<Authenticator> for AuthLayer {
    fn from(authenticator: Authenticator) -> Self {
        Self { authenticator }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.authenticator.clone())
    }
}

/// A service that admits requests by their credentials, for the protocol `P`.
///
/// [`AuthLayer`] creates it for HTTP, and adapters with [`new`](Self::new): see [`Respond`].
pub struct AuthService<S, P = Http> {
    inner: S,
    authenticator: Authenticator,
    protocol: PhantomData<fn() -> P>,
}

impl<S, P> AuthService<S, P> {
    /// Protects `inner` with `authenticator`.
    #[must_use]
    pub fn new(inner: S, authenticator: Authenticator) -> Self {
        Self { inner, authenticator, protocol: PhantomData }
    }
}

impl<S: Clone, P> Clone for AuthService<S, P> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.authenticator.clone())
    }
}

impl<S: fmt::Debug, P> fmt::Debug for AuthService<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("AuthService");
        debug.field("inner", &self.inner).field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

impl<S, ReqBody, P> Service<Request<ReqBody>> for AuthService<S, P>
where
    S: Service<Request<ReqBody>> + Clone,
    P: Respond<S::Response>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let target = Target {
            method: request.method().as_str(),
            path: request.uri().path(),
            preflight: P::is_preflight(request.method(), request.headers()),
            connection: &RequestConnection::<P, _>::new(&request),
        };
        let fields = request.headers().get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        match self.authenticator.check(target, fields) {
            Check::Done(Ok(admission)) => {
                let kept = P::keep(&self.authenticator, admit(&mut request, admission));
                ResponseFuture::inner(self.inner.call(request), kept)
            }
            Check::Done(Err(rejection)) => {
                ResponseFuture::refused(refuse::<P, _, _>(&self.authenticator, rejection, &request))
            }
            Check::Pending(pending) => self.miss(pending, request),
        }
    }
}

impl<S, P> AuthService<S, P> {
    /// Moves the service that was polled ready into the future, and keeps a clone of it.
    #[cold]
    fn miss<ReqBody>(&mut self, pending: Pending, request: Request<ReqBody>) -> ResponseFuture<S, ReqBody, P>
    where
        S: Service<Request<ReqBody>> + Clone,
        P: Respond<S::Response>,
    {
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        ResponseFuture::resolving(self.authenticator.clone(), pending, ready, request)
    }
}

/// Puts the identity or [`Anonymous`] into the request. Returns `true` for an identity.
///
/// `Authorization` is marked as sensitive, so that inner code prints no key.
#[inline]
pub(super) fn admit<B>(request: &mut Request<B>, admission: Admission) -> bool {
    match admission {
        Admission::Identity(identity) => {
            // There is exactly one field, because several are refused.
            if let Some(field) = request.headers_mut().get_mut(AUTHORIZATION) {
                field.set_sensitive(true);
            }
            request.extensions_mut().insert(identity);
            true
        }
        Admission::Anonymous => {
            admit_anonymous(request);
            false
        }
    }
}

/// Marks all `Authorization` fields, of which there may be several, because none was read.
fn admit_anonymous<B>(request: &mut Request<B>) {
    let fields = request.headers_mut().iter_mut().filter(|(name, _)| **name == AUTHORIZATION);
    fields.for_each(|(_, field)| field.set_sensitive(true));
    request.extensions_mut().remove::<Identity>();
    request.extensions_mut().insert(Anonymous);
}

#[cold]
pub(super) fn refuse<P: Respond<R>, R, B>(
    authenticator: &Authenticator,
    rejection: Rejection,
    request: &Request<B>,
) -> R {
    P::refuse(authenticator, &refusal(rejection, request))
}

pub(super) fn refusal<B>(rejection: Rejection, request: &Request<B>) -> Refusal {
    Refusal::new(rejection, request.method(), request.headers())
}
