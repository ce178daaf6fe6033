//! Rejections of the application, request ids and exempt folders.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use common::{TestStore, account};
use http::{Method, Request, Response, StatusCode};
use keyward_core::adapter::{AuthenticatorBuilder, Event};
use keyward_core::render::{CodedEnvelope, NumericEnvelope, ProblemJson, Refusal, Render, Rendered};
use keyward_core::{
    AccountId, AuthLayer, Authenticator, CustomRejection, Identity, MemoryStore, NewKey, Rejection, RequestId,
    RequestIdLayer, RequireLayer,
};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

keyward_core::scopes! { JobsWrite = "jobs:write"; }

fn frozen() -> Rejection {
    let custom = CustomRejection::new(StatusCode::CONFLICT, "PROJECT_FROZEN", "The project is frozen.");
    custom.details(json!({"project": 7})).retry_after(Duration::from_millis(1_500)).into()
}

/// An inner service that returns a rejection without having looked at the request.
async fn refusing(_: Request<()>) -> Result<Response<Bytes>, Infallible> {
    Ok(Refusal::detached(frozen()).into_response())
}

fn get(path: &str, key: &str) -> Request<()> {
    Request::get(path).header("authorization", key).header("x-request-id", "mine").body(()).unwrap()
}

#[tokio::test]
async fn custom_rejections_have_the_configured_format() {
    let store = TestStore::new().await;
    let (key, _) = store.issue().await;
    let coded = |id: &str| json!({"error": {"code": "PROJECT_FROZEN", "message": "The project is frozen.", "request_id": id, "details": {"project": 7}}});
    let answers = async |renderer: Arc<dyn Render>| {
        let write = move |rejection: &Rejection, id: &RequestId| renderer.render(rejection, id);
        let authenticator = Authenticator::builder(store.clone()).renderer(write).build().unwrap();
        let service = ServiceBuilder::new().layer(AuthLayer::from(authenticator)).service_fn(refusing);
        let response = service.oneshot(get("/", &key)).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (409, &"2".parse().unwrap()));
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        (id, serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let (id, body) = answers(Arc::new(CodedEnvelope::new().invalid_request_as_invalid_key())).await;
    assert_eq!(body, coded(&id));
    let (id, body) = answers(Arc::new(ProblemJson)).await;
    assert_eq!((&body["code"], &body["request_id"]), (&json!("PROJECT_FROZEN"), &json!(id)));
    let (_, body) = answers(Arc::new(NumericEnvelope::new())).await;
    assert_eq!(body, json!({"error": {"code": 409, "message": "The project is frozen."}}));
}

#[test]
fn custom_statuses_are_errors_and_keep_their_code() {
    let of = |status| Rejection::from(CustomRejection::new(status, "MINE", "Mine."));
    assert_eq!(of(StatusCode::OK).status(), 500);
    assert!(of(StatusCode::UNAUTHORIZED).challenge("api").is_some());
    assert!(of(StatusCode::FORBIDDEN).challenge("api").is_none());
    let renderer = CodedEnvelope::new().invalid_request_as_invalid_key();
    let written =
        format!("{:?}", renderer.render(&of(StatusCode::BAD_REQUEST), &RequestId::of(&http::HeaderMap::new())));
    assert!(written.contains("400") && written.contains("MINE"), "{written}");
}

#[tokio::test]
async fn one_request_has_one_id_everywhere() {
    let store = TestStore::new().await;
    let (key, id) = store.issue().await;
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&events);
    let authenticator = Authenticator::builder(store)
        .on_event(move |event| match event {
            Event::KeyRefused { identity, .. } => log.lock().unwrap().push(identity.id().to_string()),
            Event::Refused { request_id, .. } => log.lock().unwrap().push(request_id.to_string()),
            _ => {}
        })
        .build()
        .unwrap();
    let inner = service_fn(async |request: Request<()>| {
        if request.uri().path() == "/frozen" {
            return refusing(request).await;
        }
        let in_extensions = request.extensions().get::<RequestId>().unwrap().to_string();
        assert_eq!(request.headers()["x-request-id"], *in_extensions);
        Ok(Response::new(Bytes::from(in_extensions)))
    });
    let service =
        ServiceBuilder::new().layer(AuthLayer::from(authenticator)).layer(RequestIdLayer::new()).service(inner);
    let accepted = service.clone().oneshot(get("/", &key)).await.unwrap();
    assert_eq!((&accepted.headers()["x-request-id"], &accepted.body()[..]), (&"mine".parse().unwrap(), &b"mine"[..]));
    let without = Request::get("/").header("authorization", &key).body(()).unwrap();
    let made = service.clone().oneshot(without).await.unwrap();
    assert_eq!(made.headers()["x-request-id"].as_bytes(), &made.body()[..]);
    assert!(made.body().starts_with(b"req_"));

    let refused = service.clone().oneshot(get("/frozen", &key)).await.unwrap();
    let body: Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!((&refused.headers()["x-request-id"], &body["request_id"]), (&"mine".parse().unwrap(), &json!("mine")));
    assert_eq!(*events.lock().unwrap(), [id.to_string(), "mine".to_owned()]);
    let mut head = get("/frozen", &key);
    *head.method_mut() = Method::HEAD;
    assert!(service.oneshot(head).await.unwrap().body().is_empty());
}

