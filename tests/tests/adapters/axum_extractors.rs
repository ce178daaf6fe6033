use std::time::{Duration, Instant};

use axum::routing::{get, post};
use axum::{Json, Router};
use http::Method;
use keyward::axum::{AllOf, AnyOf, Authenticated, Scoped};
use keyward::render::CodedEnvelope;
use keyward::store::KeyStore;
use keyward::{AuthLayer, Authenticator, NewKey, RequireLayer, Requirement, Scope};
use keyward_tests::log::Log;
use keyward_tests::service::{Answer, Broken, Demo, call, request};
use serde_json::{Value, json};
use tracing::Level;

keyward::axum::scopes! {
    ResourcesRead = "resources:read";
    ResourcesWrite = "resources:write";
}

fn router() -> Router {
    Router::new()
        .route("/", get(async |caller: Authenticated| Json(json!({"account": caller.account().as_str()}))))
        .route("/optional", get(greet))
        .route("/read", get(async |_: Scoped<ResourcesRead>| "read"))
        .route("/write", post(async |_: Scoped<ResourcesWrite>, Json(_): Json<u32>| "written"))
        .route("/both", get(async |_: Scoped<AllOf<(ResourcesRead, ResourcesWrite)>>| "both"))
        .route("/either", get(async |_: Scoped<AnyOf<(ResourcesRead, ResourcesWrite)>>| "either"))
}

async fn greet(caller: Option<Authenticated>) -> String {
    caller.map_or("nobody".to_owned(), |caller| caller.into_inner().account().to_string())
}

fn app(store: impl KeyStore) -> Router {
    router().layer(AuthLayer::new(store))
}

/// All but the length, with random values replaced.
fn headers(answer: &Answer) -> Vec<String> {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != http::header::CONTENT_LENGTH)
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let value = if value.starts_with("req_") && value.len() == 20 { "req_…" } else { value };
            format!("{name}: {value}")
        })
        .collect();
    headers.sort_unstable();
    headers
}

