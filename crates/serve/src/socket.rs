//! The socket of a connection. An upgrade hands it to the service, and the server can still close it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Method, Request, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_io_timeout::TimeoutStream;

use crate::preface::Preface;
use crate::table::InFlight;

type Stream = Preface<TimeoutStream<TcpStream>>;

/// The server's side of a socket. Dropping it closes the socket.
pub(crate) struct Socket(Arc<Shared>);

/// The side of hyper, and after an upgrade of the service.
pub(crate) struct SocketIo(Arc<Shared>);

impl Socket {
    pub(crate) fn new(stream: TcpStream, header_timeout: Duration, write_timeout: Duration) -> (Self, SocketIo) {
        bound_unsent(&stream);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_timeout));
        let stream = Some(Preface::new(stream, header_timeout));
        let open = Mutex::new(Open { stream, upgraded: None, reader: None, writer: None });
        let shared = Arc::new(Shared { open, released: Notify::new() });
        (Self(Arc::clone(&shared)), SocketIo(shared))
    }

    pub(crate) fn upgrades(&self) -> Upgrades {
        Upgrades(Arc::clone(&self.0))
    }

    /// Waits until hyper and the service have dropped the socket.
    pub(crate) async fn released(&self) {
        self.0.released.notified().await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut open = self.0.open();
        let (stream, wakers) = open.close();
        drop(open);
        drop(stream);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Drop for SocketIo {
    fn drop(&mut self) {
        let mut open = self.0.open();
        let ((stream, _wakers), upgraded) = (open.close(), open.upgraded.take());
        drop(open);
        // Idle first: a client that sees the end may connect at once, and then this connection makes room.
        drop(upgraded);
        drop(stream);
        self.0.released.notify_one();
    }
}

/// The way to an upgrade of the connection.
#[derive(Clone)]
pub(crate) struct Upgrades(Arc<Shared>);

impl Upgrades {
    /// Returns the upgrade that `request` asks for.
    pub(crate) fn of<B>(&self, request: &Request<B>) -> Option<Upgrade> {
        // HTTP/2 upgrades a stream. The connection stays with hyper.
        let asks = request.version() <= Version::HTTP_11 && request.extensions().get::<OnUpgrade>().is_some();
        asks.then(|| Upgrade { shared: Arc::clone(&self.0), is_connect: request.method() == Method::CONNECT })
    }
}

pub(crate) struct Upgrade {
    shared: Arc<Shared>,
    is_connect: bool,
}

impl Upgrade {
    /// Returns `true` if hyper upgrades the connection after an answer with `status`.
    pub(crate) fn is_accepted_by(&self, status: StatusCode) -> bool {
        status == StatusCode::SWITCHING_PROTOCOLS || (self.is_connect && status.is_success())
    }

    /// Keeps the request in flight until the socket closes.
    pub(crate) fn accept(self, in_flight: Option<InFlight>) {
        let mut open = self.shared.open();
        if let Some(stream) = &open.stream {
            detect_dead_peer(stream.get_ref().get_ref());
            open.upgraded = in_flight;
        }
    }
}

struct Shared {
    open: Mutex<Open>,
    released: Notify,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Open {
    /// `None` once the socket is closed.
    stream: Option<Stream>,
    upgraded: Option<InFlight>,
    /// The service's tasks, which learn that the server has closed the socket.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Open {
    fn close(&mut self) -> (Option<Stream>, [Option<Waker>; 2]) {
        (self.stream.take(), [self.reader.take(), self.writer.take()])
    }
}

impl SocketIo {
    fn write(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut open = self.0.open();
        let Some(stream) = &mut open.stream else { return Poll::Ready(Err(closed())) };
        let written = write(Pin::new(stream), cx);
        let Some(in_flight) = &mut open.upgraded else { return written };
        match &written {
            Poll::Pending => {
                in_flight.still_waits_for_client();
                remember(&mut open.writer, cx);
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                // Another task of the service may wait to read.
                let (stream, wakers) = open.close();
                drop(open);
                drop(stream);
                wakers.into_iter().flatten().for_each(Waker::wake);
            }
            Poll::Ready(_) => in_flight.waits_for_service(),
        }
        written
    }
}

impl AsyncRead for SocketIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut open = self.0.open();
        let Some(stream) = &mut open.stream else { return Poll::Ready(Err(closed())) };
        let read = Pin::new(stream).poll_read(cx, buf);
        if read.is_pending() && open.upgraded.is_some() {
            remember(&mut open.reader, cx);
        }
        read
    }
}

impl AsyncWrite for SocketIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.open().stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut open = self.0.open();
        let Some(stream) = &mut open.stream else { return Poll::Ready(Err(closed())) };
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut open = self.0.open();
        let Some(stream) = &mut open.stream else { return Poll::Ready(Ok(())) };
        Pin::new(stream).poll_shutdown(cx)
    }
}

fn remember(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server closed the socket")
}

/// The system would buffer megabytes for a client that does not read.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn bound_unsent(stream: &TcpStream) {
    const UNSENT: u32 = 64 * 1024;
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "cannot limit unsent data; only the system's limit applies");
    }
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn bound_unsent(_: &TcpStream) {}

/// Nothing else ends a quiet socket whose client has lost its network.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn detect_dead_peer(stream: &TcpStream) {
    const QUIET: Duration = Duration::from_secs(20);
    const INTERVAL: Duration = Duration::from_secs(10);
    let probes = socket2::TcpKeepalive::new().with_time(QUIET).with_interval(INTERVAL).with_retries(3);
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!(%error, "cannot detect whether the client of an upgraded socket has lost its network");
    }
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn detect_dead_peer(_: &TcpStream) {}
