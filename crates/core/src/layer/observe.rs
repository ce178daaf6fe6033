//! [`ObserveLayer`] and its service.

use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::protocol::{Http, Protocol, RequestConnection};
use crate::authenticate::Authenticator;
use crate::observe::{Observation, Observing};

/// A tower layer that states each request's method, route and client, for a record of recent requests.
///
/// Put it directly around the [`AuthLayer`](crate::AuthLayer). A hook that calls [`Observation::note`] adds the key and the outcome.
/// An inner layer of the same kind adds only the route, for a router inside of the `AuthLayer`.
///
/// The client's address is read as `authenticator` reads it, with its trusted proxies.
pub struct ObserveLayer<P> {
    authenticator: Authenticator,
    protocol: PhantomData<fn() -> P>,
}

impl<P> ObserveLayer<P> {
    /// Creates the layer.
    #[must_use]
    pub fn new(authenticator: &Authenticator) -> Self {
        Self { authenticator: authenticator.clone(), protocol: PhantomData }
    }
}

impl<P> Clone for ObserveLayer<P> {
    fn clone(&self) -> Self {
        Self::new(&self.authenticator)
    }
}

impl<P> fmt::Debug for ObserveLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveLayer").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for ObserveLayer<P> {
    type Service = ObserveService<S, P>;

    fn layer(&self, inner: S) -> ObserveService<S, P> {
        ObserveService { inner, layer: self.clone() }
    }
}

/// An [`ObserveLayer`] for HTTP without a router, which knows no route.
pub type RecentRequestsLayer = ObserveLayer<Http>;

/// The service of [`ObserveLayer`].
pub struct ObserveService<S, P> {
    inner: S,
    layer: ObserveLayer<P>,
}

impl<S: Clone, P> Clone for ObserveService<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, P> fmt::Debug for ObserveService<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, B, P> Service<Request<B>> for ObserveService<S, P>
where
    S: Service<Request<B>>,
    P: Protocol,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Observing<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route = P::route(request.uri().path(), request.extensions());
        if Observation::is_current() {
            if let Some(route) = route {
                Observation::note_route(route);
            }
            return Observing::nothing(self.inner.call(request));
        }
        let client = self.layer.authenticator.client(&RequestConnection::<P, _>::new(&request));
        let mut observation = Observation::new(Some(request.method().as_str()), route, client);
        let entered = observation.enter();
        let future = self.inner.call(request);
        drop(entered);
        observation.over(future)
    }
}
