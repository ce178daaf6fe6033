//! The future of [`AuthService`](super::AuthService).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::admit::{admit, refuse};
use super::protocol::{Http, Respond};
use crate::authenticate::{Admission, Authenticator, Pending};
use crate::rejection::Rejection;

/// Includes the authenticator to save a reference count.
type Resolving = Pin<Box<dyn Future<Output = (Authenticator, Result<Admission, Rejection>)> + Send>>;

pin_project! {
    /// The response of the inner service, or a refusal.
    pub struct ResponseFuture<S, ReqBody, P = Http>
    where
        S: Service<Request<ReqBody>>,
        P: Respond<S::Response>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future, S::Response, P::Kept>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, F, R, K> {
        Inner { #[pin] future: F, kept: K },
        Resolving { miss: Box<Miss<S, ReqBody>> },
        Refused { response: Option<Box<R>> },
    }
}

/// Boxed to keep warm hits small.
struct Miss<S, ReqBody> {
    resolving: Resolving,
    parked: Option<(S, Request<ReqBody>)>,
}

impl<S, ReqBody, P> ResponseFuture<S, ReqBody, P>
where
    S: Service<Request<ReqBody>>,
    P: Respond<S::Response>,
{
    #[inline]
    pub(super) fn inner(future: S::Future, kept: P::Kept) -> Self {
        Self { state: State::Inner { future, kept } }
    }

    pub(super) fn refused(response: S::Response) -> Self {
        Self { state: State::Refused { response: Some(Box::new(response)) } }
    }

    pub(super) fn resolving(
        authenticator: Authenticator,
        pending: Pending,
        service: S,
        request: Request<ReqBody>,
    ) -> Self {
        let resolving = Box::pin(async move {
            let verdict = authenticator.resolve(pending).await;
            (authenticator, verdict)
        });
        Self { state: State::Resolving { miss: Box::new(Miss { resolving, parked: Some((service, request)) }) } }
    }
}

impl<S, ReqBody, P> Future for ResponseFuture<S, ReqBody, P>
where
    S: Service<Request<ReqBody>>,
    P: Respond<S::Response>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future, kept } => {
                    let mut response = ready!(future.poll(cx))?;
                    P::finish(kept, &mut response);
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Refused { response } => {
                    let Some(response) = response.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(*response));
                }
                StateProjection::Resolving { miss } => {
                    let (authenticator, verdict) = ready!(miss.resolving.as_mut().poll(cx));
                    let Some((mut service, mut request)) = miss.parked.take() else { return Poll::Pending };
                    match verdict {
                        Ok(admission) => {
                            let kept = P::keep(&authenticator, admit(&authenticator, &mut request, admission));
                            State::Inner { future: service.call(request), kept }
                        }
                        Err(rejection) => {
                            let response = refuse::<P, _, _>(&authenticator, rejection, &request);
                            State::Refused { response: Some(Box::new(response)) }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}
