//! WebSockets, which stay in the server's limits while they are open.

#![allow(clippy::unwrap_used, reason = "an unwrap is an assertion here, in helpers too")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message as Sent, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use keyward::axum::{AuthLayer, KeyWatch};
use keyward::{AccountRecord, Authenticator, CredentialId, Keys, MemoryStore, NewKey};
use keyward_serve::{Limits, Stopped, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const DEADLINE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(2);
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

type Socket = WebSocketStream<TcpStream>;

#[derive(Clone)]
struct App {
    authenticator: Authenticator,
    ended: Arc<Notify>,
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}

async fn echo(watch: KeyWatch, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| answer(socket, watch))
}

async fn answer(mut socket: WebSocket, mut watch: KeyWatch) {
    loop {
        tokio::select! {
            rejection = watch.refused() => {
                let frame = CloseFrame { code: 1008, reason: rejection.code().into() };
                let _ = socket.send(Sent::Close(Some(frame))).await;
                return;
            }
            message = socket.recv() => match message {
                Some(Ok(Sent::Text(text))) => if socket.send(Sent::Text(text)).await.is_err() { return },
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return,
            },
        }
    }
}

/// Sends without end, and reads nothing.
async fn flood(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        while socket.send(Sent::Binary(vec![0; 64 * 1024].into())).await.is_ok() {}
        app.ended.notify_one();
    })
}

/// Reads until the socket ends, and answers nothing.
async fn listen(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        while let Some(Ok(_)) = socket.recv().await {}
        app.ended.notify_one();
    })
}

/// Keeps the socket, and does nothing with it.
async fn keep(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |_socket| std::future::pending().await)
}

struct Server {
    address: SocketAddr,
    keys: Keys,
    id: CredentialId,
    authorization: String,
    ended: Arc<Notify>,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Stopped>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let store = MemoryStore::new();
        let keys = Keys::new(store.clone());
        keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
        let issued = keys.issue(NewKey::secret("acct_1".parse().unwrap(), "test")).await.unwrap();
        let authorization = format!("Bearer {}", *issued.key.expose_once());

        let app = App { authenticator: Authenticator::new(store), ended: Arc::default() };
        let (auth, ended) = (AuthLayer::from(app.authenticator.clone()), Arc::clone(&app.ended));
        let router = Router::new()
            .route("/echo", get(echo))
            .route("/flood", get(flood))
            .route("/listen", get(listen))
            .route("/keep", get(keep))
            .route("/unused", get(async || StatusCode::SWITCHING_PROTOCOLS))
            .layer(auth)
            .with_state(app);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(serve(listener, router, async { stopping.await.unwrap_or(()) }, limits));
        Self { address, keys, id: issued.record.id, authorization, ended, stop, stopped }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn open(&self, path: &str) -> Socket {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("authorization", self.authorization.parse().unwrap());
        let stream = self.connect().await;
        let opening = tokio_tungstenite::client_async(request, stream);
        within_deadline("the socket was not opened", opening).await.unwrap().0
    }

    /// Sends a request that is refused, on a connection that closes after it.
    async fn request(&self) -> TcpStream {
        let mut stream = self.connect().await;
        // The server may close before it has read everything.
        let _ = stream.write_all(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        stream
    }
}

async fn within_deadline<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap_or_else(|_| panic!("{what}"))
}

async fn is_answered(mut stream: TcpStream) -> bool {
    let mut answer = Vec::new();
    // A reset ends the connection too.
    let _ = within_deadline("the connection stayed open", stream.read_to_end(&mut answer)).await;
    answer.starts_with(b"HTTP/1.1 401")
}

async fn check_echo(socket: &mut Socket) {
    socket.send("hello".into()).await.unwrap();
    let echoed = within_deadline("no echo", socket.next()).await.unwrap().unwrap();
    assert_eq!(echoed.to_text().unwrap(), "hello");
}

