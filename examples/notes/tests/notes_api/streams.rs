//! Streams over real sockets, on the same server as the program's.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::HeaderValue;
use futures_util::{SinkExt as _, StreamExt as _};
use keyward::serve::{Limits, Stopped, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::Service;

const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Stopped>,
}

impl Server {
    async fn of(service: &Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = service.app.clone();
        let shutdown = async move {
            let _ = stopped.await;
            app.end_streams();
        };
        let served = tokio::spawn(serve(listener, service.router.clone(), shutdown, Limits::default()));
        Self { address, stop, served }
    }

    async fn events(&self, key: &str) -> Events {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = "GET /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer ";
        socket.write_all(format!("{head}{key}\r\n\r\n").as_bytes()).await.unwrap();
        let mut events = Events { socket, text: String::new() };
        events.until("\r\n\r\n").await;
        events
    }

    async fn live(&self, key: &str) -> WebSocketStream<TcpStream> {
        let mut request = format!("ws://{}/v1/live", self.address).into_client_request().unwrap();
        let field = HeaderValue::try_from(format!("Bearer {key}")).unwrap();
        request.headers_mut().insert("authorization", field);
        let socket = TcpStream::connect(self.address).await.unwrap();
        tokio_tungstenite::client_async(request, socket).await.unwrap().0
    }
}

struct Events {
    socket: TcpStream,
    text: String,
}

impl Events {
    async fn until(&mut self, end: &str) {
        let mut part = [0; 1_024];
        while !self.text.contains(end) {
            let read = tokio::time::timeout(PATIENCE, self.socket.read(&mut part)).await.expect(end).unwrap();
            assert!(read > 0, "the stream ended before {end:?}: {}", self.text);
            self.text.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap()
}

#[track_caller]
fn check_close(message: &Message, code: u16, reason: &str) {
    let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, reason));
}

#[tokio::test]
async fn streams_show_own_notes_and_end_with_their_key() {
    let service = Service::start();
    let server = Server::of(&service).await;
    let (tenant, other) = (service.sign_up().await, service.sign_up().await);
    let (reader_id, reader) = service.restricted(&tenant, "notes:read").await;
    let mut events = server.events(&reader).await;
    let mut live = server.live(&tenant.key).await;

    live.send(Message::text("by socket")).await.unwrap();
    let note: Value = serde_json::from_str(next(&mut live).await.to_text().unwrap()).unwrap();
    assert_eq!(note["text"], "by socket");
    service.call(&other.key, "POST", &other.notes(), json!({"text": "of another account"})).await;
    service.call(&tenant.key, "POST", &tenant.notes(), json!({"text": "by request"})).await;
    events.until("by request").await;
    assert!(events.text.contains("by socket") && !events.text.contains("of another account"), "{}", events.text);
    assert!(next(&mut live).await.to_text().unwrap().contains("by request"));

    service.keys.revoke(&reader_id).await.unwrap();
    events.until("\r\n0\r\n\r\n").await;
    service.keys.revoke(&tenant.id).await.unwrap();
    check_close(&next(&mut live).await, 1008, "API_KEY_REVOKED");
}

#[tokio::test]
async fn streams_do_not_delay_the_servers_end() {
    let service = Service::start();
    let server = Server::of(&service).await;
    let tenant = service.sign_up().await;
    let mut events = server.events(&tenant.key).await;
    let mut live = server.live(&tenant.key).await;

    server.stop.send(()).unwrap();
    events.until("\r\n0\r\n\r\n").await;
    check_close(&next(&mut live).await, 1001, "the server stops");
    let stopped = tokio::time::timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(stopped, Stopped { cut_off: 0 });
    service.app.shutdown().await;
}
