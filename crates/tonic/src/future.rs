//! The future of [`AuthService`](crate::AuthService).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use keyward_core::adapter::Admission;
use keyward_core::{Authenticator, Rejection};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_service::Service;

use crate::layer::{admit, refuse};

type Resolving = Pin<Box<dyn Future<Output = Result<Admission, Rejection>> + Send>>;

pin_project! {
    /// The response of the inner service, or a refusal.
    pub struct AuthFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, F> {
        Inner { #[pin] future: F },
        /// A miss: the store is asked, while the service that was polled ready is kept for this call.
        Resolving { miss: Box<Miss<S, ReqBody>> },
        Refused { status: Option<Box<Status>> },
    }
}

struct Miss<S, ReqBody> {
    resolving: Resolving,
    parked: Option<(S, Request<ReqBody>)>,
    authenticator: Authenticator,
}

impl<S, ReqBody> AuthFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(crate) fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(crate) fn refused(status: Status) -> Self {
        Self { state: State::Refused { status: Some(Box::new(status)) } }
    }

    pub(crate) fn resolving(
        resolving: Resolving,
        service: S,
        request: Request<ReqBody>,
        authenticator: Authenticator,
    ) -> Self {
        let miss = Miss { resolving, parked: Some((service, request)), authenticator };
        Self { state: State::Resolving { miss: Box::new(miss) } }
    }
}

impl<S, ReqBody, ResBody> Future for AuthFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future } => return future.poll(cx),
                StateProjection::Refused { status } => {
                    let Some(status) = status.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(status.into_http()));
                }
                StateProjection::Resolving { miss } => {
                    let verdict = ready!(miss.resolving.as_mut().poll(cx));
                    let Some((mut service, mut request)) = miss.parked.take() else { return Poll::Pending };
                    match verdict {
                        Ok(admission) => {
                            admit(&mut request, admission);
                            State::Inner { future: service.call(request) }
                        }
                        Err(rejection) => {
                            let status = refuse(&miss.authenticator, rejection, &request);
                            State::Refused { status: Some(Box::new(status)) }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}
