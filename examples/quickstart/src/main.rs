//! The smallest service that keyward protects. Run it with `cargo quickstart`.
//!
//! | request | needs |
//! | --- | --- |
//! | `GET /health` | nothing |
//! | `GET /` | a key; the answer describes it |
//! | `GET /resources` | a key with the scope `resources:read` |
//! | `POST /resources` with `{"name":"…"}` | a key with the scope `resources:write` |
//!
//! If the database is empty, the service creates a key `first` that may read. It writes the key to standard output, in a line of
//! JSON. With `SEED_DEMO=1` it creates `full`, `read_only`, `revoked` and `expired` instead. Standard error shows calls to paste, with
//! the key that may read.

mod demo;
mod hints;
mod resources;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use example_support::{Announcement, Environment};
use keyward::axum::{AuthLayer, Authenticated};
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{Authenticator, Keys};
use serde_json::{Value, json};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

keyward::axum::scopes! {
    /// List resources.
    ResourcesRead = "resources:read";
    /// Create resources.
    ResourcesWrite = "resources:write";
}

fn app(auth: AuthLayer) -> Router {
    Router::new()
        .route("/", get(whoami))
        .route("/health", get(async || "ok"))
        .route("/resources", get(resources::list).post(resources::create))
        .with_state(resources::Resources::default())
        .layer(auth)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
        .layer(TraceLayer::new_for_http())
}

async fn whoami(caller: Authenticated) -> Json<Value> {
    Json(json!({
        "key": caller.id(),
        "account": caller.account(),
        "kind": caller.kind().key_kind(),
        "mode": caller.mode(),
        "scopes": caller.scopes(),
    }))
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let authenticator = Authenticator::builder(store.clone()).exempt(Method::GET, "/health").build()?;
    let app = app(authenticator.clone().into());

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    let shown = demo::issue(&Keys::new(store.clone()), environment.seed_demo, &mut announcement).await?;
    let stop = shutdown_signal()?;
    announcement.write()?;
    let demo_key = shown.and_then(|name| announcement.get(name));
    eprintln!("{}", hints::text(&announcement.url(), Some(store.path()), demo_key));

    serve(listener, app, stop, Limits::default()).await;
    // Records the last uses of keys.
    authenticator.shutdown().await;
    Ok(())
}
