//! [`RequestIdLayer`] and its service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::render::{CurrentRequest, Entered, Refusal};
use crate::request_id::{RequestId, X_REQUEST_ID};

/// A tower layer that gives each request one id, inside or outside of an [`AuthLayer`](super::AuthLayer).
///
/// The [`RequestId`] is in the request's extensions and `X-Request-Id`, and in the response's `X-Request-Id`. Each
/// refusal has the same id in its body, its log line and [`Event::Refused`](crate::Event::Refused).
///
/// Put it directly inside of the `AuthLayer`: then [`Event::KeyRefused`](crate::Event::KeyRefused) also reports refusals
/// that a handler returns. Outside, it gives the `AuthLayer`'s own refusals an id that outer layers know. It is a
/// separate layer, so that services that need no id do not pay for it.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use keyward::{Authenticator, AuthLayer, MemoryStore, RequestId, RequestIdLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = ServiceBuilder::new()
///     .layer(AuthLayer::from(Authenticator::builder(MemoryStore::new()).optional().build()?))
///     .layer(RequestIdLayer::new())
///     .service(service_fn(async |request: Request<()>| {
///         let id = request.extensions().get::<RequestId>().map(RequestId::to_string);
///         Ok::<_, std::convert::Infallible>(Response::new(Bytes::from(id.unwrap_or_default())))
///     }));
/// let response = service.oneshot(Request::get("/").header("x-request-id", "mine").body(())?).await?;
/// assert_eq!((&response.headers()["x-request-id"], &response.body()[..]), (&"mine".parse()?, &b"mine"[..]));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestIdLayer(());

impl RequestIdLayer {
    /// Creates the layer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;

    fn layer(&self, inner: S) -> RequestIdService<S> {
        RequestIdService { inner }
    }
}

/// The service of [`RequestIdLayer`].
#[derive(Clone, Debug)]
pub struct RequestIdService<S> {
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestIdService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = RequestIdFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let id = RequestId::of(request.headers());
        let head = request.method() == Method::HEAD;
        // Inner layers and extractors read the id from this field.
        request.headers_mut().insert(X_REQUEST_ID, id.to_header());
        request.extensions_mut().insert(id.clone());
        let identity = request.extensions().get().cloned();
        let mut current = Some(CurrentRequest { id: id.clone(), head, identity });
        let entered = Entered::new(&mut current);
        let future = self.inner.call(request);
        drop(entered);
        RequestIdFuture { future, id, current }
    }
}

pin_project! {
    /// The response of the inner service, with the id.
    pub struct RequestIdFuture<F> {
        #[pin]
        future: F,
        id: RequestId,
        current: Option<CurrentRequest>,
    }
}

impl<F> fmt::Debug for RequestIdFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIdFuture").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<F, ResBody, E> Future for RequestIdFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<ResBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let projected = self.project();
        let entered = Entered::new(projected.current);
        let polled = projected.future.poll(cx);
        drop(entered);
        let mut response = ready!(polled)?;
        if let Some(refusal) = response.extensions_mut().get_mut::<Refusal>() {
            // Written outside of this future's polls, as in a spawned task. The outer `AuthLayer` writes it again.
            refusal.complete(projected.current.take());
        }
        response.headers_mut().insert(X_REQUEST_ID, projected.id.to_header());
        Poll::Ready(Ok(response))
    }
}
