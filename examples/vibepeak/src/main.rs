//! vibepeak: video generation with live and test keys, plans and asynchronous tasks. Run it with
//! `SEED_DEMO=1 cargo run -p vibepeak`.
//!
//! | request | effect |
//! | --- | --- |
//! | `GET /health` | needs no key |
//! | `POST /v1/tasks` with `{"prompt":"…"}` | starts a task: 202 with `id`, `status`, `livemode` |
//! | `GET /v1/tasks/{id}` | returns the task's status and result |
//! | `GET /v1/account` | returns the plan, the credits and the tasks in flight |
//! | `POST /v1/admin/plan` with `{"account":"…","plan":"…"}` | changes a plan; needs no key, and exists only with `SEED_DEMO=1` and for this machine |
//!
//! The API needs the plan Plus, Pro or Max. They run 1, 3 and 5 tasks at once, counted separately for live and test tasks. A live
//! task costs credits. A test task is free and returns a watermarked sample. `test_scenario` of a test task is `success`, `failure`
//! or `slow`. When a task ends, the service calls `webhook_url`, signed as <https://www.standardwebhooks.com> describes. This
//! demonstration calls only addresses of this machine.
//!
//! Choices where vibepeak's pages are silent:
//! - A malformed credential (several headers, a comma, quotes) gets 401 `INVALID_API_KEY`.
//! - A disabled key gets `API_KEY_DISABLED`.
//! - A task of another account or another mode gets 404.

mod account;
mod demo;
mod refused;
mod tasks;
mod webhook;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use example_support::{Announcement, Environment};
use keyward::axum::AuthLayer;
use keyward::key::{KeyFormat, KeyKind};
use keyward::limits::{MemoryPermits, TaskPermits};
use keyward::policy::{ByMode, Plans};
use keyward::render::CodedEnvelope;
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{Authenticator, Keys, RequireLayer, TrustedProxies};
use serde_json::json;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::account::Accounts;
use crate::tasks::Tasks;

/// The plans with the API, and the tasks at once on each.
const PLANS: [(&str, u32); 3] = [("Plus", 1), ("Pro", 3), ("Max", 5)];

/// `vpk_live_` or `vpk_test_`, then 32 characters.
fn format() -> Result<KeyFormat, keyward::key::FormatError> {
    KeyFormat::builder().prefix("vpk", KeyKind::Secret).build()
}

#[derive(Clone)]
struct Service {
    keys: Keys,
    accounts: Accounts,
    tasks: ByMode<Tasks>,
    /// Test tasks do not block live ones.
    permits: ByMode<TaskPermits>,
}

fn app(auth: AuthLayer, service: Service, with_demo: bool) -> Router {
    let api = Router::new()
        .route("/v1/tasks", post(tasks::create))
        .route("/v1/tasks/{id}", get(tasks::show))
        .route("/v1/account", get(account::show))
        .layer(RequireLayer::new(Plans::one_of(PLANS.map(|(plan, _)| plan))));
    let admin =
        if with_demo { Router::new().route("/v1/admin/plan", post(account::change_plan)) } else { Router::new() };
    Router::new()
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .merge(api)
        .merge(admin)
        .with_state(service)
        .fallback(refused::no_such_endpoint)
        .layer(auth)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
        .layer(TraceLayer::new_for_http())
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let keys = Keys::new(store.clone()).with_format(format()?);
    let accounts = Accounts::open(store.path())?;
    let permits = || TaskPermits::new(MemoryPermits::new(), PLANS);
    let service = Service {
        keys: keys.clone(),
        tasks: ByMode::new(Tasks::open(store.path(), "live_tasks")?, Tasks::open(store.path(), "test_tasks")?),
        accounts: accounts.clone(),
        permits: ByMode::new(permits(), permits()),
    };
    let mut authenticator = Authenticator::builder(store)
        .format(format()?)
        .exempt(Method::GET, "/health")
        .trusted_proxies(TrustedProxies::new(environment.trust_proxy.iter().copied()))
        .renderer(CodedEnvelope::new().invalid_request_as_invalid_key());
    if environment.seed_demo {
        authenticator = authenticator.exempt(Method::POST, "/v1/admin/plan");
    }
    let authenticator = authenticator.build()?;
    let app = app(authenticator.clone().into(), service, environment.seed_demo);

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        demo::seed(&keys, &accounts, &mut announcement).await?;
    }
    let stop = shutdown_signal()?;
    announcement.write()?;

    serve(listener, app, stop, Limits::default()).await;
    authenticator.shutdown().await;
    Ok(())
}
