//! `TestAuthLayer` and `TestAuth` answer each request as the real layers answer the same identity's key.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use keyward::adapter::AuthenticatorBuilder;
use keyward::axum::{AuthLayer, AuthRejection, Authenticated, OwnAccount, Scoped, TestAuthLayer};
use keyward::key::KeyKind;
use keyward::limits::{Each, RateLimitLayer, RateLimits};
use keyward::render::CodedEnvelope;
use keyward::testing::{ManualClock, TestIdentity, TestStore};
use keyward::{Authenticator, CustomRejection, PeerAddress, RequestIdLayer, RequireLayer};
use keyward_tests::log::Log;
use tower::ServiceExt as _;
use tracing::Level;

keyward::axum::scopes! {
    NotesRead = "notes:read";
    NotesWrite = "notes:write";
}

type Seen = (u16, BTreeMap<String, String>, String);

const REQUESTS: [(&str, &str); 8] = [
    ("GET", "/"),
    ("GET", "/notes"),
    ("POST", "/notes"),
    ("GET", "/accounts/acct_1"),
    ("GET", "/accounts/acct_2"),
    ("GET", "/admin"),
    ("GET", "/own"),
    ("GET", "/missing"),
];

fn identities() -> Vec<TestIdentity> {
    let account = || TestIdentity::account("acct_1").plan("Pro");
    vec![
        account(),
        account().no_scopes(),
        account().scopes(["notes:read"]).metadata("team", "a"),
        account().kind(KeyKind::Publishable),
        account().user("user_1").scopes(["notes:*"]),
        account().endpoints(["GET /notes"]),
        account().networks(["192.0.2.0/24"]),
        account().networks(["198.51.100.0/24"]),
        account().expires_at("2020-01-01T00:00:00Z"),
    ]
}

fn compared(status: u16, headers: impl Iterator<Item = (String, String)>, body: &[u8]) -> Seen {
    (status, headers.collect(), String::from_utf8_lossy(body).into_owned())
}

fn settings(builder: AuthenticatorBuilder) -> AuthenticatorBuilder {
    builder.renderer(CodedEnvelope::new()).exempt_get("/missing")
}

fn routes() -> Router {
    let refuse =
        async || Err::<(), AuthRejection>(CustomRejection::new(StatusCode::CONFLICT, "FROZEN", "Frozen.").into());
    Router::new()
        .route("/", get(async |caller: Authenticated| format!("{:?}", *caller)))
        .route("/notes", get(async |_: Scoped<NotesRead>| "notes").post(async |_: Scoped<NotesWrite>| "written"))
        .route("/accounts/{account}", get(async |_: OwnAccount| "yours"))
        .route("/admin", get(async || "admin").layer(RequireLayer::of::<NotesWrite>()))
        .route("/own", get(refuse))
        .layer(RequestIdLayer::new())
}

async fn answer(app: Router, method: &str, path: &str, bearer: Option<&str>) -> Seen {
    // Without this id, each refusal would have another one.
    let mut request = Request::builder().method(method).uri(path).header("x-request-id", "same");
    request = request.extension(PeerAddress(([192, 0, 2, 7], 49_152).into()));
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    let response: Response<Body> = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    compared(parts.status.as_u16(), parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))), &body)
}

#[tokio::test]
async fn axum_answers_a_test_identity_like_its_key() {
    let mut statuses = Vec::new();
    for identity in identities() {
        let store = TestStore::new();
        let key = store.issue(identity.clone());
        let real = AuthLayer::from(settings(Authenticator::builder(store)).build().unwrap());
        let test = TestAuthLayer::with(identity.clone(), settings);
        for (method, path) in REQUESTS {
            let expected = answer(routes().layer(real.clone()), method, path, Some(&key.bearer())).await;
            // The layer replaces a credential of the request.
            for sent in [None, Some("Bearer nonsense")] {
                let got = answer(routes().layer(test.clone()), method, path, sent).await;
                assert_eq!(got, expected, "{method} {path} of {identity:?}");
            }
            statuses.push(expected.0);
        }
    }
    for status in [200, 401, 403, 404, 409] {
        assert!(statuses.contains(&status), "no request was answered with {status}");
    }
}

