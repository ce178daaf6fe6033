//! The promises of the layer.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{Behaviour, TestStore, account, eventually, warm};
use http::{Method, Request, Response, StatusCode};
use keyward_core::adapter::Event;
use keyward_core::render::{CodedEnvelope, NumericEnvelope};
use keyward_core::{Anonymous, AuthLayer, Authenticator, Identity, NewKey, RequireLayer, Requirement, Scope};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

#[derive(Clone)]
struct WhoAmI;

impl Service<Request<()>> for WhoAmI {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let extensions = request.extensions();
        let who = match (extensions.get::<Identity>(), extensions.get::<Anonymous>()) {
            (Some(identity), _) => identity.id().to_string(),
            (None, Some(Anonymous)) => "anonymous".to_owned(),
            (None, None) => "nobody".to_owned(),
        };
        ready(Ok(Response::new(who.into())))
    }
}

fn get(path: &str, field: &str) -> Request<()> {
    Request::get(path).header("authorization", field).body(()).unwrap()
}

async fn answer(
    service: impl Service<Request<()>, Response = Response<Bytes>, Error = Infallible>,
    request: Request<()>,
) -> (StatusCode, String) {
    let response = service.oneshot(request).await.unwrap();
    (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

#[tokio::test]
async fn a_key_is_admitted_and_refusals_state_the_reason() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let (revoked, revoked_id) = store.issue().await;
    store.keys.revoke(&revoked_id).await.unwrap();
    let service = AuthLayer::new(store).layer(WhoAmI);
    assert_eq!(answer(service.clone(), get("/", &field)).await, (StatusCode::OK, id.to_string()));

    for (field, status, challenge, code) in [
        (None, 401, r#"Bearer realm="api""#, "MISSING_API_KEY"),
        (Some("Basic abc"), 401, r#"Bearer realm="api""#, "MISSING_API_KEY"),
        (Some("Bearer nonsense"), 401, r#"Bearer realm="api", error="invalid_token""#, "INVALID_API_KEY"),
        (Some(revoked.as_str()), 401, r#"Bearer realm="api", error="invalid_token""#, "API_KEY_REVOKED"),
        (Some("Bearer \"quoted\""), 400, r#"Bearer realm="api", error="invalid_request""#, "INVALID_REQUEST"),
    ] {
        let mut request = Request::new(());
        if let Some(field) = field {
            request.headers_mut().insert("authorization", field.parse().unwrap());
        }
        request.headers_mut().insert("x-request-id", "req-42".parse().unwrap());
        let response = service.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        assert_eq!(response.status(), status, "{field:?}");
        assert_eq!(headers["www-authenticate"], challenge, "{field:?}");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(!headers.contains_key("vary"), "an answer that may not be stored needs no Vary");
        assert_eq!(headers["x-request-id"], "req-42");
        assert_eq!(headers["content-type"], "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            (&body["code"], &body["status"], &body["request_id"]),
            (&code.into(), &status.into(), &"req-42".into())
        );
    }
}

#[tokio::test]
async fn the_polled_service_is_the_one_that_is_called() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator = Authenticator::new(store);
    let (mut service, mut inner) =
        tower_test::mock::spawn_layer::<Request<()>, Response<Bytes>, _>(AuthLayer::from(authenticator.clone()));
    inner.allow(0);
    assert!(service.poll_ready().is_pending(), "the layer is ready before its inner service");

    // A miss, then a hit. The mock panics if a clone is called that was not polled ready.
    for _ in 0..2 {
        inner.allow(1);
        assert!(service.poll_ready().is_ready());
        let response = tokio::spawn(service.call(get("/", &field)));
        let (request, respond) = inner.next_request().await.unwrap();
        assert_eq!(*request.extensions().get::<Identity>().unwrap().id(), id);
        respond.send_response(Response::new(Bytes::from_static(b"in")));
        assert_eq!(response.await.unwrap().unwrap().status(), 200);
        warm(&authenticator, &field).await;
    }

    inner.allow(1);
    assert!(service.poll_ready().is_ready());
    let response = tokio::spawn(service.call(get("/", &field)));
    inner.next_request().await.unwrap().1.send_error("the inner service's own error");
    assert_eq!(response.await.unwrap().unwrap_err().to_string(), "the inner service's own error");
}

#[tokio::test]
async fn refused_requests_never_reach_the_inner_service() {
    let store = TestStore::new().await;
    let reached = service_fn(async |_: Request<()>| -> Result<Response<Bytes>, Infallible> { panic!("reached") });
    let authenticator = Authenticator::builder(store.clone()).store_timeout(Duration::from_secs(1)).build().unwrap();
    let (field, _) = store.issue().await;
    let service = AuthLayer::from(authenticator).layer(reached);
    for (behaviour, status) in [(Behaviour::Unavailable, 503), (Behaviour::Hang, 503), (Behaviour::Corrupt, 500)] {
        store.behave(behaviour);
        let response = service.clone().oneshot(get("/", &field)).await.unwrap();
        assert_eq!(response.status(), status, "{behaviour:?}");
        assert!(!response.headers().contains_key("www-authenticate"), "an outage was answered with a challenge");
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(retry.is_some_and(|seconds| (1..=3).contains(&seconds)), status == 503);
    }
}

#[tokio::test]
async fn exemption_needs_the_exact_path_and_method() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::builder(store).exempt(Method::GET, "/health").build().unwrap();
    let service = AuthLayer::from(authenticator).layer(WhoAmI);
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/health?verbose", 200),
        ("POST", "/health", 401),
        ("OPTIONS", "/health", 401),
        ("get", "/health", 401),
        ("GET", "//health", 401),
        ("GET", "/health/", 401),
        ("GET", "/./health", 401),
        ("GET", "/health/../v1", 401),
        ("GET", "/v1/../health", 401),
        ("GET", "/%68ealth", 401),
        ("GET", "/health%2F", 401),
        ("GET", "/health;x", 401),
        ("GET", "/HEALTH", 401),
        ("GET", "/healthz", 401),
        ("GET", "/health%00", 401),
        ("GET", "/", 401),
    ] {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        assert_eq!(answer(service.clone(), request).await.0, status, "{method} {path}");
    }
    // An exempt path ignores credentials.
    assert_eq!(answer(service, get("/health", "Bearer nonsense")).await, (StatusCode::OK, "anonymous".to_owned()));
}

#[tokio::test]
async fn optional_credential_is_checked_if_present() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator =
        Authenticator::builder(store.clone()).optional().store_timeout(Duration::from_secs(1)).build().unwrap();
    let service = AuthLayer::from(authenticator).layer(WhoAmI);
    assert_eq!(answer(service.clone(), Request::new(())).await, (StatusCode::OK, "anonymous".to_owned()));
    assert_eq!(answer(service.clone(), get("/", &field)).await, (StatusCode::OK, id.to_string()));
    for bad in ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer a, Bearer b"] {
        assert_ne!(answer(service.clone(), get("/", bad)).await.0, 200, "{bad:?}");
    }
    let (cold, _) = store.issue().await;
    for behaviour in [Behaviour::Unavailable, Behaviour::Hang, Behaviour::Corrupt] {
        store.behave(behaviour);
        assert!(answer(service.clone(), get("/", &cold)).await.0.is_server_error(), "{behaviour:?}");
    }
}

#[tokio::test]
async fn preflights_pass_only_if_enabled() {
    let store = TestStore::new().await;
    let preflight = || {
        Request::options("/")
            .header("origin", "https://example.com")
            .header("access-control-request-method", "POST")
            .body(())
            .unwrap()
    };
    let strict = AuthLayer::new(store.clone()).layer(WhoAmI);
    assert_eq!(answer(strict, preflight()).await.0, 401);
    let open = AuthLayer::from(Authenticator::builder(store).pass_preflight().build().unwrap()).layer(WhoAmI);
    assert_eq!(answer(open.clone(), preflight()).await, (StatusCode::OK, "anonymous".to_owned()));
    let mut without_origin = preflight();
    without_origin.headers_mut().remove("origin");
    assert_eq!(answer(open.clone(), without_origin).await.0, 401);
    let mut no_preflight = preflight();
    *no_preflight.method_mut() = Method::POST;
    assert_eq!(answer(open, no_preflight).await.0, 401);
}

#[tokio::test]
async fn no_header_and_no_extension_skips_authentication() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let forged = || Identity::api_key("forged".parse().unwrap(), "forged".parse().unwrap());
    let authenticator = Authenticator::builder(store.clone()).optional().build().unwrap();
    let optional = AuthLayer::from(authenticator).layer(WhoAmI);
    let mut request = Request::new(());
    request.extensions_mut().insert(forged());
    assert_eq!(answer(optional, request).await.1, "anonymous", "a forged identity got through");

    let service = AuthLayer::new(store).layer(WhoAmI);
    let mut request = get("/", &field);
    request.extensions_mut().insert(forged());
    request.extensions_mut().insert(Anonymous);
    assert_eq!(answer(service.clone(), request).await.1, id.to_string());
    for header in ["x-middleware-subrequest", "x-forwarded-user", "x-forwarded-uri", "proxy-authorization", "cookie"] {
        let mut request = Request::get("/").header(header, field.as_str()).body(()).unwrap();
        request.extensions_mut().insert(forged());
        request.extensions_mut().insert(Anonymous);
        assert_eq!(answer(service.clone(), request).await.0, 401, "{header}");
    }
}