async fn check_end(mut socket: Socket) {
    within_deadline("the socket stayed open", async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

async fn close(mut socket: Socket) {
    socket.close(None).await.unwrap();
    check_end(socket).await;
}

#[tokio::test]
async fn an_open_socket_counts_as_a_connection() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut socket = server.open("/echo").await;
    check_echo(&mut socket).await;

    let mut second = server.request().await;
    let early = timeout(SHORT, second.read_u8()).await;
    assert!(early.is_err(), "a connection was served beside the open socket");
    check_echo(&mut socket).await;
    close(socket).await;
    assert!(is_answered(second).await);
}

#[tokio::test]
async fn an_open_socket_counts_as_its_peers() {
    let server = Server::start(Limits { connections_per_peer: 1, ..Limits::default() }).await;
    for _ in 0..3 {
        let mut socket = server.open("/echo").await;
        assert!(!is_answered(server.request().await).await);
        check_echo(&mut socket).await;
        close(socket).await;
        assert!(is_answered(server.request().await).await);
    }
}

#[tokio::test]
async fn an_upgrade_that_is_not_taken_frees_its_place() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut stream = server.connect().await;
    let head = "GET /unused HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\nAuthorization: ";
    stream.write_all(format!("{head}{}\r\n\r\n", server.authorization).as_bytes()).await.unwrap();
    assert!(is_answered(server.request().await).await);
}

#[tokio::test]
async fn a_quiet_socket_outlives_the_other_limits() {
    let limits = Limits {
        header_timeout: SHORT,
        idle_timeout: SHORT,
        write_timeout: SHORT,
        max_age: SHORT,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut socket = server.open("/echo").await;
    // Wait longer than the limits, which must not end the socket.
    tokio::time::sleep(SHORT * 2).await;
    check_echo(&mut socket).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_quiet_socket_is_probed() {
    const KEEPALIVE: &str = "02";
    let server = Server::start(Limits::default()).await;
    let mut socket = server.open("/echo").await;
    check_echo(&mut socket).await;
    let (local, peer) = (server.address, socket.get_ref().local_addr().unwrap());
    let [local, peer] = [local, peer].map(|address| format!(":{:04X}", address.port()));
    let timer = || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut own = fields.filter(|fields| fields[1].ends_with(&local) && fields[2].ends_with(&peer));
        own.next().unwrap()[5][..2].to_owned()
    };
    // Another timer runs until the client has acknowledged the echo.
    within_deadline("no keepalive", async {
        while timer() != KEEPALIVE {
            tokio::task::yield_now().await
        }
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_socket() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut socket = server.open("/echo").await;
    check_echo(&mut socket).await;
    server.keys.revoke(&server.id).await.unwrap();
    let end = within_deadline("the socket stayed open", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = end else { panic!("{end:?}") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "API_KEY_REVOKED"));
    check_end(socket).await;
    assert!(is_answered(server.request().await).await);
}

#[tokio::test]
async fn a_socket_that_is_not_read_is_cut_off() {
    let server = Server::start(Limits { write_timeout: SHORT, connections: 1, ..Limits::default() }).await;
    let unread = server.open("/flood").await;
    within_deadline("the handler did not end", server.ended.notified()).await;
    assert!(is_answered(server.request().await).await);
    drop(unread);
}

#[tokio::test]
async fn a_socket_that_is_not_read_makes_room() {
    let server = Server::start(Limits { write_timeout: NEVER, connections: 1, ..Limits::default() }).await;
    let unread = server.open("/flood").await;
    assert!(is_answered(server.request().await).await);
    within_deadline("the handler did not end", server.ended.notified()).await;
    drop(unread);
}

#[tokio::test]
async fn shutdown_waits_for_sockets_that_end() {
    let server = Server::start(Limits::default()).await;
    let mut socket = server.open("/echo").await;
    server.stop.send(()).unwrap();
    within_deadline("a connection was accepted", async { while TcpStream::connect(server.address).await.is_ok() {} })
        .await;
    check_echo(&mut socket).await;
    close(socket).await;
    let stopped = within_deadline("the server did not stop", server.stopped).await.unwrap();
    assert_eq!(stopped, Stopped { cut_off: 0 });
}

#[tokio::test]
async fn shutdown_cuts_off_sockets_at_its_deadline() {
    let server = Server::start(Limits { shutdown_deadline: SHORT, ..Limits::default() }).await;
    let mut sockets = [server.open("/listen").await, server.open("/keep").await];
    // The handler reads from here on.
    sockets[0].send(Message::Ping("".into())).await.unwrap();
    within_deadline("no pong", sockets[0].next()).await.unwrap().unwrap();
    server.stop.send(()).unwrap();
    let stopped = within_deadline("the server did not stop", server.stopped).await.unwrap();
    assert_eq!(stopped, Stopped { cut_off: 2 });
    within_deadline("the handler did not end", server.ended.notified()).await;
    for socket in sockets {
        check_end(socket).await;
    }
}
