use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Response};
use keyward_core::adapter::{self, Protocol, RefusalWriter, Respond, RespondInside};
use keyward_core::render::Refusal;
use keyward_core::store::KeyStore;
use keyward_core::{Authenticator, PeerAddress, Rejection};
use tonic::transport::server::TcpConnectInfo;
use tower_layer::Layer;

use crate::status::{GuardRefusal, status_with};

/// A layer that protects a gRPC server.
///
/// It reads [`PeerAddress`] in the call's extensions, or [`TcpConnectInfo`]. If tonic terminates TLS, set [`PeerAddress`]: otherwise keys that
/// are confined to networks are refused.
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
    /// Creates a layer with the default settings.
    ///
    /// # Panics
    /// If no thread can be started. See [`Authenticator::builder`].
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

/// Shares the layer's authenticator and cache.
impl From<keyward_core::AuthLayer> for AuthLayer {
    fn from(layer: keyward_core::AuthLayer) -> Self {
        layer.authenticator().clone().into()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.authenticator.clone())
    }
}

/// A layer that states each request's method and client, for a record of recent requests. Put it directly around the [`AuthLayer`].
pub type RecentRequestsLayer = adapter::ObserveLayer<Grpc>;

/// A service behind an [`AuthLayer`].
pub type AuthService<S> = adapter::AuthService<S, Grpc>;

/// The gRPC protocol. Refusals are statuses in trailers.
#[derive(Clone, Copy, Debug)]
pub struct Grpc;

impl Protocol for Grpc {
    /// gRPC has no preflights.
    fn is_preflight(_: &Method, _: &HeaderMap) -> bool {
        false
    }

    fn peer(extensions: &Extensions) -> Option<IpAddr> {
        let stated = || extensions.get().map(|PeerAddress(peer)| *peer);
        let connected = || extensions.get().and_then(TcpConnectInfo::remote_addr);
        stated().or_else(connected).map(|peer| peer.ip())
    }

    /// The path names a method. A client may write anything else there, which is not recorded.
    fn route<'r>(path: &'r str, _: &'r Extensions) -> Option<&'r str> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (service.split('.').all(is_name) && !method.is_empty() && is_name(method)).then_some(path)
    }
}

impl<B: Default> Respond<Response<B>> for Grpc {
    type Kept = RefusalWriter;

    #[inline]
    fn keep(authenticator: &Authenticator, _: bool) -> RefusalWriter {
        RefusalWriter::new(authenticator)
    }

    #[inline]
    fn finish(writer: &RefusalWriter, response: &mut Response<B>) {
        // An inner layer's refusal is counted and reported here.
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            *response = to_grpc(&writer.explain(refusal.rejection()), &writer.refuse(&refusal));
        } else if let Some(refusal) = response.extensions().get().and_then(GuardRefusal::of) {
            // The handler has answered. Its refusal is counted and reported here.
            let _ = writer.refuse(refusal);
        }
    }

    fn refuse(authenticator: &Authenticator, refusal: &Refusal) -> Response<B> {
        to_grpc(&authenticator.explain(refusal.rejection()), &authenticator.refuse(refusal))
    }
}

impl<B: Default> RespondInside<Response<B>> for Grpc {
    fn refuse_inside(refusal: Refusal) -> Response<B> {
        let written = refusal.clone().into_response::<Bytes>();
        let mut response = to_grpc(refusal.rejection(), &written);
        response.extensions_mut().insert(refusal);
        response
    }
}

/// The HTTP response has the request id, and a pause that differs from caller to caller.
fn to_grpc<B: Default>(rejection: &Rejection, written: &Response<Bytes>) -> Response<B> {
    let text = |name| written.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let pause = text("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
    let mut response = status_with(rejection, text("x-request-id"), Duration::from_secs(pause)).into_http();
    for name in ["ratelimit-policy", "ratelimit"] {
        if let Some(value) = written.headers().get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Ready;

    use keyward_core::MemoryStore;
    use tower::{Service, service_fn};

    use super::*;

    #[test]
    fn the_future_holds_one_word_besides_the_inner_one() {
        type Inner = Ready<Result<Response<()>, Infallible>>;
        let inner = service_fn(|_: http::Request<()>| -> Inner { std::future::ready(Ok(Response::new(()))) });
        let future = AuthLayer::new(MemoryStore::new()).layer(inner).call(http::Request::new(()));
        assert!(size_of_val(&future) <= size_of::<Inner>() + size_of::<usize>());
    }
}