#[tokio::test]
async fn a_publishable_key_only_reads() {
    let store = TestStore::new().await;
    let (field, _) = store.issue_new(NewKey::publishable(account(), "browser")).await;
    let service = AuthLayer::new(store).layer(WhoAmI);
    for (method, status) in
        [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 403), ("DELETE", 403), ("TRACE", 403), ("get", 403)]
    {
        let request = Request::builder()
            .method(method)
            .header("authorization", &field)
            .header("x-http-method-override", "GET")
            .body(())
            .unwrap();
        assert_eq!(answer(service.clone(), request).await.0, status, "{method}");
    }
}

#[tokio::test]
async fn a_key_stays_within_its_endpoints() {
    let store = TestStore::new().await;
    let endpoints = vec!["GET /v1/videos/*".parse().unwrap()];
    let (field, _) = store.issue_new(NewKey { endpoints, ..NewKey::secret(account(), "videos") }).await;
    let service = AuthLayer::new(store).layer(WhoAmI);
    for (path, status) in
        [("/v1/videos", 200), ("/v1/videos/1", 200), ("/v1/analytics", 403), ("/v1/videos/%2e%2e/analytics", 403)]
    {
        // A miss, then a hit.
        for _ in 0..3 {
            assert_eq!(answer(service.clone(), get(path, &field)).await.0, status, "{path}");
        }
    }
}