#[actix_web::test]
async fn actix_answers_a_test_identity_like_its_key() {
    use keyward::actix::{Auth, AuthRejection, Authenticated, OwnAccount, Require, Scoped, TestAuth};

    fn routes(config: &mut web::ServiceConfig) {
        let refuse = async || {
            Err::<String, AuthRejection>(
                CustomRejection::new(keyward::http::StatusCode::CONFLICT, "FROZEN", "Frozen.").into(),
            )
        };
        config
            .route("/", web::get().to(async |caller: Authenticated| format!("{:?}", *caller)))
            .route("/notes", web::get().to(async |_: Scoped<NotesRead>| "notes"))
            .route("/notes", web::post().to(async |_: Scoped<NotesWrite>| "written"))
            .route("/accounts/{account}", web::get().to(async |_: OwnAccount| "yours"))
            .route("/own", web::get().to(refuse))
            .service(web::resource("/admin").wrap(Require::of::<NotesWrite>()).to(async || "admin"));
    }

    let mut statuses = Vec::new();
    for identity in identities() {
        let store = TestStore::new();
        let key = store.issue(identity.clone());
        let real = Auth::from(settings(Authenticator::builder(store)).build().unwrap());
        let real = init_service(actix_web::App::new().wrap(real).configure(routes)).await;
        let test = TestAuth::with(identity.clone(), settings);
        let test = init_service(actix_web::App::new().wrap(test).configure(routes)).await;
        for (method, path) in REQUESTS {
            let request = || {
                let request =
                    TestRequest::with_uri(path).method(method.parse().unwrap()).insert_header(("x-request-id", "same"));
                request.peer_addr(([192, 0, 2, 7], 49_152).into())
            };
            let expected = call_service(&real, request().insert_header(("authorization", key.bearer())).to_request());
            let expected = seen(expected.await).await;
            for request in [request(), request().insert_header(("authorization", "Bearer nonsense"))] {
                let got = seen(call_service(&test, request.to_request()).await).await;
                assert_eq!(got, expected, "{method} {path} of {identity:?}");
            }
            statuses.push(expected.0);
        }
    }
    for status in [200, 401, 403, 404, 409] {
        assert!(statuses.contains(&status), "no request was answered with {status}");
    }
}

async fn seen<B: actix_web::body::MessageBody>(response: actix_web::dev::ServiceResponse<B>) -> Seen {
    let text = |value: &actix_web::http::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let status = response.status().as_u16();
    let body: Bytes = read_body(response).await;
    compared(status, headers.into_iter(), &body)
}

#[tokio::test]
async fn limits_count_a_test_identity() {
    let limits = RateLimits::builder().limit("default", Each::Account, 2, Duration::from_secs(3_600)).build().unwrap();
    let app = Router::new().route("/", post(async || "done")).layer(RateLimitLayer::new(limits, "default"));
    let app = app.layer(TestAuthLayer::new(TestIdentity::account("acct_1")));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(answer(app.clone(), "POST", "/", None).await.0);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn a_key_expires_when_the_clock_is_moved() {
    let store = TestStore::new();
    let key = store.issue(TestIdentity::account("acct_1").expires_at("2026-03-01T13:00:00Z"));
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    let app = routes().layer(AuthLayer::from(Authenticator::builder(store).clock(clock.clone()).build().unwrap()));
    assert_eq!(answer(app.clone(), "GET", "/", Some(&key.bearer())).await.0, 200);
    clock.advance(Duration::from_secs(3_599));
    assert_eq!(answer(app.clone(), "GET", "/", Some(&key.bearer())).await.0, 200);
    clock.advance(Duration::from_secs(1));
    let (status, _, body) = answer(app, "GET", "/", Some(&key.bearer())).await;
    assert!(status == 401 && body.contains("API_KEY_EXPIRED"), "{status} {body}");
}

#[tokio::test]
async fn grpc_calls_carry_a_test_identity() {
    let inner = tower::service_fn(async |request: Request<()>| {
        let caller = request.extensions().get::<keyward::Identity>().unwrap().account().to_string();
        Ok::<_, std::convert::Infallible>(Response::new(caller))
    });
    let service = tower::ServiceBuilder::new()
        .layer(keyward::tonic::TestAuthLayer::new(TestIdentity::account("acct_1")))
        .service(inner);
    assert_eq!(service.oneshot(Request::post("/a/b").body(()).unwrap()).await.unwrap().body(), "acct_1");
}

/// So a service that uses them by mistake shows it.
#[test]
fn a_store_and_a_layer_for_tests_log_a_warning() {
    let (log, guard) = Log::of_this_thread(Level::INFO);
    let _ = TestStore::new();
    let _ = TestAuthLayer::new(TestIdentity::account("acct_1"));
    let _ = keyward::actix::TestAuth::new(TestIdentity::account("acct_2"));
    drop(guard);
    let log = log.text();
    let warnings = |text: &str| log.lines().filter(|line| line.contains("WARN") && line.contains(text)).count();
    assert_eq!(warnings("a TestStore is in use: anyone can compute its keys; use it in tests only"), 3, "{log}");
    assert_eq!(warnings("a test layer is in use: it lets every request in as this account; use it in tests only"), 2);
    assert_eq!((warnings("acct_1"), warnings("acct_2")), (1, 1), "{log}");
}

#[test]
fn no_published_program_and_no_example_turns_them_on() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // These define the features.
    let owners = ["actix", "axum", "keyward", "testing", "tonic"];
    let folders = ["crates", "examples"].into_iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut read = 0;
    for folder in folders.map(|entry| entry.unwrap().path()) {
        let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        if owners.iter().any(|owner| folder.ends_with(owner)) {
            continue;
        }
        read += 1;
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for feature in ["test-util", "conformance", "keyward-testing"] {
            assert!(!dependencies.contains(feature), "{} turns {feature} on", folder.display());
        }
    }
    assert!(read > 10, "{read}");
}
