//! One connection: which protocol it speaks, its bounds, and whose requests it carries.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use keyward::PeerAddress;
use tokio::net::TcpStream;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use crate::Limits;
use crate::preface::Preface;

/// How often an HTTP/2 connection is asked whether somebody is still there, and how long that may take.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes connections out of sockets.
pub(crate) struct Connections<S> {
    service: S,
    builder: Arc<auto::Builder<TokioExecutor>>,
    header_timeout: Duration,
}

impl<S, B> Connections<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(service: S, limits: &Limits) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(limits.header_bytes as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(limits.header_bytes)
            .max_concurrent_streams(limits.streams)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        Self { service, builder: Arc::new(builder), header_timeout: limits.header_timeout }
    }

    /// Serves a connection until it ends, or until the watcher is told to and what is in flight has been answered.
    pub(crate) fn start(&self, stream: TcpStream, watcher: Watcher) -> impl Future<Output = ()> + Send + 'static {
        let (service, builder, header_timeout) = (self.service.clone(), Arc::clone(&self.builder), self.header_timeout);
        async move {
            // The peer is gone already if it has no address.
            let Ok(peer) = stream.peer_addr() else { return };
            // Small answers go out at once; without it a request and its answer can wait for each other.
            let _ = stream.set_nodelay(true);
            let io = TokioIo::new(Preface::new(stream, header_timeout));
            let service = Requests { service, peer: PeerAddress(peer) };
            let connection = builder.serve_connection(io, service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(error, %peer, "a connection ended early");
            }
        }
    }
}

/// The service as hyper calls it: says who is at the other end, and waits until it is ready.
struct Requests<S> {
    service: S,
    peer: PeerAddress,
}

impl<S> hyper::service::Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request<Incoming>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.service.clone().oneshot(request)
    }
}
