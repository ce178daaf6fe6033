//! [`AuthLayer`] and its service.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::admit::{admit, refuse};
use super::future::ResponseFuture;
use super::protocol::{Http, RequestConnection, Respond};
use crate::authenticate::{Authenticator, Check, Pending, Target};
use crate::store::KeyStore;

/// A tower layer that protects a service with API keys, by [these rules](crate::layer).
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
    /// Creates a layer with default settings.
    ///
    /// # Panics
    /// If no thread can be started.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Authenticator::new(store).into()
    }

    /// Returns the authenticator.
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

/// The service of [`AuthLayer`], for any protocol: see [`Respond`].
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
                let kept = P::keep(&self.authenticator, admit(&self.authenticator, &mut request, admission));
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
