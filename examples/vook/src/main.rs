//! vook: a video service with keys that are confined to endpoints. Run it with `SEED_DEMO=1 cargo run -p vook`.
//!
//! | request | needs |
//! | --- | --- |
//! | `GET /v1/` | a key |
//! | `GET /v1/videos`, `GET /v1/videos/{id}`, `POST /v1/videos` with `{"title":"…"}` | a key that is not confined to other endpoints |
//! | `GET /v1/analytics` | a key of an account with the feature `analytics` |
//!
//! Every invalid key gets the same message, with 401. The log has the reason.
//!
//! Choices where vook's page is silent:
//! - A malformed credential (several headers, a comma) also gets 401.
//! - Keys have no mode in their prefix, because each environment has separate keys.
//! - Every error has the same envelope.

mod demo;
mod videos;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use example_support::{Announcement, Environment};
use keyward::axum::{AuthLayer, Authenticated, Guarded};
use keyward::key::{KeyFormat, KeyKind};
use keyward::policy::{Feature, Policy};
use keyward::render::NumericEnvelope;
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{Authenticator, Guard, Identity, Keys, Mode, Rejection, TrustedProxies};
use serde_json::{Value, json};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::videos::Videos;

/// `vook_`, then 32 characters.
fn format() -> Result<KeyFormat, keyward::key::FormatError> {
    KeyFormat::builder().prefix("vook", KeyKind::Secret).implicit_mode(Mode::Live).build()
}

struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": {"code": self.0.as_u16(), "message": self.1}}))).into_response()
    }
}

struct Analytics;

impl Guard for Analytics {
    fn check(identity: &Identity) -> Result<(), Rejection> {
        Feature::named("analytics").check(identity)
    }
}

fn app(auth: AuthLayer, videos: Videos) -> Router {
    Router::new()
        .route("/v1/", get(welcome))
        .route("/v1/videos", get(videos::list).post(videos::create))
        .route("/v1/videos/{id}", get(videos::show))
        .route("/v1/analytics", get(analytics))
        .with_state(videos)
        .fallback(async || Refused(StatusCode::NOT_FOUND, "There is no such endpoint."))
        .method_not_allowed_fallback(async || {
            Refused(StatusCode::METHOD_NOT_ALLOWED, "This endpoint does not support the method.")
        })
        .layer(auth)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
        .layer(TraceLayer::new_for_http())
}

async fn welcome(caller: Authenticated) -> Json<Value> {
    Json(json!({"service": "vook", "account": caller.account()}))
}

async fn analytics(caller: Guarded<Analytics>, videos: axum::extract::State<Videos>) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({"videos": videos.count(caller.account())?})))
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let videos = Videos::open(store.path())?;
    let authenticator = Authenticator::builder(store.clone())
        .format(format()?)
        .trusted_proxies(TrustedProxies::new(environment.trust_proxy.iter().copied()))
        .renderer(
            NumericEnvelope::new()
                .invalid_request_as_invalid_key()
                .unauthorized_message("Unauthorized: missing or invalid API key."),
        )
        .build()?;
    let app = app(authenticator.clone().into(), videos.clone());

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        demo::seed(&Keys::new(store).with_format(format()?), &videos, &mut announcement).await?;
    }
    let stop = shutdown_signal()?;
    announcement.write()?;

    serve(listener, app, stop, Limits::default()).await;
    authenticator.shutdown().await;
    Ok(())
}
