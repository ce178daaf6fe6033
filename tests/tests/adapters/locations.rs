//! Keys in other places than `Authorization: Bearer`: the same verdicts everywhere.

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::{any, get};
use http::{HeaderMap, Method, Request};
use keyward::adapter::{BuildError, Location, TlsTransport};
use keyward::axum::Authenticated;
use keyward::gateway::forward_auth;
use keyward::testing::hostile::{self, Expected, Wire};
use keyward::{AuthLayer, Authenticator, HttpsOnly, MemoryStore, PeerAddress};
use keyward_tests::service::{Answer, Demo, Listening, call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use super::{actix, tonic as grpc};

fn authenticator(store: MemoryStore) -> Authenticator {
    hostile::accept_locations(Authenticator::builder(store).exempt(Method::GET, "/health")).build().unwrap()
}

fn router(authenticator: Authenticator) -> Router {
    Router::new()
        .route("/", get(async |caller: Authenticated| caller.account().to_string()))
        .route("/health", get(async || "well"))
        .route("/fields", get(async |headers: HeaderMap| format!("{headers:?}")))
        .route("/maybe", get(async |caller: Option<Authenticated>| caller.is_some().to_string()))
        .route(
            "/socket",
            any(async |upgrade: WebSocketUpgrade| {
                // A careless service, which selects what the client offers first.
                let offered =
                    upgrade.requested_protocols().map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>();
                upgrade.protocols(offered).on_upgrade(async |_| {})
            }),
        )
        .layer(AuthLayer::from(authenticator))
}

#[tokio::test]
async fn axum_actix_and_the_authenticator_agree_with_the_table() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let authenticator = authenticator(demo.store.clone());
    hostile::locations_over_authenticator(&authenticator, &key).await;
    let server = Listening::start(router(authenticator.clone())).await;
    hostile::locations_over_socket(server.address, &key).await;
    hostile::locations_over_http2(server.address, &key).await;
    let server = actix::Server::start(Some(authenticator));
    hostile::locations_over_socket(server.address, &key).await;
    hostile::locations_over_http2(server.http2_address, &key).await;
}

#[tokio::test]
async fn tonic_agrees_with_the_table() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let server = grpc::Listening::start(Some(authenticator(demo.store.clone()).into())).await;
    let mut client = HealthClient::new(server.channel().await);
    let mut asked = 0;
    for case in hostile::location_cases(&key) {
        if case.method != "GET" || case.target != "/" || case.on_the_wire != Wire::Passes {
            continue;
        }
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        let fields = case.fields.iter().map(|field| ("authorization", field.as_slice()));
        let fields = fields.chain(case.others.iter().map(|(name, value)| (*name, value.as_bytes())));
        let mut fits = true;
        for (name, value) in fields {
            let name = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes());
            match (name, MetadataValue::try_from(value)) {
                (Ok(name), Ok(value)) if name != "connection" => drop(request.metadata_mut().append(name, value)),
                _ => fits = false,
            }
        }
        if !fits {
            continue;
        }
        asked += 1;
        let answer = client.check(request).await;
        match case.expected {
            Expected::Refused(refused) => {
                let status = answer.unwrap_err();
                let info = status.get_details_error_info().unwrap_or_else(|| panic!("{}: {status:?}", case.name));
                assert_eq!(info.reason, refused.code, "{}", case.name);
                if refused.reason == "missing_credential" {
                    assert!(status.message().contains("X-API-Key: YOUR_API_KEY"), "{}", status.message());
                }
            }
            Expected::Accepted => drop(answer.unwrap_or_else(|status| panic!("{}: {status:?}", case.name))),
            _ => {}
        }
    }
    assert!(asked >= 120, "only {asked} cases could be sent");
}

#[tokio::test]
async fn the_gateway_agrees_with_the_table() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let router = forward_auth(authenticator(demo.store.clone()));
    let mut asked = 0;
    for case in hostile::location_cases(&key) {
        if case.method != "GET" || case.target != "/" || case.on_the_wire != Wire::Passes {
            continue;
        }
        let mut request = Request::get("/forward-auth").header("x-forwarded-method", "GET");
        for field in &case.fields {
            request = request.header("authorization", field.as_slice());
        }
        let contradicts = |name: &str| name.eq_ignore_ascii_case("x-forwarded-uri");
        if case.others.iter().any(|(name, _)| contradicts(name)) {
            continue;
        }
        for (name, value) in &case.others {
            request = request.header(*name, value);
        }
        let Ok(request) = request.header("x-forwarded-uri", "/").body(Body::empty()) else { continue };
        let answer = call(&router, request).await;
        asked += 1;
        match case.expected {
            Expected::Refused(refused) => {
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (refused.status, refused.code),
                    "{}",
                    case.name
                );
            }
            Expected::Accepted => {
                assert_eq!(answer.status, 200, "{}", case.name);
                assert!(!format!("{:?}", answer.headers).contains(&key), "{}", case.name);
                let is_there =
                    |(name, value): &(&str, String)| *name == "Sec-WebSocket-Protocol" && value.contains(&key);
                if case.others.iter().any(is_there) {
                    assert!(answer.header("sec-websocket-protocol").starts_with("chat"), "{}", case.name);
                }
            }
            _ => {}
        }
    }
    assert!(asked >= 150, "only {asked} cases could be sent");
}

