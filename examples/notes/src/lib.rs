//! A notes API of a small SaaS. README.md has its routes and calls to paste.

mod accounts;
mod errors;
mod keys;
mod notes;
mod streams;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use keyward::axum::AuthLayer;
use keyward::limits::{Each, MemoryPermits, RateLimitLayer, RateLimits, TaskPermits};
use keyward::sqlite::SqliteStore;
use keyward::{Authenticator, Keys, RequestIdLayer};
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::errors::ApiError;
use crate::notes::Notes;

keyward::axum::scopes! {
    NotesRead = "notes:read";
    NotesWrite = "notes:write";
    ExportsCreate = "exports:create";
    KeysManage = "keys:manage";
    AdminAccess = "admin:access";
}

/// The service's state.
#[derive(Clone, Debug)]
pub struct App {
    /// Checks keys. Its `shutdown` records their last uses.
    pub authenticator: Authenticator,
    keys: Keys,
    notes: Notes,
    permits: TaskPermits,
}

impl App {
    /// Creates the service on a store of keys.
    ///
    /// # Errors
    /// If an exempt path is invalid.
    pub fn new(store: SqliteStore) -> Result<Self, Box<dyn Error>> {
        let authenticator = Authenticator::builder(store.clone())
            .exempt(Method::POST, "/v1/signup")
            .exempt_get("/health")
            .exempt_under("/docs/")
            .build()?;
        let permits = TaskPermits::new(MemoryPermits::new(), [("Pro", 2)]);
        Ok(Self { authenticator, keys: Keys::new(store), notes: Notes::default(), permits })
    }

    /// Ends the open streams, so that they do not delay the server's shutdown.
    pub fn end_streams(&self) {
        self.notes.end_streams();
    }

    /// Returns the routes inside of their layers.
    ///
    /// # Errors
    /// If the rate limit is invalid.
    pub fn router(self) -> Result<Router, Box<dyn Error>> {
        let rates = RateLimits::builder().limit("default", Each::Key, 60, Duration::from_secs(60)).build()?;
        let exposed = [RETRY_AFTER]
            .into_iter()
            .chain(["x-request-id", "ratelimit", "ratelimit-policy"].map(HeaderName::from_static));
        let cors = CorsLayer::new()
            .allow_origin(HeaderValue::from_static("https://app.example.com"))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE])
            .expose_headers(exposed.collect::<Vec<_>>());
        let v1 = Router::new()
            .route("/signup", post(accounts::sign_up))
            .route("/accounts/{account}/notes", get(notes::list).post(notes::create))
            .route("/notes/{id}", get(notes::show).put(notes::replace))
            .route("/notes/{id}/lock", post(notes::lock))
            .route("/exports", post(notes::export))
            .route("/events", get(streams::events))
            .route("/live", get(streams::live))
            .nest("/keys", keys::routes())
            .nest("/admin", accounts::admin());
        Ok(Router::new()
            .nest("/v1", v1)
            .route("/health", get(async || "ok"))
            .route("/docs/api.md", get(async || include_str!("../README.md")))
            .fallback(async || ApiError::NoSuchEndpoint)
            .layer(RateLimitLayer::new(rates, "default"))
            .layer(RequestIdLayer::new())
            .layer(AuthLayer::from(self.authenticator.clone()))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
            .layer(cors)
            .layer(TraceLayer::new_for_http().on_response(log_response))
            .with_state(self))
    }
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}

fn log_response(response: &Response, took: Duration, _: &tracing::Span) {
    tracing::info!(status = %response.status(), request_id = ?response.headers().get("x-request-id"), ?took);
}