#[tokio::test]
async fn exempt_folders_cover_unambiguous_reads_below() {
    let authenticator =
        Authenticator::builder(TestStore::new().await).exempt_get("/health").exempt_under("/docs/").build().unwrap();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let service = ServiceBuilder::new().layer(AuthLayer::from(authenticator)).service(inner);
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/health/", 401),
        ("GET", "/docs/", 200),
        ("HEAD", "/docs/a", 200),
        ("GET", "/docs/a/b.css?v=1", 200),
        ("GET", "/docs", 401),
        ("GET", "/docs2/a", 401),
        ("GET", "/Docs/a", 401),
        ("POST", "/docs/a", 401),
        ("GET", "/docs//a", 401),
        ("GET", "/docs/../admin", 401),
        ("GET", "/docs/%2e%2e/admin", 401),
        ("GET", "/docs/..%2fadmin", 401),
        ("GET", "/docs/;/admin", 401),
        ("GET", "/docs/%61", 401),
    ] {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn exempt_patterns_fail_at_build() {
    let message = |set: fn(AuthenticatorBuilder) -> AuthenticatorBuilder| {
        set(Authenticator::builder(MemoryStore::new())).build().unwrap_err().to_string()
    };
    for (text, path) in [
        (message(|builder| builder.exempt(Method::GET, "/docs/*")), "/docs/*"),
        (message(|builder| builder.exempt_get("/docs/{page}")), "/docs/{page}"),
        (message(|builder| builder.exempt_under("/docs/*")), "/docs/*"),
    ] {
        let expected = format!(
            "invalid exempt path {path:?}: exempt compares whole paths and knows no patterns; use exempt_under(\"/docs/\")"
        );
        assert_eq!(text, expected);
    }
    for (text, path) in [
        (message(|builder| builder.exempt_under("/docs")), "/docs"),
        (message(|builder| builder.exempt_under("/")), "/"),
        (message(|builder| builder.exempt_under("/a//")), "/a//"),
    ] {
        assert!(text.starts_with(&format!("invalid exempt folder {path:?}: expected an unambiguous path")), "{text}");
    }
}

#[tokio::test]
async fn guards_and_scope_types_are_layers() {
    let store = TestStore::new().await;
    let (reader, _) = store.issue_new(NewKey::restricted(account(), "r", "jobs:read".parse().unwrap())).await;
    let (writer, _) = store.issue_new(NewKey::restricted(account(), "w", "jobs:*".parse().unwrap())).await;
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let service =
        ServiceBuilder::new().layer(AuthLayer::new(store)).layer(RequireLayer::of::<JobsWrite>()).service(inner);
    for (key, status) in [(reader, 403), (writer, 200)] {
        assert_eq!(service.clone().oneshot(get("/", &key)).await.unwrap().status(), status);
    }
}

#[test]
fn ids_equal_their_texts() {
    let caller = Identity::api_key("key_1".parse().unwrap(), account());
    assert!(*caller.account() == *"acct_1" && *caller.id() == "key_1");
    assert_ne!("acct_2".parse::<AccountId>().unwrap(), "acct_1");
    let other = caller.require_account("acct_2").unwrap_err();
    assert_eq!((other.code(), other.reason()), ("ACCOUNT_NOT_ALLOWED", "account_not_allowed"));
}

#[tokio::test]
async fn a_closure_writes_refusals() {
    let plain =
        |rejection: &Rejection, _: &RequestId| Rendered::new(rejection.status(), "text/plain", rejection.code());
    let authenticator = Authenticator::builder(MemoryStore::new()).renderer(plain).build().unwrap();
    let service = ServiceBuilder::new().layer(AuthLayer::from(authenticator)).service_fn(refusing);
    assert_eq!(service.oneshot(Request::new(())).await.unwrap().into_body(), "MISSING_API_KEY");
}
