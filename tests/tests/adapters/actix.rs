use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Bytes, Json};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use http::Method;
use keyward::actix::{Auth, Authenticated, MaybeAuthenticated, Require, Scoped};
use keyward::render::CodedEnvelope;
use keyward::store::KeyStore;
use keyward::testing::hostile;
use keyward::{Authenticator, Requirement, Scope};
use keyward_tests::service::{Broken, Demo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

keyward::actix::scopes! {
    ResourcesRead = "resources:read";
    ResourcesWrite = "resources:write";
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) http2_address: SocketAddr,
    handle: ServerHandle,
    runtime: tokio::runtime::Handle,
}

impl Server {
    pub(crate) fn start(authenticator: Option<Authenticator>) -> Self {
        let (ready, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let wrapped = actix_web::middleware::Condition::new(
                        authenticator.is_some(),
                        Auth::from(
                            authenticator.clone().unwrap_or_else(|| Authenticator::new(keyward::MemoryStore::new())),
                        ),
                    );
                    App::new()
                        .wrap(wrapped)
                        .route("/", web::to(async |caller: Authenticated| caller.account().to_string()))
                        .route("/health", web::get().to(async || "well"))
                        .route("/health", web::head().to(async || "well"))
                        .route("/maybe", web::get().to(maybe))
                        .route("/resources", web::get().to(async |_: Scoped<ResourcesRead>| "some"))
                        .route("/resources", web::post().to(create))
                        .route("/stream", web::get().to(stream))
                        .route("/echo", web::get().to(echo))
                        .route("/fields", web::get().to(fields))
                        .service(
                            web::scope("/written").wrap(from_fn(through)).route("", web::get().to(async || "written")),
                        )
                        .service(
                            web::scope("/admin")
                                .wrap(Require::new(Requirement::all_of([Scope::from_static("admin:all")])))
                                .route("", web::get().to(async || "admin")),
                        )
                })
                .workers(2)
                .client_request_timeout(Duration::from_secs(5))
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap()
                .bind_auto_h2c(("127.0.0.1", 0))
                .unwrap();
                let addresses = server.addrs();
                let running = server.run();
                ready.send((addresses, running.handle(), tokio::runtime::Handle::current())).unwrap();
                running.await.unwrap();
            });
        });
        let (addresses, handle, runtime) = started.recv().unwrap();
        Self { address: addresses[0], http2_address: addresses[1], handle, runtime }
    }

    fn with(store: impl KeyStore) -> Self {
        let authenticator = Authenticator::builder(store)
            .exempt(Method::GET, "/health")
            .store_timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        Self::start(Some(authenticator))
    }

    pub(crate) async fn send(&self, head: &str, body: &str) -> String {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let text = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        connection.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, path: &str, key: Option<&str>) -> String {
        let field = key.map(|key| format!("\r\nauthorization: Bearer {key}")).unwrap_or_default();
        self.send(&format!("GET {path} HTTP/1.1{field}"), "").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = self.handle.stop(false);
        self.runtime.spawn(stop);
    }
}

async fn through<B: MessageBody>(
    _: Scoped<ResourcesWrite>,
    request: ServiceRequest,
    next: Next<B>,
) -> actix_web::Result<ServiceResponse<B>> {
    next.call(request).await
}

async fn maybe(caller: MaybeAuthenticated) -> String {
    caller.identity().map_or_else(|| "anonymous".to_owned(), |identity| identity.account().to_string())
}

async fn create(_: Scoped<ResourcesWrite>, body: Json<serde_json::Value>) -> HttpResponse {
    HttpResponse::Created().json(body.into_inner())
}

/// In `Debug` form, and the subprotocols.
async fn fields(request: HttpRequest) -> String {
    let subprotocols: Vec<_> = request.headers().get_all("sec-websocket-protocol").collect();
    format!("{request:?} subprotocols: {subprotocols:?}")
}

async fn stream(_: Authenticated) -> HttpResponse {
    let chunks = (0..3).map(|number| Ok::<_, actix_web::Error>(Bytes::from(format!("chunk {number}\n"))));
    HttpResponse::Ok().streaming(futures_util::stream::iter(chunks))
}

async fn echo(_: Authenticated, request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            if let actix_ws::Message::Text(text) = message {
                let _ = session.text(text).await;
            }
        }
    });
    Ok(response)
}

#[tokio::test]
async fn every_hostile_request_is_answered_as_the_table_says() {
    let demo = Demo::new().await;
    let server = Server::with(demo.store.clone());
    let key = demo.full_key().await;
    hostile::over_socket(server.address, &key).await;
    hostile::over_socket(server.http2_address, &key).await;
    hostile::over_http2(server.http2_address, &key).await;
}

