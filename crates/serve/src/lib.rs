//! A small HTTP server with bounds, for programs that take requests from anybody.
//!
//! `axum::serve` waits for ever for the head of a request, reads heads of any length that fits in memory, and accepts as many
//! connections as there are. [`serve`] is hyper with [`Limits`]: a head has to arrive in time and be short, connections are
//! counted, and a shutdown answers what is in flight, but not for ever. It speaks HTTP/1.1 and HTTP/2 without TLS, which a
//! proxy in front terminates. How long a handler may take, or the body that it reads, is a matter of layers of the service.
//!
//! # Examples
//! ```no_run
//! use keyward::{AuthLayer, MemoryStore};
//! use keyward_serve::{Limits, serve, shutdown_signal};
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

mod connection;
mod limits;
mod preface;
mod signal;

pub use limits::Limits;
pub use signal::shutdown_signal;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::Service;

use connection::Connections;

/// How long to wait after the operating system has refused to give a connection, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many connections were still at work at the end of [`Limits::shutdown_deadline`], and were cut off.
    pub cut_off: usize,
}

/// Serves `service` on `listener` until `shutdown` is ready, and then until what is in flight has been answered.
///
/// Every request has the [`PeerAddress`](keyward::PeerAddress) of its connection in its extensions. An error of the service
/// closes the connection.
///
/// # Panics
/// If [`Limits`] are out of their bounds.
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
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            accepted = accept(&listener, &permits) => match accepted {
                Ok((stream, permit)) => {
                    let connection = connections.start(stream, graceful.watcher());
                    tasks.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // New connections are refused from here on, so that a balancer in front goes elsewhere.
    drop(listener);
    let unfinished = async { while tasks.join_next().await.is_some() {} };
    let finished = async { tokio::join!(graceful.shutdown(), unfinished) };
    if tokio::time::timeout(limits.shutdown_deadline, finished).await.is_ok() {
        return Stopped { cut_off: 0 };
    }
    let cut_off = tasks.len();
    tracing::warn!(cut_off, "connections were still at work when the time to shut down was over");
    tasks.shutdown().await;
    Stopped { cut_off }
}

/// The next connection, once there is room for one: until then it waits in the operating system's own queue.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
