//! Requests from hyper, counted until the client has taken the answer.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use keyward_core::PeerAddress;
use pin_project_lite::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use crate::socket::{Upgrade, Upgrades};
use crate::table::{InFlight, Requests};

/// Small parts show whether a slow client still reads.
const PART: usize = 64 * 1024;

pub(crate) struct Counted<S> {
    pub(crate) service: S,
    pub(crate) peer: PeerAddress,
    pub(crate) requests: Requests,
    pub(crate) upgrades: Upgrades,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = Response<Answer<B>>;
    type Error = S::Error;
    type Future = Answering<Oneshot<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        let upgrade = self.upgrades.of(&request);
        Answering { answer: self.service.clone().oneshot(request), in_flight: Some(self.requests.begin()), upgrade }
    }
}

pin_project! {
    pub(crate) struct Answering<F> {
        #[pin]
        answer: F,
        in_flight: Option<InFlight>,
        upgrade: Option<Upgrade>,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Answer<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.answer.poll(cx))?;
        let mut in_flight = this.in_flight.take();
        let upgrade = this.upgrade.take().filter(|upgrade| upgrade.is_accepted_by(response.status()));
        if let Some(upgrade) = upgrade {
            upgrade.accept(in_flight.take());
        } else if let Some(in_flight) = &mut in_flight {
            in_flight.waits_for_client();
        }
        Poll::Ready(Ok(response.map(|body| Answer { body, rest: Bytes::new(), in_flight })))
    }
}

pin_project! {
    pub(crate) struct Answer<B> {
        #[pin]
        body: B,
        // Data that hyper has not taken yet.
        rest: Bytes,
        in_flight: Option<InFlight>,
    }
}

impl<B: Body<Data = Bytes>> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if this.rest.is_empty() {
            match this.body.poll_frame(cx) {
                Poll::Pending => {
                    if let Some(in_flight) = this.in_flight {
                        in_flight.waits_for_service();
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                ended => return ended,
            }
        }
        if let Some(in_flight) = this.in_flight {
            in_flight.waits_for_client();
        }
        let part = this.rest.split_to(this.rest.len().min(PART));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        if let Some(upper) = hint.upper().and_then(|upper| upper.checked_add(rest)) {
            whole.set_upper(upper);
        }
        whole.set_lower(hint.lower().saturating_add(rest));
        whole
    }
}