async fn get_with(router: &Router, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = fields.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    call(router, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn challenge_message_and_vary_name_the_places() {
    let demo = Demo::new().await;
    let build = |builder: keyward::adapter::AuthenticatorBuilder| router(builder.build().unwrap());
    let located = || Authenticator::builder(demo.store.clone()).accept(Location::header("X-API-Key"));
    let both = build(located().vary_always());
    let answer = get_with(&both, "/", &[]).await;
    assert_eq!(
        answer.header("www-authenticate"),
        r#"Bearer realm="api", ApiKey realm="api", in="header", name="X-API-Key""#
    );
    assert!(answer.body.windows(9).any(|text| text == b"X-API-Key"), "{answer:?}");
    assert_eq!(answer.header("vary"), "authorization, x-api-key");
    let key = demo.full_key().await;
    let answer = get_with(&both, "/", &[("x-api-key", &key)]).await;
    assert_eq!(answer.status, 200);
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["authorization", "x-api-key"]);

    let only = build(located().without_bearer());
    for (fields, status) in [
        (&[("x-api-key", key.as_str())][..], 200),
        (&[("x-api-key", &key), ("authorization", "Bearer of-another-kind")], 200),
        (&[("authorization", &format!("Bearer {key}"))], 401),
        (&[], 401),
        (&[("x-api-key", "a b")], 400),
    ] {
        let answer = get_with(&only, "/", fields).await;
        assert_eq!(answer.status, status, "{fields:?}");
        let challenge = r#"ApiKey realm="api", in="header", name="X-API-Key""#;
        assert_eq!(answer.header("www-authenticate"), if status == 200 { "" } else { challenge });
    }

    // The message of an extractor, too.
    let open = build(located().exempt_get("/"));
    let answer = get_with(&open, "/", &[]).await;
    assert!(answer.status == 401 && answer.body.windows(9).any(|text| text == b"X-API-Key"), "{answer:?}");

    let optional = build(located().optional());
    for (fields, expected) in [
        (&[][..], "false"),
        (&[("x-api-key", "")], "false"),
        (&[("x-api-key", key.as_str())], "true"),
        (&[("x-api-key", "nonsense")], ""),
        (&[("authorization", "")], ""),
        (&[("x-api-key", &key), ("authorization", &format!("Bearer {key}"))], ""),
    ] {
        let answer = get_with(&optional, "/maybe", fields).await;
        assert_eq!(if answer.status == 200 { &answer.body[..] } else { b"" }, expected.as_bytes(), "{fields:?}");
    }
}

#[tokio::test]
async fn a_key_in_plain_text_is_marked_in_every_place() {
    let demo = Demo::new().await;
    let https = HttpsOnly::new().mark_compromised(demo.keys.clone());
    let authenticator = hostile::accept_locations(Authenticator::builder(demo.store.clone()).https_only(https));
    let router = router(authenticator.build().unwrap());
    let ask = async |key: &str, name: &str, value: &str, secure: bool| {
        let mut request = Request::get("/").header(name, value).header("sec-websocket-version", "13");
        if key.is_empty() {
            request = request.header("apikey", "another");
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(PeerAddress(([192, 0, 2, 1], 1).into()));
        if secure {
            request.extensions_mut().insert(TlsTransport);
        }
        call(&router, request).await
    };
    for name in ["authorization", "x-api-key", "apikey", "sec-websocket-protocol"] {
        let key = demo.full_key().await;
        let value = match name {
            "authorization" => format!("Bearer {key}"),
            "sec-websocket-protocol" => format!("keyward.{key}"),
            _ => key.clone(),
        };
        assert_eq!(ask(&key, name, &value, true).await.status, 200, "{name}");
        assert_eq!(ask(&key, name, &value, false).await.code(), "HTTPS_REQUIRED", "{name}");
        assert_eq!(ask(&key, name, &value, true).await.code(), "API_KEY_REVOKED", "{name}");
    }
    // Two keys: neither is marked.
    let key = demo.full_key().await;
    assert_eq!(ask("", "x-api-key", &key, false).await.code(), "HTTPS_REQUIRED");
    assert_eq!(ask("", "x-api-key", &key, true).await.code(), "INVALID_REQUEST");
    assert_eq!(ask(&key, "x-api-key", &key, true).await.status, 200);
}

#[tokio::test]
async fn build_refuses_headers_that_cannot_carry_keys() {
    let build = |location| Authenticator::builder(MemoryStore::new()).accept(location).build().map(drop);
    assert!(build(Location::header("X-API-Key")).is_ok());
    let refused = build(Location::header("Cookie")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invalid header \"Cookie\" for keys: this header has another meaning; use a name such as X-API-Key"
    );
    let none = Authenticator::builder(MemoryStore::new()).without_bearer().build().unwrap_err();
    assert!(matches!(none, BuildError::NoLocation), "{none}");
}

#[tokio::test]
async fn handlers_see_neither_key_nor_its_subprotocol() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let authenticator = authenticator(demo.store.clone());
    let router = router(authenticator.clone());
    let offered = format!("keyward.{key}, chat");
    let seen =
        get_with(&router, "/fields", &[("sec-websocket-version", "13"), ("sec-websocket-protocol", &offered)]).await;
    let seen = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(!seen.contains(&key) && seen.contains(r#""sec-websocket-protocol": "chat""#), "{seen}");
    let seen = get_with(&router, "/fields", &[("x-api-key", &key)]).await;
    assert!(!seen.body.windows(key.len()).any(|text| text == key.as_bytes()), "{seen:?}");

    let server = actix::Server::start(Some(authenticator.clone()));
    let handshake = format!("sec-websocket-version: 13\r\nsec-websocket-protocol: {offered}\r\n");
    for (fields, others) in
        [(handshake.clone(), r#"subprotocols: ["chat"]"#), (format!("x-api-key: {key}\r\n"), "subprotocols: []")]
    {
        // The second time, the key is cached.
        for _ in 0..2 {
            let answer = exchange(server.address, "/fields", &fields, "close").await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            assert!(!answer.contains(&key) && answer.contains(others), "{answer}");
        }
    }
    let upgrade = format!("{handshake}upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    let socket = exchange(server.address, "/echo", &upgrade, "upgrade").await;
    assert!(socket.starts_with("HTTP/1.1 101 ") && !socket.contains(&key), "{socket}");
    let server = Listening::start(router.clone()).await;
    let socket = exchange(server.address, "/socket", &upgrade, "upgrade").await;
    assert!(socket.starts_with("HTTP/1.1 101 ") && !socket.contains(&key), "{socket}");
    assert!(socket.contains("sec-websocket-protocol: chat\r\n"), "{socket}");
}

/// Returns the head, and what follows if the connection closes.
async fn exchange(address: std::net::SocketAddr, path: &str, fields: &str, connection: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{fields}connection: {connection}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    if connection == "close" {
        socket.read_to_end(&mut answer).await.unwrap();
    }
    while connection != "close" && !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

const STORABLE: [(&str, bool); 6] = [
    ("max-age=60", false),
    ("MAX-AGE=60, Private", true),
    ("public, max-age=60", true),
    ("s-maxage=60", true),
    ("max-age=60, must-revalidate", true),
    ("no-store", true),
];

#[tokio::test]
async fn shared_caches_store_an_answer_only_if_the_handler_says_so() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    for (sent, decides) in STORABLE {
        let located = Authenticator::builder(demo.store.clone()).accept(Location::header("X-API-Key")).build().unwrap();
        let expected: &[&str] = if decides { &[sent] } else { &[sent, "private"] };
        let handler = get(async move || [("cache-control", sent)]);
        let app = Router::new().route("/", handler).layer(AuthLayer::from(located.clone()));
        let answer = get_with(&app, "/", &[("x-api-key", &key)]).await;
        assert_eq!(answer.headers.get_all("cache-control").iter().collect::<Vec<_>>(), expected);

        let handler =
            move || async move { actix_web::HttpResponse::Ok().insert_header(("cache-control", sent)).finish() };
        let auth = keyward::actix::Auth::from(located);
        let app = actix_web::App::new().wrap(auth).route("/", actix_web::web::get().to(handler));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::get().insert_header(("x-api-key", key.as_str()));
        let answer = actix_web::test::call_service(&app, request.to_request()).await;
        let fields: Vec<_> = answer.headers().get_all("cache-control").map(|value| value.to_str().unwrap()).collect();
        assert_eq!(fields, expected, "actix");
    }
}
