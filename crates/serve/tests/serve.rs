//! The limits of the server, over real sockets.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use keyward_core::PeerAddress;
use keyward_serve::{Limits, Stopped, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::service_fn;

const SOON: Duration = Duration::from_secs(60);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Stopped>,
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (notify, wait) = (Arc::clone(&entered), Arc::clone(&release));
        let service = service_fn(move |request: Request<Incoming>| {
            let (notify, wait) = (Arc::clone(&notify), Arc::clone(&wait));
            async move {
                if request.uri().path() == "/slow" {
                    notify.notify_one();
                    wait.notified().await;
                }
                let peer = request.extensions().get::<PeerAddress>().unwrap().0;
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(peer.to_string())))
            }
        });
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(serve(listener, service, async { stopping.await.unwrap_or(()) }, limits));
        Self { address, stop, stopped, entered, release }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn has_entered(&self) {
        timeout(SOON, self.entered.notified()).await.expect("the request was dropped");
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends the connection too.
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server did not close the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut buffer = vec![0; 4096];
    let length = timeout(SOON, stream.read(&mut buffer)).await.expect("the server did not answer").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_request_has_the_address_of_its_peer() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET_AND_CLOSE).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    assert!(rest(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn a_connection_without_a_whole_request_is_dropped() {
    let server = Server::start(Limits { header_timeout: Duration::from_secs(2), ..Limits::default() }).await;
    let after_an_answer = [GET, b"GET / HT"].concat();
    for (what, sent, answered) in [
        ("nothing", b"".as_slice(), false),
        ("a part of the preface of HTTP/2", b"PRI * HTTP/2.0\r\n", false),
        ("a part of a request line", b"GET / HT", false),
        ("a head without its end", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", false),
        ("a request and a part of another", &after_an_answer, true),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(sent).await.unwrap();
        assert_eq!(rest(&mut stream).await.contains("200 OK"), answered, "{what}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let server = Server::start(Limits { header_timeout: Duration::from_secs(2), ..Limits::default() }).await;
    // HTTP/1.0 makes the request shorter than the preface of HTTP/2, so the protocol is clear early.
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.0\r\n\r\n").await.unwrap();
    server.has_entered().await;
    // Wait longer than the header timeout, which must not end the connection.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.release.notify_one();
    assert!(rest(&mut stream).await.contains("200 OK"));
}

#[tokio::test]
async fn a_head_that_is_too_long_gets_431() {
    let server = Server::start(Limits::default()).await;
    for (length, status) in [(8 * 1024, "200 OK"), (20 * 1024, "431")] {
        let mut stream = server.connect().await;
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(length));
        // The server may close before it has read everything.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{length}: {answer}");
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    server.has_entered().await;

    let mut second = server.connect().await;
    second.write_all(GET_AND_CLOSE).await.unwrap();
    let mut byte = [0];
    let early = timeout(Duration::from_millis(200), second.read(&mut byte)).await;
    assert!(early.is_err(), "the second connection was served while the first was at work");

    server.release.notify_one();
    assert!(rest(&mut first).await.contains("200 OK"));
    assert!(rest(&mut second).await.contains("200 OK"));
}

#[tokio::test]
async fn shutdown_completes_requests_and_refuses_new_ones() {
    let server = Server::start(Limits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.unwrap();
    assert!(answer(&mut idle).await.contains("200 OK"));
    let silent = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    server.has_entered().await;

    server.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "", "an idle connection was not closed at once");
    assert!(TcpStream::connect(server.address).await.is_err(), "a new connection was accepted during the shutdown");
    server.release.notify_one();
    assert!(rest(&mut busy).await.contains("200 OK"), "a request in flight was not answered");
    let stopped = timeout(SOON, server.stopped).await.expect("the server did not stop").unwrap();
    assert_eq!(stopped, Stopped { cut_off: 0 });
    drop(silent);
}

#[tokio::test]
async fn shutdown_ends_at_its_deadline() {
    let limits = Limits { shutdown_deadline: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    server.has_entered().await;
    server.stop.send(()).unwrap();
    let stopped = timeout(SOON, server.stopped).await.expect("the server did not stop").unwrap();
    assert_eq!(stopped, Stopped { cut_off: 1 });
    assert_eq!(rest(&mut busy).await, "");
}
