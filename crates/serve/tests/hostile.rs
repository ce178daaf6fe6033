//! Clients that hold on to connections, over real sockets.

#![allow(clippy::unwrap_used, reason = "an unwrap is an assertion here, in helpers too")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use keyward_core::TrustedProxies;
use keyward_serve::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::service_fn;

const DEADLINE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(2);
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const PREFACE_AND_SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn patient() -> Limits {
    Limits {
        header_timeout: NEVER,
        idle_timeout: NEVER,
        write_timeout: NEVER,
        max_age: NEVER,
        connections: 8,
        connections_per_peer: 8,
        ..Limits::default()
    }
}

#[derive(Clone)]
struct Server {
    address: SocketAddr,
    entered: Arc<Notify>,
    release: Arc<Notify>,
    given_up: Arc<Notify>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
        let address = ([127, 0, 0, 1], listener.local_addr().unwrap().port()).into();
        let server = Self { address, entered: Arc::default(), release: Arc::default(), given_up: Arc::default() };
        let of_service = server.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let server = of_service.clone();
            async move {
                let body: UnsyncBoxBody<Bytes, Infallible> = match request.uri().path() {
                    "/endless" => Endless(server.given_up).boxed_unsync(),
                    path => {
                        if path == "/slow" {
                            server.entered.notify_one();
                            server.release.notified().await;
                        }
                        Full::from("answered").boxed_unsync()
                    }
                };
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        tokio::spawn(serve(listener, service, std::future::pending(), limits));
        server
    }

    async fn connect(&self) -> TcpStream {
        self.connect_from([127, 0, 0, 1]).await
    }

    async fn connect_from(&self, address: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn is_answered_from(&self, address: [u8; 4]) -> bool {
        let mut stream = self.connect_from(address).await;
        stream.write_all(GET_AND_CLOSE).await.unwrap();
        rest(&mut stream).await.contains("answered")
    }

    async fn idle_http2(&self) -> h2::client::Connection<TcpStream> {
        let stream = self.connect().await;
        h2::client::handshake(stream).await.unwrap().1
    }

    async fn unread_http1(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
        while timeout(SHORT, stream.write_all(&requests)).await.is_ok() {}
        stream
    }
}

struct Endless(Arc<Notify>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends the connection too.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the server did not close the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn within_deadline<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap_or_else(|_| panic!("{what}"))
}

#[tokio::test]
async fn idle_http2_connections_do_not_block_other_clients() {
    let server = Server::start(patient()).await;
    let mut held = JoinSet::new();
    for _ in 0..20 {
        held.spawn(server.idle_http2().await);
    }
    for _ in 0..20 {
        assert!(server.is_answered_from([127, 0, 0, 2]).await);
    }
}

#[tokio::test]
async fn clients_that_never_read_do_not_block_other_clients() {
    // Use only two, because the system buffers megabytes of each.
    let server = Server::start(Limits { connections: 2, ..patient() }).await;
    let held = [server.unread_http1().await, server.unread_http1().await];
    assert!(server.is_answered_from([127, 0, 0, 2]).await);
    drop(held);

    let server = Server::start(patient()).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        let _ = stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        unread.push(stream);
    }
    assert!(server.is_answered_from([127, 0, 0, 2]).await);
}

#[tokio::test]
async fn unfinished_heads_do_not_block_other_clients() {
    let server = Server::start(patient()).await;
    let mut held = Vec::new();
    for start in [b"".as_slice(), b"PRI * HTTP/2", b"GET / HT", PREFACE_AND_SETTINGS].repeat(5) {
        let mut stream = server.connect().await;
        stream.write_all(start).await.unwrap();
        held.push(stream);
    }
    assert!(server.is_answered_from([127, 0, 0, 2]).await);
}

#[tokio::test]
async fn an_idle_http2_connection_ends_though_it_answers_pings() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..patient() }).await;
    within_deadline("an idle connection was not closed", server.idle_http2().await).await.unwrap();
}

