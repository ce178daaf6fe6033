//! Refusals by handlers, tenants in paths, and the log of a misplaced layer.

use std::time::Duration;

use actix_web::{HttpResponse, test, web};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use keyward::axum::{AuthRejection, Authenticated, OwnAccount, Scoped};
use keyward::limits::{Each, MemoryPermits, RateLimitLayer, RateLimits, TaskPermits};
use keyward::render::CodedEnvelope;
use keyward::{AuthLayer, Authenticator, CustomRejection, Identity, RequestId, RequestIdLayer, RequireLayer};
use keyward_tests::log::Log;
use keyward_tests::service::{Demo, call, request};
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::Level;

keyward::scopes! { ResourcesRead = "resources:read"; }

/// Without plans, no task may run.
fn permits() -> TaskPermits {
    TaskPermits::new(MemoryPermits::new(), [("Plus", 1)])
}

async fn task(State(permits): State<TaskPermits>, caller: Authenticated) -> Result<StatusCode, AuthRejection> {
    let _permit = permits.acquire(&caller).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn frozen(_: Authenticated) -> Result<(), AuthRejection> {
    Err(CustomRejection::new(StatusCode::CONFLICT, "PROJECT_FROZEN", "The project is frozen."))?
}

fn coded(demo: &Demo) -> Authenticator {
    Authenticator::builder(demo.store.clone()).renderer(CodedEnvelope::new()).build().unwrap()
}

#[tokio::test]
async fn axum_handler_returns_rejections_in_the_configured_format() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let router = Router::new().route("/task", post(task)).route("/frozen", get(frozen)).with_state(permits());
    for (router, has_id) in [(router.clone(), false), (router.layer(RequestIdLayer::new()), true)] {
        let app = router.layer(AuthLayer::from(coded(&demo)));
        for (method, path, status, code) in
            [("POST", "/task", 429, "CONCURRENCY_LIMIT_EXCEEDED"), ("GET", "/frozen", 409, "PROJECT_FROZEN")]
        {
            let mut request = request(method, path, Some(&key));
            request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
            let response = app.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body: Value = serde_json::from_slice(&axum::body::to_bytes(body, 10_000).await.unwrap()).unwrap();
            assert_eq!((head.status.as_u16(), &body["error"]["code"]), (status, &json!(code)));
            assert_eq!(head.headers.contains_key("retry-after"), status == 429);
            assert_eq!(body["error"]["request_id"], head.headers["x-request-id"].to_str().unwrap());
            assert_eq!(head.headers["x-request-id"] == "mine", has_id);
        }
    }
}

#[tokio::test]
async fn rejection_without_a_layer_has_the_default_format() {
    let app = Router::new().route("/", get(async || Err::<(), AuthRejection>(keyward::Rejection::KeyRevoked.into())));
    let answer = call(&app, request("GET", "/", None)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "API_KEY_REVOKED".to_owned()));
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn request_id_is_an_extension_of_accepted_requests() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = Router::new()
        .route("/", get(async |id: axum::Extension<RequestId>| Json(id.to_string())))
        .layer(RequestIdLayer::new())
        .layer(AuthLayer::new(demo.store.clone()));
    let answer = call(&app, request("GET", "/", Some(&key))).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn axum_path_names_the_callers_account() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let notes = async |caller: OwnAccount, _: Scoped<ResourcesRead>| caller.account().to_string();
    let app = Router::new()
        .route("/accounts/{account}/notes", get(notes))
        .nest("/t/{account}", Router::new().route("/notes/{note}", get(async |_: OwnAccount| "note")))
        .route("/notes", get(async |_: OwnAccount| "unreachable"))
        .layer(AuthLayer::new(demo.store.clone()));
    for (path, status, code) in [
        ("/accounts/acct_1/notes", 200, ""),
        ("/accounts/acct%5F1/notes", 200, ""),
        ("/accounts/acct_2/notes", 403, "ACCOUNT_NOT_ALLOWED"),
        ("/accounts/ACCT_1/notes", 403, "ACCOUNT_NOT_ALLOWED"),
        ("/t/acct_1/notes/7", 200, ""),
        ("/t/acct_2/notes/7", 403, "ACCOUNT_NOT_ALLOWED"),
        ("/notes", 500, "INTERNAL_ERROR"),
    ] {
        let answer = call(&app, request("GET", path, Some(&key))).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        if status != 200 {
            assert_eq!(answer.code(), code, "{path}");
        }
    }
    assert_eq!(call(&app, request("GET", "/accounts/acct_1/notes", None)).await.status, 401);
}

