//! A notes API of a small SaaS. README.md has its routes and calls to paste.

mod accounts;
mod errors;
mod exports;
mod keys;
mod notes;
mod store;
mod streams;

use std::{error::Error, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::routing::{get, post};
use axum::{Router, extract::FromRef};
use keyward::axum::{AuthLayer, AuthRejection};
use keyward::limits::{Each, MemoryPermits, RateLimitLayer, RateLimits, TaskPermits};
use keyward::{Authenticator, Keys, RequestIdLayer, ScopeSet, sqlite::SqliteStore};
use tower_http::{cors::CorsLayer, timeout::TimeoutLayer, trace::TraceLayer};

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
    authenticator: Authenticator,
    keys: Keys,
    first_scopes: ScopeSet,
    notes: store::Notes,
    permits: TaskPermits,
}

impl App {
    /// Creates the service on a store of keys.
    ///
    /// # Errors
    /// If an exempt path or a scope is invalid.
    pub fn new(store: SqliteStore) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            authenticator: Authenticator::builder(store.clone())
                .exempt(Method::POST, "/v1/signup")
                .exempt_get("/health")
                .exempt_under("/docs/")
                .build()?,
            keys: Keys::new(store),
            first_scopes: "notes:* exports:create keys:manage".parse()?,
            notes: store::Notes::default(),
            permits: TaskPermits::new(MemoryPermits::new(), [("Pro", 2)]),
        })
    }

    /// Returns the routes with all layers.
    ///
    /// # Errors
    /// If the rate limit is invalid.
    pub fn router(&self) -> Result<Router, Box<dyn Error>> {
        let rates = RateLimits::builder().limit("default", Each::Key, 60, Duration::from_secs(60));
        let rates = rates.for_plan("Pro", 600).build()?;
        let cors = CorsLayer::new()
            .allow_origin(HeaderValue::from_static("https://app.example.com"))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers(["retry-after", "x-request-id", "ratelimit"].map(HeaderName::from_static));
        Ok(self
            .routes()
            .layer(RateLimitLayer::new(rates, "default"))
            .layer(RequestIdLayer::new())
            .layer(AuthLayer::from(self.authenticator.clone()))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
            .layer(cors)
            .layer(TraceLayer::new_for_http()))
    }

    /// Returns the routes, for tests with another `AuthLayer`.
    pub fn routes(&self) -> Router {
        let v1 = Router::new()
            .route("/signup", post(accounts::sign_up))
            .nest("/accounts/{account}", notes::of_account())
            .route("/notes/{id}", get(notes::show).put(notes::replace))
            .route("/exports", post(exports::create))
            .route("/events", get(streams::events))
            .route("/live", get(streams::live))
            .nest("/keys", keys::routes())
            .nest("/admin", accounts::admin());
        Router::new()
            .nest("/v1", v1)
            .route("/health", get(async || "ok"))
            .route("/docs/api.md", get(async || include_str!("../README.md")))
            .fallback(async || AuthRejection::from(errors::no_such("endpoint")))
            .with_state(self.clone())
    }

    /// Ends the open streams, so that they do not delay the server's shutdown.
    pub fn end_streams(&self) {
        self.authenticator.end_streams();
    }

    /// Records the last uses of keys, after the server has stopped.
    pub async fn shutdown(&self) {
        self.authenticator.shutdown().await;
    }
}

impl FromRef<App> for Authenticator {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}