#[tokio::test]
async fn scopes_are_decided_before_a_body_is_read() {
    let demo = Demo::new().await;
    let server = Server::with(demo.store.clone());
    let (reader, writer) = (demo.restricted_key("resources:read").await, demo.restricted_key("resources:*").await);
    let post = async |key: &str, body: &str| {
        let head = format!("POST /resources HTTP/1.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json");
        server.send(&head, body).await
    };
    for body in [r#"{"a":1}"#, "nonsense"] {
        let refused = post(&reader, body).await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        assert!(refused.contains(r#"scope="resources:write""#) && refused.contains("INSUFFICIENT_SCOPE"), "{refused}");
    }
    assert!(post(&writer, r#"{"a":1}"#).await.starts_with("HTTP/1.1 201 "));
    assert!(post(&writer, "nonsense").await.starts_with("HTTP/1.1 400 "));
    assert!(server.get("/resources", Some(&reader)).await.starts_with("HTTP/1.1 200 "));
    assert!(server.get("/admin", Some(&writer)).await.starts_with("HTTP/1.1 403 "));
    let admin = demo.restricted_key("admin:all").await;
    assert!(server.get("/admin", Some(&admin)).await.starts_with("HTTP/1.1 200 "));
    assert!(server.get("/written", Some(&writer)).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn broken_store_refuses_every_request() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    for (broken, status) in [(Broken::Unavailable, 503), (Broken::Hangs, 503), (Broken::Corrupt, 500)] {
        let answer = Server::with(broken).get("/", Some(&key)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{broken:?}: {answer}");
        assert_eq!(answer.contains("retry-after: "), status == 503, "{answer}");
        assert!(!answer.contains("www-authenticate"), "{answer}");
    }
}

#[tokio::test]
async fn optional_credential_is_checked_if_present() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let server = Server::start(Some(Authenticator::builder(demo.store.clone()).optional().build().unwrap()));
    assert!(server.get("/maybe", None).await.ends_with("anonymous"));
    assert!(server.get("/maybe", Some(&key)).await.ends_with("acct_1"));
    assert!(server.get("/", None).await.starts_with("HTTP/1.1 401 "));
    assert!(server.get("/maybe", Some("nonsense")).await.starts_with("HTTP/1.1 401 "));
    let broken = Server::start(Some(Authenticator::builder(Broken::Unavailable).optional().build().unwrap()));
    assert!(broken.get("/maybe", Some(&key)).await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn without_the_middleware_every_request_is_refused() {
    let server = Server::start(None);
    for path in ["/", "/maybe", "/resources", "/written", "/admin"] {
        let answer = server.get(path, Some("kw_live_x")).await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn every_refusal_is_in_the_middlewares_format() {
    let demo = Demo::new().await;
    let reader = demo.restricted_key("resources:read").await;
    let admin = demo.restricted_key("admin:all").await;
    let renderer = CodedEnvelope::new();
    let server =
        Server::start(Some(Authenticator::builder(demo.store.clone()).renderer(renderer).realm("r").build().unwrap()));
    for (path, key, code) in [
        ("/", None, "MISSING_API_KEY"),
        ("/", Some("x"), "INVALID_API_KEY"),
        ("/admin", Some(reader.as_str()), "INSUFFICIENT_SCOPE"),
        ("/resources", Some(admin.as_str()), "INSUFFICIENT_SCOPE"),
        ("/written", Some(admin.as_str()), "INSUFFICIENT_SCOPE"),
    ] {
        let answer = server.get(path, key).await;
        assert!(answer.contains(&format!(r#"{{"error":{{"code":"{code}""#)), "{answer}");
        assert!(answer.contains(r#"Bearer realm="r""#) && answer.contains("cache-control: no-store"), "{answer}");
        assert!(answer.contains("x-request-id: ") && !answer.contains("vary: "), "{answer}");
    }
    let accepted = server.get("/resources", Some(&reader)).await;
    assert!(accepted.contains("cache-control: private, no-store") && !accepted.contains("vary: "));
    let head = server.send("HEAD / HTTP/1.1", "").await;
    assert!(head.starts_with("HTTP/1.1 401 ") && head.ends_with("\r\n\r\n"), "HEAD was answered with a body: {head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_by_every_worker() {
    let demo = Demo::new().await;
    let server = Server::with(demo.store.clone());
    for _ in 0..20 {
        let issued = demo.keys.issue(keyward::NewKey::secret(demo.account.clone(), "a")).await.unwrap();
        let key = issued.key.expose_once();
        for _ in 0..4 {
            assert!(server.get("/", Some(&key)).await.starts_with("HTTP/1.1 200 "));
        }
        let _ = demo.keys.revoke(&issued.record.id).await.unwrap();
        for _ in 0..4 {
            let answer = server.get("/", Some(&key)).await;
            assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("API_KEY_REVOKED"), "{answer}");
        }
    }
}

#[tokio::test]
async fn streams_and_websockets_are_left_alone() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let server = Server::with(demo.store.clone());
    let streamed = server.get("/stream", Some(&key)).await;
    for chunk in ["chunk 0\n", "chunk 1\n", "chunk 2\n"] {
        assert!(streamed.contains(chunk), "{streamed}");
    }

    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let handshake = format!(
        "GET /echo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    // A masked text frame of two bytes, with a mask of zeros. The echo is not masked.
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut frame = [0; 4];
    socket.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x81, 0x02, b'h', b'i']);
}