#[tokio::test]
async fn a_whole_service_can_require_scopes() {
    let store = TestStore::new().await;
    let (reader, _) = store.issue_new(NewKey::restricted(account(), "r", "jobs:read".parse().unwrap())).await;
    let (writer, _) = store.issue_new(NewKey::restricted(account(), "w", "jobs:*".parse().unwrap())).await;
    let require = RequireLayer::new(Requirement::all_of([Scope::from_static("jobs:write")]));
    let auth = Authenticator::builder(store).optional().realm("jobs").build().unwrap();
    let service = ServiceBuilder::new().layer(AuthLayer::from(auth)).layer(require.clone()).service(WhoAmI);
    assert_eq!(answer(service.clone(), get("/", &writer)).await.0, 200);
    let refused = service.clone().oneshot(get("/", &reader)).await.unwrap();
    assert_eq!(refused.status(), 403);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="jobs", error="insufficient_scope""#), "{challenge}");
    assert!(challenge.ends_with(r#"scope="jobs:write""#), "{challenge}");
    assert_eq!(answer(service, Request::new(())).await.0, 401, "anonymous has no scopes");
    assert_eq!(
        answer(require.layer(WhoAmI), get("/", &writer)).await.0,
        500,
        "without an AuthLayer every request is refused"
    );
}

#[tokio::test]
async fn head_is_refused_without_a_body() {
    let service = AuthLayer::new(TestStore::new().await).layer(WhoAmI);
    let response = service.oneshot(Request::head("/").body(()).unwrap()).await.unwrap();
    assert_eq!((response.status(), response.body().len()), (StatusCode::UNAUTHORIZED, 0));
}

#[tokio::test]
async fn no_shared_cache_keeps_authenticated_responses() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    for (cache_control, vary, expected_cache_control, expected_vary) in [
        (None, None, "private, no-store", vec![]),
        (None, Some("accept"), "private, no-store", vec!["accept"]),
        (Some("max-age=60"), None, "max-age=60", vec!["authorization"]),
        (Some("max-age=60"), Some("accept"), "max-age=60", vec!["accept", "authorization"]),
        (Some("max-age=60"), Some("accept, Authorization"), "max-age=60", vec!["accept, Authorization"]),
        (Some("max-age=60"), Some("*"), "max-age=60", vec!["*"]),
    ] {
        let inner = service_fn(move |_: Request<()>| {
            let mut response = Response::new(Bytes::new());
            for (name, value) in [("cache-control", cache_control), ("vary", vary)] {
                if let Some(value) = value {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
            }
            ready(Ok::<_, Infallible>(response))
        });
        let response = AuthLayer::new(store.clone()).layer(inner).oneshot(get("/", &field)).await.unwrap();
        assert_eq!(response.headers()["cache-control"], expected_cache_control);
        assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), expected_vary);

        let always = Authenticator::builder(store.clone()).vary_always().build().unwrap();
        let response = AuthLayer::from(always).layer(inner).oneshot(get("/", &field)).await.unwrap();
        let values: Vec<&str> =
            response.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        let named = values.join(", ").to_ascii_lowercase();
        assert!(named == "*" || named.matches("authorization").count() == 1, "{named}");
    }
}