#[tokio::test]
async fn misplaced_layers_log_their_cause() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let auth = || AuthLayer::new(demo.store.clone());
    let limits = || RateLimits::builder().limit("default", Each::Key, 1, Duration::from_secs(60)).build().unwrap();
    let router = || Router::new().route("/x", get(async |_: Authenticated| "x"));
    for (app, expected) in [
        (router(), "the handler asks for an identity, but no AuthLayer protects this route"),
        (router().layer(auth()).layer(RequireLayer::of::<ResourcesRead>()), "no AuthLayer is around this RequireLayer"),
        (
            router().layer(auth()).layer(RateLimitLayer::new(limits(), "default")),
            "no AuthLayer is around this RateLimitLayer",
        ),
    ] {
        let (log, guard) = Log::of_this_thread(Level::INFO);
        let answer = call(&app, request("GET", "/x", Some(&key))).await;
        drop(guard);
        let log = log.text();
        assert_eq!(answer.status, 500, "{log}");
        assert!(log.contains(expected), "{log}");
        assert_eq!(log.matches("no AuthLayer").count(), 1, "{log}");
        assert!(log.contains("method=GET path=\"/x\""), "{log}");
    }
}

#[tokio::test]
async fn the_log_line_of_a_refusal_has_the_code_and_the_id_that_its_caller_got() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = Router::new()
        .route("/frozen", get(frozen))
        .layer(RequestIdLayer::new())
        .layer(AuthLayer::new(demo.store.clone()));
    let (log, guard) = Log::of_this_thread(Level::DEBUG);
    for (key, code) in [(Some(key.as_str()), "PROJECT_FROZEN"), (None, "MISSING_API_KEY")] {
        let answer = call(&app, request("GET", "/frozen", key)).await;
        let (id, log) = (answer.header("x-request-id"), log.text());
        let has_both =
            |line: &str| line.contains(&format!("code=\"{code}\"")) && line.contains(&format!("request_id=\"{id}\""));
        assert_eq!(answer.code(), code);
        assert_eq!(log.lines().filter(|line| has_both(line)).count(), 1, "{log}");
    }
    drop(guard);
}

async fn actix_task(
    permits: web::Data<TaskPermits>,
    caller: keyward::actix::Authenticated,
) -> Result<HttpResponse, keyward::actix::AuthRejection> {
    let _permit = permits.acquire(&caller).await?;
    Ok(HttpResponse::Accepted().finish())
}

async fn actix_notes(caller: keyward::actix::OwnAccount) -> String {
    caller.account().to_string()
}

#[actix_web::test]
async fn actix_handler_returns_rejections_in_the_configured_format() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = actix_web::App::new()
        .app_data(web::Data::new(permits()))
        .route("/task", web::post().to(actix_task))
        .route("/accounts/{account}/notes", web::get().to(actix_notes))
        .route("/notes", web::get().to(actix_notes))
        .wrap(keyward::actix::Auth::from(coded(&demo)));
    let app = test::init_service(app).await;
    for (method, path, status, code) in [
        ("POST", "/task", 429, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("GET", "/accounts/acct_1/notes", 200, ""),
        ("GET", "/accounts/acct_2/notes", 403, "ACCOUNT_NOT_ALLOWED"),
        ("GET", "/notes", 500, "INTERNAL_ERROR"),
    ] {
        let request = test::TestRequest::with_uri(path)
            .method(method.parse().unwrap())
            .insert_header(("authorization", format!("Bearer {key}")))
            .insert_header(("x-request-id", "mine"))
            .to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        if status == 200 {
            continue;
        }
        assert_eq!(response.headers().contains_key("retry-after"), status == 429, "{path}");
        let body: Value = test::read_body_json(response).await;
        assert_eq!((&body["error"]["code"], &body["error"]["request_id"]), (&json!(code), &json!("mine")), "{path}");
    }
}

#[tokio::test]
async fn authenticated_is_built_in_tests() {
    let identity = Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap());
    let answer = task(State(permits()), Authenticated::from(identity.clone().with_plan("Plus"))).await.unwrap();
    assert_eq!(answer, StatusCode::ACCEPTED);
    assert!(actix_task(web::Data::new(permits()), identity.into()).await.is_err());
}
