//! The span of a request names the caller and the outcome.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::Method;
use keyward::axum::AuthLayer;
use keyward::{Authenticator, RequireLayer, Requirement, Scope};
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
        assert_eq!(line.contains("keyward.key_id="), is_known, "{what}: {line}");
    }
}