#[tokio::test]
async fn an_answer_to_nobody_varies_because_a_cache_may_store_it() {
    let store = TestStore::new().await;
    let open = Authenticator::builder(store.clone()).optional().build().unwrap();
    let response = AuthLayer::from(open).layer(WhoAmI).oneshot(Request::new(())).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["vary"]), (200, &"authorization".parse().unwrap()));
    let always = Authenticator::builder(store).vary_always().build().unwrap();
    let refused = AuthLayer::from(always).layer(WhoAmI).oneshot(Request::new(())).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["vary"]), (401, &"authorization".parse().unwrap()));
}

#[tokio::test]
async fn a_renderer_changes_bodies_and_not_verdicts() {
    let store = TestStore::new().await;
    let coded = Authenticator::builder(store.clone())
        .renderer(CodedEnvelope::new().invalid_request_as_invalid_key())
        .build()
        .unwrap();
    let numeric = Authenticator::builder(store)
        .renderer(NumericEnvelope::new().unauthorized_message("Unauthorized: missing or invalid API key."))
        .build()
        .unwrap();
    let request =
        |field| Request::get("/").header("x-request-id", "req_1").header("authorization", field).body(()).unwrap();
    for (authenticator, field, status, body) in [
        (
            &coded,
            "Bearer x",
            401,
            r#"{"error":{"code":"INVALID_API_KEY","message":"The API key has the wrong format. Copy the whole key.","request_id":"req_1"}}"#,
        ),
        (
            &coded,
            "Bearer 'x'",
            401,
            r#"{"error":{"code":"INVALID_API_KEY","message":"The API key is enclosed in quotes or brackets. Send it without them: Authorization: Bearer YOUR_API_KEY","request_id":"req_1"}}"#,
        ),
        (&numeric, "Bearer x", 401, r#"{"error":{"code":401,"message":"Unauthorized: missing or invalid API key."}}"#),
        (
            &numeric,
            "Bearer 'x'",
            400,
            r#"{"error":{"code":400,"message":"The API key is enclosed in quotes or brackets. Send it without them: Authorization: Bearer YOUR_API_KEY"}}"#,
        ),
    ] {
        let service = AuthLayer::from(authenticator.clone()).layer(WhoAmI);
        assert_eq!(answer(service, request(field)).await, (StatusCode::from_u16(status).unwrap(), body.to_owned()));
    }
}

#[tokio::test]
async fn events_report_verdicts_without_keys() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let authenticator = Authenticator::builder(store)
        .on_event(move |event| log.lock().unwrap().push(format!("{event:?}")))
        .build()
        .unwrap();
    let service = AuthLayer::from(authenticator).layer(WhoAmI);
    answer(service.clone(), get("/", &field)).await;
    answer(service, get("/", &field[..field.len() - 1])).await;
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("Accepted") && seen[0].contains(id.as_str()), "{seen:?}");
    assert!(seen[1].starts_with("Refused { rejection: MalformedKey"), "{seen:?}");
    let secret = &field["Bearer kw_live_".len()..];
    assert!(!seen.iter().any(|event| event.contains(secret)));
    let _ = |event: &Event<'_>| matches!(event, Event::Accepted { .. });
}

