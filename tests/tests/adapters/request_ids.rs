//! One id for each request, whatever the order of the layers.

use actix_web::middleware::from_fn;
use actix_web::{test, web};
use axum::Router;
use axum::routing::get;
use keyward::axum::{AuthRejection, RequestId, Scoped};
use keyward::{AuthLayer, CustomRejection, RequestIdLayer};
use keyward_tests::log::Log;
use keyward_tests::service::{Demo, call, request};
use serde_json::{Value, json};
use tracing::Level;

keyward::scopes! { AdminAccess = "admin:access"; }

fn conflict(id: impl std::fmt::Display) -> CustomRejection {
    CustomRejection::new(http::StatusCode::CONFLICT, "FROZEN", format!("seen {id}"))
}

async fn frozen(id: RequestId) -> Result<(), AuthRejection> {
    tokio::task::yield_now().await;
    Err(conflict(id))?
}

fn routes() -> Router {
    Router::new()
        .route("/", get(async |id: RequestId| id.to_string()))
        .route("/admin", get(async |_: Scoped<AdminAccess>| "admin"))
        .route("/frozen", get(frozen))
}

#[tokio::test]
async fn one_id_holds_in_every_order_of_the_layers() {
    let demo = Demo::new().await;
    let key = demo.restricted_key("resources:read").await;
    let (auth, ids) = (|| AuthLayer::new(demo.store.clone()), RequestIdLayer::new);
    for (order, app) in [
        ("inside", routes().layer(ids()).layer(auth())),
        ("outside", routes().layer(auth()).layer(ids())),
        ("both", routes().layer(ids()).layer(auth()).layer(ids())),
        ("twice inside", routes().layer(ids()).layer(ids()).layer(auth())),
    ] {
        for (sent, path, key, status) in [
            (Some("mine"), "/", Some(&key), 200),
            (None, "/", Some(&key), 200),
            (Some("not valid!"), "/", Some(&key), 200),
            (Some("mine"), "/", None, 401),
            (None, "/", None, 401),
            (Some("not valid!"), "/", None, 401),
            (Some("mine"), "/admin", Some(&key), 403),
            (None, "/admin", Some(&key), 403),
            (Some("mine"), "/frozen", Some(&key), 409),
            (None, "/frozen", Some(&key), 409),
        ] {
            let mut request = request("GET", path, key.map(String::as_str));
            if let Some(sent) = sent {
                request.headers_mut().insert("x-request-id", sent.parse().unwrap());
            }
            let (log, guard) = Log::of_this_thread(Level::DEBUG);
            let answer = call(&app, request).await;
            drop(guard);
            let (log, case) = (log.text(), format!("{order}: {path} with {sent:?}"));
            assert_eq!(answer.status.as_u16(), status, "{case}");
            let id = answer.header("x-request-id");
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1, "{case}");
            assert_eq!(id == "mine", sent == Some("mine"), "{case}");
            if status == 200 {
                assert_eq!(answer.body, id.as_bytes(), "{case}");
                continue;
            }
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["request_id"], id, "{case}");
            assert!(status != 409 || body["detail"] == format!("seen {id}"), "{case}: {body}");
            assert_eq!(log.matches("request_id=").count(), 1, "{case}: {log}");
            assert!(log.contains(&format!("request_id=\"{id}\"")), "{case}: {log}");
        }
    }
}

#[tokio::test]
async fn without_an_auth_layer_a_handlers_refusal_has_the_requests_id() {
    let app = routes().layer(RequestIdLayer::new());
    let answer = call(&app, request("GET", "/frozen", None)).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status.as_u16(), &body["request_id"]), (409, &json!(answer.header("x-request-id"))));
}

#[tokio::test]
async fn without_the_layer_the_extractor_answers_500_in_the_services_format() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let app = routes().layer(AuthLayer::new(demo.store.clone()));
    let (log, guard) = Log::of_this_thread(Level::DEBUG);
    let answer = call(&app, request("GET", "/", Some(&key))).await;
    drop(guard);
    assert_eq!((answer.status.as_u16(), answer.code()), (500, "INTERNAL_ERROR".to_owned()));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let log = log.text();
    assert!(log.contains("add .layer(RequestIdLayer::new()) before the AuthLayer"), "{log}");
    assert!(log.contains("method=GET path=\"/\""), "{log}");
}

async fn actix_frozen(id: keyward::actix::RequestId) -> Result<String, keyward::actix::AuthRejection> {
    Err(conflict(id))?
}

#[actix_web::test]
async fn one_id_holds_in_every_order_of_actix_middlewares() {
    let demo = Demo::new().await;
    let key = demo.restricted_key("resources:read").await;
    let auth = || keyward::actix::Auth::new(demo.store.clone());
    let admin = async |_: keyward::actix::Scoped<AdminAccess>| "admin";
    let app = || {
        actix_web::App::new()
            .route("/", web::get().to(async |id: keyward::actix::RequestId| id.to_string()))
            .route("/admin", web::get().to(admin))
            .route("/frozen", web::get().to(actix_frozen))
    };
    macro_rules! call {
        ($app:expr, $request:expr) => {
            test::call_service(&test::init_service($app).await, $request).await.map_into_boxed_body()
        };
    }
    let call = async |order: usize, request: test::TestRequest| {
        let request = request.to_request();
        let response = match order {
            0 => call!(app().wrap(from_fn(keyward::actix::request_id)).wrap(auth()), request),
            1 => call!(app().wrap(auth()).wrap(from_fn(keyward::actix::request_id)), request),
            2 => {
                let inside = app().wrap(from_fn(keyward::actix::request_id)).wrap(auth());
                call!(inside.wrap(from_fn(keyward::actix::request_id)), request)
            }
            _ => call!(app().wrap(auth()), request),
        };
        let (status, id) = (response.status().as_u16(), response.headers().get("x-request-id").cloned());
        (status, id.map(|id| id.to_str().unwrap().to_owned()), test::read_body(response).await)
    };
    for order in 0..3 {
        for (sent, path, has_key, status) in [
            (Some("mine"), "/", true, 200),
            (None, "/", true, 200),
            (Some("mine"), "/admin", true, 403),
            (None, "/admin", true, 403),
            (Some("mine"), "/frozen", true, 409),
            (None, "/frozen", true, 409),
            (None, "/", false, 401),
        ] {
            let mut request = test::TestRequest::with_uri(path);
            if has_key {
                request = request.insert_header(("authorization", format!("Bearer {key}")));
            }
            if let Some(sent) = sent {
                request = request.insert_header(("x-request-id", sent));
            }
            let (found, id, body) = call(order, request).await;
            // Inside of Auth, the middleware does not run for Auth's own refusals.
            let id = id.unwrap();
            let case = format!("{order}: {path} with {sent:?}: {body:?}");
            assert_eq!((found, id == "mine"), (status, sent.is_some()), "{case}");
            if status == 200 {
                assert_eq!(body, id.as_bytes(), "{case}");
                continue;
            }
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["request_id"], id, "{case}");
            assert!(status != 409 || body["detail"] == format!("seen {id}"), "{case}");
        }
    }
    let (log, guard) = Log::of_this_thread(Level::DEBUG);
    let request = test::TestRequest::with_uri("/").insert_header(("authorization", format!("Bearer {key}")));
    let (status, _, body) = call(3, request).await;
    drop(guard);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["code"]), (500, &json!("INTERNAL_ERROR")));
    assert!(log.text().contains("add .wrap(from_fn(request_id)) after Auth"));
}