#[tokio::test]
async fn the_headers_of_200_401_and_403_are_these_and_no_others() {
    let demo = Demo::new().await;
    let app = app(demo.store.clone());
    let reader = demo.restricted_key("resources:read").await;
    let refused = |challenge: &'static [&'static str]| {
        let mut headers = vec![
            "cache-control: no-store".to_owned(),
            "content-type: application/problem+json".to_owned(),
            "x-request-id: req_…".to_owned(),
        ];
        headers.extend(challenge.iter().map(|challenge| format!("www-authenticate: {challenge}")));
        headers.sort_unstable();
        headers
    };

    let accepted = call(&app, request("GET", "/", Some(&reader))).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body[..]), (200, br#"{"account":"acct_1"}"#.as_slice()));
    let expected = ["cache-control: private, no-store", "content-type: application/json"];
    assert_eq!(headers(&accepted), expected);

    let nobody = call(&app, request("GET", "/", None)).await;
    assert_eq!((nobody.status.as_u16(), nobody.code()), (401, "MISSING_API_KEY".to_owned()));
    assert_eq!(headers(&nobody), refused(&[r#"Bearer realm="api""#]));

    let forbidden = call(&app, request("POST", "/write", Some(&reader))).await;
    assert_eq!((forbidden.status.as_u16(), forbidden.code()), (403, "INSUFFICIENT_SCOPE".to_owned()));
    assert_eq!(
        headers(&forbidden),
        refused(&[r#"Bearer realm="api", error="insufficient_scope", scope="resources:write""#])
    );
    let body: Value = serde_json::from_slice(&forbidden.body).unwrap();
    assert_eq!(body["detail"], "The API key lacks a required scope. Use a key with the scope resources:write.");
    assert_eq!(body["request_id"], forbidden.header("x-request-id"));
}

#[tokio::test]
async fn a_handler_gets_a_caller_with_the_scopes_that_it_names() {
    let demo = Demo::new().await;
    let app = app(demo.store.clone());
    for (scopes, read, both, either) in [
        ("resources:read", 200, 403, 200),
        ("resources:write", 403, 403, 200),
        ("resources:read resources:write", 200, 200, 200),
        ("resources:*", 200, 200, 200),
        ("*", 200, 200, 200),
        ("jobs:read", 403, 403, 403),
    ] {
        let key = demo.restricted_key(scopes).await;
        for (path, status) in [("/read", read), ("/both", both), ("/either", either)] {
            assert_eq!(call(&app, request("GET", path, Some(&key))).await.status, status, "{scopes} on {path}");
        }
    }
}

#[tokio::test]
async fn missing_scope_is_refused_before_the_body_is_read() {
    let demo = Demo::new().await;
    let app = app(demo.store.clone());
    let (reader, writer) = (demo.restricted_key("resources:read").await, demo.restricted_key("resources:write").await);
    for (what, key, kind, body, status) in [
        ("no key, bad body", None, "application/json", "nonsense", 401),
        ("no scope, bad body", Some(&reader), "application/json", "\"text\"", 403),
        ("no scope, no JSON", Some(&reader), "text/plain", "1", 403),
        ("scope, bad body", Some(&writer), "application/json", "\"text\"", 422),
        ("scope, no JSON", Some(&writer), "text/plain", "1", 415),
        ("scope, good body", Some(&writer), "application/json", "1", 200),
    ] {
        let mut request = request("POST", "/write", key.map(String::as_str)).map(|_| body.into());
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        assert_eq!(call(&app, request).await.status, status, "{what}");
    }
}

#[tokio::test]
async fn an_extractors_refusal_is_written_in_the_layers_format() {
    let demo = Demo::new().await;
    let auth =
        Authenticator::builder(demo.store.clone()).renderer(CodedEnvelope::new()).realm("example").build().unwrap();
    let app = router().layer(AuthLayer::from(auth));
    let refused = call(&app, request("GET", "/both", Some(&demo.restricted_key("resources:read").await))).await;
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(refused.status, 403);
    assert_eq!(body["error"]["code"], "INSUFFICIENT_SCOPE");
    assert!(refused.header("www-authenticate").starts_with(r#"Bearer realm="example""#));
    assert!(refused.header("www-authenticate").ends_with(r#"scope="resources:read resources:write""#));
}

#[tokio::test]
async fn missing_layer_gives_500_and_a_reason_in_the_log() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let requirement = RequireLayer::new(Requirement::all_of([Scope::from_static("a:b")]));
    let app = router().nest("/layered", Router::new().route("/x", get(async || "in")).layer(requirement));
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/optional"),
        ("GET", "/read"),
        ("GET", "/both"),
        ("GET", "/either"),
        ("POST", "/write"),
        ("GET", "/layered/x"),
    ] {
        for key in [None, Some(key.as_str())] {
            let (log, guard) = Log::of_this_thread(Level::INFO);
            let answer = call(&app, request(method, path, key)).await;
            drop(guard);
            assert_eq!((answer.status.as_u16(), answer.code()), (500, "INTERNAL_ERROR".to_owned()), "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), "", "{method} {path}");
            let log = log.text();
            assert!(log.contains("ERROR") && log.contains("no AuthLayer"), "{method} {path} logged: {log:?}");
        }
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let demo = Demo::new().await;
    let app = app(demo.store.clone());
    let reader = demo.restricted_key("resources:read").await;
    for (path, key, status) in [("/", None, 401), ("/", Some(&*reader), 200), ("/both", Some(&*reader), 403)] {
        let (get, head) = (call(&app, request("GET", path, key)).await, call(&app, request("HEAD", path, key)).await);
        assert_eq!((get.status.as_u16(), head.status.as_u16()), (status, status), "{path}");
        assert!(!get.body.is_empty() && head.body.is_empty(), "{path}");
        assert_eq!(get.header("www-authenticate"), head.header("www-authenticate"), "{path}");
        assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
        // RFC 9110 section 8.6: HEAD has the length that GET would have, or none.
        assert!(["", get.header("content-length")].contains(&head.header("content-length")), "{path}: {head:?}");
    }
}

#[tokio::test]
async fn only_a_request_without_a_credential_is_anonymous() {
    let demo = Demo::new().await;
    let optional = |store: Box<dyn Fn() -> Authenticator>| router().layer(AuthLayer::from(store()));
    let store = demo.store.clone();
    let sound = optional(Box::new(move || Authenticator::builder(store.clone()).optional().build().unwrap()));
    let key = demo.full_key().await;
    let mut changed = key.clone();
    changed.replace_range(10..11, if &key[10..11] == "x" { "y" } else { "x" });
    let revoked = demo.keys.issue(NewKey::secret(demo.account.clone(), "revoked")).await.unwrap();
    demo.keys.revoke(&revoked.record.id).await.unwrap();
    let revoked = revoked.key.expose_once();
    for (what, field, status, body) in [
        ("no field", None, 200, Some("nobody")),
        ("a good key", Some(format!("Bearer {key}")), 200, Some("acct_1")),
        ("an empty field", Some(String::new()), 401, None),
        ("another scheme", Some("Basic dXNlcjpwYXNz".to_owned()), 401, None),
        ("a changed key", Some(format!("Bearer {changed}")), 401, None),
        ("a revoked key", Some(format!("Bearer {}", *revoked)), 401, None),
        ("a quoted key", Some(format!("Bearer \"{key}\"")), 400, None),
    ] {
        let mut request = request("GET", "/optional", None);
        if let Some(field) = field {
            request.headers_mut().insert("authorization", field.parse().unwrap());
        }
        let answer = call(&sound, request).await;
        assert_eq!(answer.status, status, "{what}");
        assert!(body.is_none_or(|body| answer.body == body), "{what}: {:?}", answer.body);
    }
    assert_eq!(
        call(&sound, request("GET", "/", None)).await.status,
        401,
        "a handler that requires a caller accepted an anonymous one"
    );
    assert_eq!(
        call(&sound, request("GET", "/read", None)).await.status,
        401,
        "a handler that requires a scope accepted an anonymous caller"
    );

    for (broken, status) in [(Broken::Unavailable, 503), (Broken::Hangs, 503), (Broken::Corrupt, 500)] {
        let app = optional(Box::new(move || Authenticator::builder(broken).optional().build().unwrap()));
        assert_eq!(call(&app, request("GET", "/optional", Some(&key))).await.status, status, "{broken:?}");
    }
}

#[tokio::test]
async fn a_store_without_an_answer_is_an_outage_and_no_denial() {
    let key = Demo::new().await.full_key().await;
    for (broken, status, code, retry) in [
        (Broken::Unavailable, 503, "SERVICE_UNAVAILABLE", true),
        (Broken::Hangs, 503, "SERVICE_UNAVAILABLE", true),
        (Broken::Corrupt, 500, "INTERNAL_ERROR", false),
    ] {
        let started = Instant::now();
        let answer = call(&app(broken), request("GET", "/", Some(&key))).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code.to_owned()), "{broken:?}");
        assert_eq!(answer.header("www-authenticate"), "", "{broken:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{broken:?}");
        let seconds: Option<u64> = answer.header("retry-after").parse().ok();
        assert_eq!(seconds.is_some_and(|seconds| (1..=3).contains(&seconds)), retry, "{broken:?}");
        // The timeout is 250 ms; allow more on a busy machine.
        assert!(started.elapsed() < Duration::from_secs(30), "{broken:?} took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn exempt_path_is_open_unless_the_handler_needs_a_caller() {
    let demo = Demo::new().await;
    let auth = Authenticator::builder(demo.store.clone())
        .exempt(Method::GET, "/optional")
        .exempt(Method::GET, "/")
        .build()
        .unwrap();
    let app = router().layer(AuthLayer::from(auth));
    assert_eq!(call(&app, request("GET", "/optional", None)).await.body, "nobody");
    assert_eq!(
        call(&app, request("GET", "/", None)).await.status,
        401,
        "a handler that requires a caller accepted an anonymous one"
    );
    // A credential on an exempt path is ignored, even a malformed one.
    assert_eq!(call(&app, request("GET", "/optional", Some("nonsense"))).await.body, "nobody");
}