#[tokio::test]
async fn invalid_settings_fail_at_build() {
    let store = TestStore::new().await;
    let builder = || Authenticator::builder(store.clone());
    for (builder, message) in [
        (
            builder().exempt(Method::GET, "health"),
            "invalid exempt path \"health\": expected a path that starts with '/' and has no '?', '#' or spaces",
        ),
        (
            builder().exempt(Method::GET, "/a?b"),
            "invalid exempt path \"/a?b\": expected a path that starts with '/' and has no '?', '#' or spaces",
        ),
        (builder().cache_capacity(0), "invalid cache_capacity: expected 1 to 100,000,000 keys"),
        (builder().store_timeout(Duration::ZERO), "invalid store_timeout: expected 1 ms to 60 s"),
        (builder().store_concurrency(0), "invalid store_concurrency: expected 1 to 100,000"),
        (builder().max_age(Duration::from_secs(100_000)), "invalid max_age: expected 1 ms to 24 h"),
        (builder().last_used_interval(Duration::ZERO), "invalid last_used_interval: expected 1 s to 24 h"),
        (builder().node_label(""), "invalid node_label: expected 1 to 32 visible ASCII characters"),
        (builder().node_label("a".repeat(33)), "invalid node_label: expected 1 to 32 visible ASCII characters"),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), message);
    }
}

#[tokio::test]
async fn node_is_registered_under_its_label_until_it_leaves() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::builder(store.clone()).node_label("web-1").build().unwrap();
    let node = authenticator.node().unwrap().clone();
    assert!(node.as_str().starts_with("web-1."));
    let registered = async || store.keys.nodes().await.unwrap().unwrap().nodes.iter().any(|state| state.node == node);
    eventually("the node is registered", registered).await;
    drop(authenticator);
    eventually("the node has left", async || !registered().await).await;
}

#[tokio::test]
async fn authorization_is_sensitive_for_inner_services() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::builder(store).exempt(Method::GET, "/open").optional().build().unwrap();
    // The inner service prints the headers, as a tracing layer does.
    let mut service = AuthLayer::from(authenticator).layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(Bytes::from(format!("{:?}", request.headers()))))
    }));
    let token = field.strip_prefix("Bearer ").unwrap();
    for (case, path, fields, expected) in [
        ("a cache miss", "/", &[&*field][..], 1),
        ("a hit", "/", &[&*field], 1),
        ("an exempt path", "/open", &[&*field], 1),
        ("an exempt path, and two fields", "/open", &[&*field, "Basic secret"], 2),
        ("no credential", "/", &[], 0),
    ] {
        let request = fields.iter().fold(Request::get(path), |request, field| request.header("authorization", *field));
        let response = service.ready().await.unwrap().call(request.body(()).unwrap()).await.unwrap();
        let printed = String::from_utf8(response.into_body().to_vec()).unwrap();
        assert_eq!(printed.matches("Sensitive").count(), expected, "{case}: {printed}");
        assert!(!printed.contains(token) && !printed.contains("secret"), "{case}: {printed}");
    }
}
