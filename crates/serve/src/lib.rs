//! A small HTTP server with bounds, for programs that accept requests from the internet.
//!
//! `axum::serve` waits forever for the head of a request, reads heads of any length that fits in memory, and accepts
//! any number of connections. [`serve`] is hyper with [`Limits`]. A head must arrive in time and be short. A connection
//! ends when it is idle, when its client does not read, and at a maximum age. One peer holds a limited number of
//! connections, and a new connection takes the place of an idle one. A shutdown answers the requests in flight, within
//! a deadline.
//!
//! It speaks HTTP/1.1 and HTTP/2 without TLS, which a proxy in front terminates. Layers of the service limit how long a
//! handler may take, and the body that it reads.
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

/// The pause after the operating system refused a connection, for example because no descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The connections that were still busy at the end of [`Limits::shutdown_deadline`], and were cut off.
    pub cut_off: usize,
}

/// Serves `service` on `listener` until `shutdown` is ready, and then until the requests in flight are answered.
///
/// Every request has the [`PeerAddress`](keyward_core::PeerAddress) of its connection in its extensions. An error of
/// the service closes the connection.
///
/// # Panics
/// If [`Limits`] are out of bounds.
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
    // A connection that was accepted, but has no place yet.
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
                    tracing::warn!(%error, gave_way, "accepting a connection failed, retrying");
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
                    tracing::debug!(%peer, "refused a connection: all of the peer's connections are busy")
                }
            }
        }
    }
    // Refuses new connections from here on, so that a load balancer uses another server.
    drop((listener, waiting));
    closing.send_replace(());
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(shutdown_deadline, finished).await.is_ok() {
        return Stopped { cut_off: 0 };
    }
    let cut_off = tasks.len();
    tracing::warn!(cut_off, "cut off connections that were still busy at the end of the shutdown");
    tasks.shutdown().await;
    Stopped { cut_off }
}
