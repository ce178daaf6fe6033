//! The span of a request names the caller and the outcome.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::Method;
use keyward::axum::AuthLayer;
use keyward::{Authenticator, NewKey, RequireLayer, Requirement, Scope};
use keyward_tests::log::Log;
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use tracing::{Level, Span, info_span};

use keyward_tests::service::{Demo, call, request};

#[tokio::test]
async fn spans_of_requests_have_the_caller_and_the_outcome() {
    // At this level, the read of the store has a span of its own inside that of the request.
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    let demo = Demo::new().await;
    let full = demo.full_key().await;
    let limited = demo.restricted_key("things:read").await;
    let authenticator =
        Authenticator::builder(demo.store.clone()).on_event(|event| event.record_in_span()).build().unwrap();
    let span =
        |_: &Request| info_span!("request", keyward.key_id = Empty, keyward.account = Empty, keyward.outcome = Empty);
    let answered = |_: &Response, _: Duration, _: &Span| tracing::info!("answered");
    let app = Router::new()
        .route(
            "/write",
            get(async || "in")
                .route_layer(RequireLayer::new(Requirement::all_of([Scope::from_static("things:write")]))),
        )
        .route("/", get(async || "in"))
        .layer(AuthLayer::from(authenticator))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(answered));
    let account = demo.account.to_string();
    for (what, key, path, outcome) in [
        ("a cold key", Some(&full), "/", "accepted"),
        ("a warm key", Some(&full), "/", "accepted"),
        ("a refused key", Some(&limited), "/write", "INSUFFICIENT_SCOPE"),
        ("a forged key", Some(&"kw_live_forged".to_owned()), "/", "INVALID_API_KEY"),
        ("no key", None, "/", "MISSING_API_KEY"),
    ] {
        let before = log.text().len();
        call(&app, request(Method::GET.as_str(), path, key.map(String::as_str))).await;
        let text = log.text().split_off(before);
        let line = text.lines().find(|line| line.contains("answered")).unwrap();
        assert!(line.contains(&format!("keyward.outcome=\"{outcome}\"")), "{what}: {line}");
        let is_known = key.is_some() && outcome != "INVALID_API_KEY";
        assert_eq!(line.contains(&format!("keyward.account={account}")), is_known, "{what}: {line}");
        // A text cannot lose a value, so the outcome `accepted` stays before the refusal of a guard.
        for (field, times) in [("keyward.key_id=", 1), ("keyward.account=", 1)] {
            assert_eq!(line.matches(field).count(), if is_known { times } else { 0 }, "{what}: {line}");
        }
        let last = line.rsplit("keyward.outcome=").next().unwrap();
        assert!(last.starts_with(&format!("\"{outcome}\"")), "{what}: {line}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_logged_with_the_fix() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let demo = Demo::new().await;
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let new = NewKey { networks, ..NewKey::secret(demo.account.clone(), "office") };
    let issued = demo.keys.issue(new).await.unwrap();
    let key = issued.key.expose_once();
    let app = Router::new().route("/", get(async || "in")).layer(AuthLayer::new(demo.store.clone()));
    let refused = call(&app, request(Method::GET.as_str(), "/", Some(&key))).await;
    assert_eq!(refused.status, 403);
    let log = log.text();
    for part in ["the client's address is unknown", "into_make_service_with_connect_info", issued.record.id.as_str()] {
        assert!(log.contains(part), "{log}");
    }
    assert!(!log.contains(&*key));
}
