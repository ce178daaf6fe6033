//! The layer that lets requests in by their credential, and its service.

use std::mem;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::ResponseFuture;
use crate::authenticate::{Admission, Authenticator, Check, Target};
use crate::rejection::Rejection;
use crate::render::Refusal;
use crate::store::KeyStore;

/// Put into the extensions of a request that was let in without a credential: its path is exempt, or a credential is
/// optional and there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous;

/// Protects a service with API keys. See the [module documentation](crate::layer) for its rules.
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
    /// A layer over `store` with the default settings.
    ///
    /// # Panics
    /// If the operating system gives no thread. [`Authenticator::builder`] gives an error instead.
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Authenticator::new(store).into()
    }

    /// What does the checking, for instance to shut it down.
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
        AuthService { inner, authenticator: self.authenticator.clone() }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    inner: S,
    authenticator: Authenticator,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for AuthService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let presentation = self.authenticator.presentation().share();
        let target = Target {
            method: request.method().as_str(),
            path: request.uri().path(),
            preflight: is_preflight(request.method(), request.headers()),
            connection: &request,
        };
        let fields = request.headers().get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        match self.authenticator.check(target, fields) {
            Check::Done(Ok(admission)) => {
                let authenticated = admit(&mut request, admission);
                ResponseFuture::inner(self.inner.call(request), presentation, authenticated)
            }
            Check::Done(Err(rejection)) => ResponseFuture::refused(refusal(rejection, &request), presentation),
            Check::Pending(pending) => {
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let authenticator = self.authenticator.clone();
                let resolving = Box::pin(async move { authenticator.resolve(pending).await });
                ResponseFuture::resolving(resolving, ready, request, presentation)
            }
        }
    }
}

/// Puts what was found out into the request, and nothing else of the kind. Gives whether there is an identity.
pub(super) fn admit<B>(request: &mut Request<B>, admission: Admission) -> bool {
    let extensions = request.extensions_mut();
    match admission {
        Admission::Identity(identity) => {
            extensions.insert(identity);
            true
        }
        Admission::Anonymous => {
            extensions.remove::<crate::Identity>();
            extensions.insert(Anonymous);
            false
        }
    }
}

pub(super) fn refusal<B>(rejection: Rejection, request: &Request<B>) -> Refusal {
    Refusal::new(rejection, request.method(), request.headers())
}

/// A CORS preflight, as the Fetch standard defines it.
fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
