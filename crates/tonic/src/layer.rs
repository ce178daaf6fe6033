//! The layer that lets calls in by their credential.

use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use keyward_core::adapter::{Admission, Check, Target};
use keyward_core::render::Refusal;
use keyward_core::store::KeyStore;
use keyward_core::{Anonymous, Authenticator, Identity, Rejection};
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use crate::future::AuthFuture;
use crate::status::status_with;

/// Protects a gRPC server with API keys; see the [crate's documentation](crate).
///
/// # Examples
/// ```
/// use keyward::MemoryStore;
///
/// let layer = keyward::tonic::AuthLayer::new(MemoryStore::new());
/// # let _ = layer;
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
}

impl From<Authenticator> for AuthLayer {
    fn from(authenticator: Authenticator) -> Self {
        Self { authenticator }
    }
}

/// Shares the layer's authenticator, and its cache with it, for a process that speaks HTTP as well as gRPC.
impl From<keyward_core::AuthLayer> for AuthLayer {
    fn from(layer: keyward_core::AuthLayer) -> Self {
        layer.authenticator().clone().into()
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
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = AuthFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let target = Target {
            method: request.method().as_str(),
            path: request.uri().path(),
            preflight: false,
            connection: &request,
        };
        let fields = request.headers().get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        match self.authenticator.check(target, fields) {
            Check::Done(Ok(admission)) => {
                admit(&mut request, admission);
                AuthFuture::inner(self.inner.call(request))
            }
            Check::Done(Err(rejection)) => AuthFuture::refused(refuse(&self.authenticator, rejection, &request)),
            Check::Pending(pending) => {
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let authenticator = self.authenticator.clone();
                let resolving = Box::pin(async move { authenticator.resolve(pending).await });
                AuthFuture::resolving(resolving, ready, request, self.authenticator.clone())
            }
        }
    }
}

/// Puts what was found out into the call, and nothing else of the kind.
pub(crate) fn admit<B>(request: &mut Request<B>, admission: Admission) {
    let extensions = request.extensions_mut();
    match admission {
        Admission::Identity(identity) => {
            extensions.insert(identity);
        }
        Admission::Anonymous => {
            extensions.remove::<Identity>();
            extensions.insert(Anonymous);
        }
    }
}

/// Counts and reports a refusal, and says it as gRPC does.
pub(crate) fn refuse<B>(authenticator: &Authenticator, rejection: Rejection, request: &Request<B>) -> Status {
    let refusal = Refusal::new(rejection, request.method(), request.headers());
    // What is written for HTTP has the id of the request, and a pause that differs from caller to caller.
    let written = authenticator.refuse(&refusal);
    let text = |name| written.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let pause = text("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
    status_with(refusal.rejection(), text("x-request-id"), Duration::from_secs(pause))
}
