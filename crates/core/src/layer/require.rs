//! The layer that lets requests in by the scopes of their identity, for whole routers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Anonymous;
use super::auth::refusal;
use crate::credential::CredentialFault;
use crate::identity::Identity;
use crate::policy::Requirement;
use crate::rejection::Rejection;
use crate::render::Refusal;

/// Requires scopes of every request to a service. It stands inside an [`AuthLayer`](super::AuthLayer): without one it
/// refuses everything with 500, and says so in the log.
///
/// # Examples
/// ```
/// use keyward::{Requirement, RequireLayer, Scope};
///
/// let layer = RequireLayer::new(Requirement::all_of([Scope::from_static("jobs:write")]));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct RequireLayer {
    requirement: Requirement,
}

impl RequireLayer {
    /// Requires this of every request.
    #[must_use]
    pub fn new(requirement: Requirement) -> Self {
        Self { requirement }
    }
}

impl<S> Layer<S> for RequireLayer {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { inner, requirement: self.requirement.clone() }
    }
}

/// A service behind a [`RequireLayer`].
#[derive(Clone, Debug)]
pub struct RequireService<S> {
    inner: S,
    requirement: Requirement,
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
        match check(&request, &self.requirement) {
            Ok(()) => RequireFuture { state: State::Inner { future: self.inner.call(request) } },
            Err(rejection) => RequireFuture { state: State::Refused { refusal: Some(refusal(rejection, &request)) } },
        }
    }
}

fn check<B>(request: &Request<B>, requirement: &Requirement) -> Result<(), Rejection> {
    let extensions = request.extensions();
    match extensions.get::<Identity>() {
        Some(identity) => requirement.check(identity),
        None if extensions.get::<Anonymous>().is_some() => Err(CredentialFault::Missing.into()),
        None => Err(Rejection::NotConfigured),
    }
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
