//! A small HTTP server with limits, for programs on the public internet: hyper with [`Limits`].
//!
//! It speaks HTTP/1.1 and HTTP/2 without TLS. Use tower layers to limit a handler's time and the length of bodies.
//!
//! # Examples
//! ```no_run
//! use keyward::{AuthLayer, MemoryStore};
//! use keyward::serve::{Limits, serve, shutdown_signal};
//! use tower::{ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let service = ServiceBuilder::new().layer(AuthLayer::new(MemoryStore::new())).service(service_fn(
//!     async |_: http::Request<hyper::body::Incoming>| {
//!         Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::<bytes::Bytes>::from("in")))
//!     },
//! ));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
//! serve(listener, service, shutdown_signal()?, Limits::default()).await;
//! # Ok(()) }
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod answer;
mod connection;
mod limits;
mod preface;
mod signal;
mod socket;
mod table;

pub use limits::Limits;
pub use signal::shutdown_signal;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service;

use connection::Connections;
use table::{Full, Table};

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The result of [`serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections and upgraded sockets cut off at [`Limits::shutdown_deadline`].
    pub cut_off: usize,
}

/// Serves `service` on `listener` until `shutdown` is ready, and then answers the requests in flight.
///
/// The service may upgrade an HTTP/1.1 connection, for example to a WebSocket. An upgraded socket keeps the connection's place in the
/// [`Limits`], and shutdown waits for it like for a request. At the deadline the server closes it, even if the service still holds it.
///
/// Requests have the [`PeerAddress`](keyward_core::PeerAddress) of their connection in their extensions. A service error closes the
/// connection.
///
/// # Panics
/// If a value of [`Limits`] is out of bounds.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    shutdown: impl Future<Output = ()>,
    limits: Limits,
) -> Stopped
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    limits.check();
    let connections = Connections::new(service, &limits);
    let shutdown_deadline = limits.shutdown_deadline;
    let table = Table::new(limits);
    let (closing, _) = watch::channel(());
    let mut tasks = JoinSet::new();
    // An accepted connection that has no place yet.
    let mut waiting = None;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok(accepted) => waiting = Some(accepted),
                Err(error) => {
                    let gave_way = table.evict();
                    tracing::warn!(%error, gave_way, "cannot accept a connection; retrying. If file descriptors ran out, raise their limit or lower `Limits::connections`");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = table.room(), if waiting.is_some() => {}
        }
        if let Some((stream, peer)) = waiting.take() {
            match table.admit(peer) {
                Ok(place) => {
                    tasks.spawn(connections.start(stream, place, closing.subscribe()));
                }
                Err(Full::Server) => waiting = Some((stream, peer)),
                Err(Full::Peer) => {
                    tracing::debug!(%peer, "closed a new connection: all connections of its peer are busy")
                }
            }
        }
    }
    // New connections are refused from here on, so that a load balancer uses another server.
    drop((listener, waiting));
    closing.send_replace(());
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(shutdown_deadline, finished).await.is_ok() {
        return Stopped { cut_off: 0 };
    }
    let cut_off = tasks.len();
    tracing::warn!(cut_off, "cut off connections that were still busy at the shutdown deadline");
    tasks.shutdown().await;
    Stopped { cut_off }
}
