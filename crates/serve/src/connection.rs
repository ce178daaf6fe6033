//! One connection: its protocol, its limits and its end.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use keyward_core::PeerAddress;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service;

use crate::Limits;
use crate::answer::Counted;
use crate::socket::Socket;
use crate::table::{Doing, Place};

const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const NOT_READ: &str = "closed a connection whose client does not read, to make room for a new one";

pub(crate) struct Connections<S> {
    service: S,
    builder: Arc<auto::Builder<TokioExecutor>>,
    header_timeout: Duration,
    times: Times,
}

#[derive(Clone, Copy)]
struct Times {
    idle: Duration,
    write: Duration,
    age: Duration,
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
        let times = Times { idle: limits.idle_timeout, write: limits.write_timeout, age: limits.max_age };
        Self { service, builder: Arc::new(builder), header_timeout: limits.header_timeout, times }
    }

    pub(crate) fn start(
        &self,
        stream: TcpStream,
        place: Place,
        mut shutdown: watch::Receiver<()>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (service, builder, header_timeout) = (self.service.clone(), Arc::clone(&self.builder), self.header_timeout);
        let times = self.times;
        async move {
            // The peer is gone already if it has no address.
            let Ok(peer) = stream.peer_addr() else { return };
            // Sends small answers at once. With Nagle's algorithm a request and its answer can wait for each other.
            let _ = stream.set_nodelay(true);
            let (socket, io) = Socket::new(stream, header_timeout, times.write);
            let (requests, upgrades) = (place.requests(), socket.upgrades());
            let service = Counted { service, peer: PeerAddress(peer), requests, upgrades };
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
            let mut connection = Box::pin(connection.into_owned());
            let mut life = Life::begin(times);
            let mut gave_way = false;
            loop {
                let look_again = tokio::time::sleep_until(life.look_again());
                let close = tokio::select! {
                    biased;
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(error, %peer, "connection ended early");
                        }
                        break;
                    }
                    _ = shutdown.changed(), if !life.is_closing() => Close::Gracefully,
                    () = place.evicted() => Close::ForAnother,
                    () = look_again => life.judge(place.doing()),
                };
                match close {
                    Close::No => {}
                    Close::Gracefully => {
                        life.close();
                        connection.as_mut().graceful_shutdown();
                    }
                    Close::ForAnother => {
                        gave_way = true;
                        life.close();
                        connection.as_mut().graceful_shutdown();
                        // Polled once, to send GOAWAY. A request that has just arrived is still answered.
                        if ends_at_once(connection.as_mut()).await || place.doing().is_idle() {
                            tracing::debug!(%peer, "closed an idle connection to make room for a new one");
                            return;
                        }
                        if place.doing().stalled_since().is_some() {
                            tracing::debug!(%peer, "{NOT_READ}");
                            return;
                        }
                    }
                    Close::Hard => {
                        tracing::debug!(%peer, "cut off a connection whose client does not read or does not close");
                        return;
                    }
                }
            }
            // Without an upgrade, this drops the other side of the socket.
            drop(connection);
            if gave_way {
                return;
            }
            tokio::select! {
                biased;
                () = socket.released() => {}
                () = place.evicted() => tracing::debug!(%peer, "{NOT_READ}"),
            }
        }
    }
}

async fn ends_at_once(mut connection: Pin<&mut impl Future>) -> bool {
    poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx).is_ready())).await
}

enum Close {
    No,
    Gracefully,
    ForAnother,
    Hard,
}

struct Life {
    times: Times,
    begun: Instant,
    closing: Option<Instant>,
    look_again: Instant,
}

impl Life {
    fn begin(times: Times) -> Self {
        let begun = Instant::now();
        Self { times, begun, closing: None, look_again: after(begun, times.shortest()) }
    }

    fn look_again(&self) -> Instant {
        self.look_again
    }

    fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    fn close(&mut self) {
        let now = Instant::now();
        self.closing.get_or_insert(now);
        self.look_again = after(now, self.times.shortest());
    }

    fn judge(&mut self, doing: Doing) -> Close {
        let now = Instant::now();
        let passed = |since: Option<Instant>, time| since.is_some_and(|since| now.duration_since(since) >= time);
        let closed_since = self.closing.and_then(|closing| doing.idle_since().map(|idle| idle.max(closing)));
        if passed(doing.stalled_since(), self.times.write) || passed(closed_since, self.times.write) {
            return Close::Hard;
        }
        let is_over = passed(doing.idle_since(), self.times.idle) || passed(Some(self.begun), self.times.age);
        if is_over && !self.is_closing() {
            return Close::Gracefully;
        }
        let due = [
            doing.stalled_since().or(closed_since).map(|since| after(since, self.times.write)),
            doing.idle_since().filter(|_| !self.is_closing()).map(|since| after(since, self.times.idle)),
            Some(after(self.begun, self.times.age)).filter(|_| !self.is_closing()),
        ];
        let latest = after(now, self.times.shortest());
        self.look_again = due.into_iter().flatten().fold(latest, Instant::min);
        Close::No
    }
}

impl Times {
    fn shortest(self) -> Duration {
        self.idle.min(self.write).min(self.age)
    }
}

fn after(since: Instant, time: Duration) -> Instant {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    since.checked_add(time).or_else(|| since.checked_add(DAY)).unwrap_or(since)
}
