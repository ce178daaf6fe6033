//! The future of [`AuthService`](super::AuthService).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::auth::{admit, refusal};
use crate::authenticate::Admission;
use crate::per_thread::Share;
use crate::rejection::Rejection;
use crate::render::{Presentation, Refusal};

type Resolving = Pin<Box<dyn Future<Output = Result<Admission, Rejection>> + Send>>;

pin_project! {
    /// The response of the inner service, or a refusal.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future>,
        presentation: Share<Presentation>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, F> {
        /// A warm hit, or a resolved miss: the inner service is at work.
        Inner { #[pin] future: F, authenticated: bool },
        /// A miss: the store is asked, while the service that was polled ready is kept for this request.
        Resolving { miss: Box<Miss<S, ReqBody>> },
        Refused { refusal: Option<Box<Refusal>> },
    }
}

/// What a miss needs. In a box, so that the future of a warm hit is not larger for it.
struct Miss<S, ReqBody> {
    resolving: Resolving,
    parked: Option<(S, Request<ReqBody>)>,
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn inner(future: S::Future, presentation: Share<Presentation>, authenticated: bool) -> Self {
        Self { state: State::Inner { future, authenticated }, presentation }
    }

    pub(super) fn refused(refusal: Refusal, presentation: Share<Presentation>) -> Self {
        Self { state: State::Refused { refusal: Some(Box::new(refusal)) }, presentation }
    }

    pub(super) fn resolving(
        resolving: Resolving,
        service: S,
        request: Request<ReqBody>,
        presentation: Share<Presentation>,
    ) -> Self {
        let miss = Box::new(Miss { resolving, parked: Some((service, request)) });
        Self { state: State::Resolving { miss }, presentation }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Inner { future, authenticated } => {
                    let mut response = ready!(future.poll(cx))?;
                    // A refusal by an extractor or an inner layer is written here, in this layer's format.
                    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
                        return Poll::Ready(Ok(this.presentation.refuse(&refusal).map(ResBody::from)));
                    }
                    this.presentation.finish(&mut response, *authenticated);
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Resolving { miss } => {
                    let verdict = ready!(miss.resolving.as_mut().poll(cx));
                    let Some((mut service, mut request)) = miss.parked.take() else { return Poll::Pending };
                    let next = match verdict {
                        Ok(admission) => {
                            let authenticated = admit(&mut request, admission);
                            State::Inner { future: service.call(request), authenticated }
                        }
                        Err(rejection) => State::Refused { refusal: Some(Box::new(refusal(rejection, &request))) },
                    };
                    this.state.set(next);
                }
                StateProjection::Refused { refusal } => {
                    let Some(refusal) = refusal.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(this.presentation.refuse(&refusal).map(ResBody::from)));
                }
            }
        }
    }
}