#[tokio::test]
async fn an_idle_http2_connection_gets_goaway_and_is_closed() {
    let server = Server::start(Limits { idle_timeout: SHORT, write_timeout: SHORT, ..patient() }).await;
    let mut stream = server.connect().await;
    stream.write_all(PREFACE_AND_SETTINGS).await.unwrap();
    let mut received = Vec::new();
    let _ = within_deadline("a silent connection was not closed", stream.read_to_end(&mut received)).await;
    let mut frames = Vec::new();
    let mut rest = received.as_slice();
    while let [a, b, c, kind, tail @ ..] = rest {
        frames.push(*kind);
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        rest = &tail[5 + length..];
    }
    assert!(frames.contains(&7), "no GOAWAY among {frames:?}");
}

#[tokio::test]
async fn an_idle_http1_connection_is_closed() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..patient() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.contains("answered"));
}

#[tokio::test]
async fn an_http1_answer_that_is_not_read_is_given_up() {
    let server = Server::start(Limits { write_timeout: SHORT, ..patient() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    within_deadline("the answer was not given up", server.given_up.notified()).await;
}

#[tokio::test]
async fn an_http2_answer_without_window_is_given_up() {
    let server = Server::start(Limits { write_timeout: SHORT, ..patient() }).await;
    for window in [0, 65_535] {
        let stream = server.connect().await;
        let mut builder = h2::client::Builder::new();
        let (mut sender, connection) = builder.initial_window_size(window).handshake::<_, Bytes>(stream).await.unwrap();
        let request = Request::get(format!("http://{}/endless", server.address)).body(()).unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        let connection = tokio::spawn(connection);
        let answer = answer.await;
        within_deadline("the answer was not given up", server.given_up.notified()).await;
        let _ = within_deadline("the connection was not closed", connection).await;
        drop(answer);
    }
}

#[tokio::test]
async fn a_slow_answer_is_neither_idle_nor_unread() {
    let limits = Limits { idle_timeout: SHORT, write_timeout: SHORT, connections: 1, ..patient() };
    let server = Server::start(limits).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    within_deadline("the request was dropped", server.entered.notified()).await;
    // Wait longer than the limits, which must not end the connection.
    tokio::time::sleep(SHORT * 2).await;
    server.release.notify_one();
    assert!(rest(&mut stream).await.contains("answered"));
}

#[tokio::test]
async fn an_old_connection_is_answered_and_then_closed() {
    let server = Server::start(Limits { max_age: SHORT, idle_timeout: SHORT * 100, ..patient() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    within_deadline("the request was dropped", server.entered.notified()).await;
    tokio::time::sleep(SHORT * 2).await;
    server.release.notify_one();
    let answer = rest(&mut stream).await;
    assert!(answer.contains("answered"), "{answer}");
}

#[tokio::test]
async fn a_peer_holds_no_more_than_its_share() {
    let share = Limits { connections: 8, connections_per_peer: 2, ..patient() };
    let everyone = TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]);
    let exempt = Limits { exempt_peers: everyone, ..share.clone() };
    for (what, limits, admitted) in [("a client", share, 2), ("a trusted proxy", exempt, 6)] {
        let server = Server::start(limits).await;
        let mut held = Vec::new();
        for number in 0..6 {
            let mut stream = server.connect().await;
            stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            if number < admitted {
                within_deadline(what, server.entered.notified()).await;
            } else {
                assert_eq!(rest(&mut stream).await, "", "{what}: connection {number}");
            }
            held.push(stream);
        }
        assert!(server.is_answered_from([127, 0, 0, 2]).await, "{what}");
        // All requests are in progress, and none was cut off.
        for stream in held.iter_mut().take(admitted) {
            server.release.notify_one();
            assert!(rest(stream).await.contains("answered"), "{what}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_of_a_peer_gives_way_to_its_next() {
    let server = Server::start(Limits { connections_per_peer: 1, ..patient() }).await;
    for _ in 0..3 {
        let mut first = server.connect().await;
        first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut byte = [0];
        first.read_exact(&mut byte).await.unwrap();
        assert!(server.is_answered_from([127, 0, 0, 1]).await);
        assert!(rest(&mut first).await.ends_with("answered"));
    }
}
