//! [`RequireLayer`] and its service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::admit::{caller, refusal};
use crate::credential::CredentialFault;
use crate::policy::{Guard, Policy, from_guard};
use crate::rejection::Rejection;
use crate::render::Refusal;

/// A tower layer that requires a policy, inside an [`AuthLayer`](super::AuthLayer). Without one, every request gets
/// 500.
///
/// # Examples
/// ```
/// use keyward::{Requirement, RequireLayer, Scope};
///
/// let layer = RequireLayer::new(Requirement::all_of([Scope::from_static("jobs:write")]));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct RequireLayer {
    policy: Arc<dyn Policy>,
}

impl RequireLayer {
    /// Creates a layer for `policy`.
    #[must_use]
    pub fn new(policy: impl Policy) -> Self {
        Self { policy: Arc::new(policy) }
    }

    /// Creates a layer for a guard or a scope type.
    ///
    /// # Examples
    /// ```
    /// use keyward::RequireLayer;
    ///
    /// keyward::scopes! { JobsWrite = "jobs:write"; }
    ///
    /// let layer = RequireLayer::of::<JobsWrite>();
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn of<G: Guard + 'static>() -> Self {
        Self::new(from_guard::<G>())
    }
}

impl<S> Layer<S> for RequireLayer {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { inner, policy: Arc::clone(&self.policy) }
    }
}

impl fmt::Debug for RequireLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer").finish_non_exhaustive()
    }
}

/// The service of [`RequireLayer`].
#[derive(Clone)]
pub struct RequireService<S> {
    inner: S,
    policy: Arc<dyn Policy>,
}

impl<S: fmt::Debug> fmt::Debug for RequireService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match check(&request, &*self.policy) {
            Ok(()) => RequireFuture { state: State::Inner { future: self.inner.call(request) } },
            Err(rejection) => RequireFuture {
                state: State::Refused {
                    refusal: Some(refusal(rejection, &request).with_identity(request.extensions().get())),
                },
            },
        }
    }
}

fn check<B>(request: &Request<B>, policy: &dyn Policy) -> Result<(), Rejection> {
    let identity = caller(request.extensions()).inspect_err(|_| {
        let (method, path) = (request.method(), request.uri().path());
        tracing::error!(%method, path, "request refused: no AuthLayer is around this RequireLayer; make AuthLayer the outer one, in Router::layer the later one");
    })?;
    policy.check(identity.ok_or(CredentialFault::Missing)?)
}

pin_project! {
    /// The response of the inner service, or a refusal.
    pub struct RequireFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Inner { #[pin] future: F },
        Refused { refusal: Option<Refusal> },
    }
}

impl<F, ResBody, E> Future for RequireFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: From<Bytes>,
{
    type Output = Result<Response<ResBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { future } => Poll::Ready(ready!(future.poll(cx))),
            StateProjection::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Ok(refusal.into_response())),
                None => Poll::Pending,
            },
        }
    }
}
