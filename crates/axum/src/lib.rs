//! API-key authentication for axum. Extractors give handlers the [`Identity`].
//!
//! They decide before the body is read, so a caller without permission gets 403, not 422.
//!
//! # Examples
//! ```
//! use axum::{Json, Router, routing::get};
//! use keyward::MemoryStore;
//! use keyward::axum::{AuthLayer, Authenticated, Scoped};
//!
//! keyward::axum::scopes! {
//!     pub ResourcesRead = "resources:read";
//!     pub ResourcesWrite = "resources:write";
//! }
//!
//! async fn whoami(caller: Authenticated) -> String {
//!     caller.account().to_string()
//! }
//!
//! async fn list(_caller: Scoped<ResourcesRead>) -> Json<Vec<String>> {
//!     Json(Vec::new())
//! }
//!
//! async fn create(caller: Scoped<ResourcesWrite>, Json(name): Json<String>) -> String {
//!     format!("{name} of {}", caller.account())
//! }
//!
//! let app: Router = Router::new()
//!     .route("/", get(whoami))
//!     .route("/resources", get(list).post(create))
//!     .layer(AuthLayer::new(MemoryStore::new()));
//! # let _ = app;
//! ```
//!
//! # Which routes a layer covers
//! | form | a route added later | unknown path, no key | with a key |
//! | --- | --- | --- | --- |
//! | `AuthLayer` around the router | is impossible | 401 | 404 |
//! | `Router::layer` | is **not** covered | 401 | 404 |
//! | `Router::route_layer` | is **not** covered | 404 | 404 |
//!
//! Prefer to wrap the finished router:
//! ```
//! use axum::{Router, routing::get};
//! use keyward::MemoryStore;
//! use keyward::axum::AuthLayer;
//! use tower::ServiceBuilder;
//!
//! let router: Router = Router::new().route("/", get(async || "in"));
//! let app = ServiceBuilder::new().layer(AuthLayer::new(MemoryStore::new())).service(router);
//! # let _ = app;
//! ```
//!
//! A route without a layer is open, unless its handler has an extractor, which then answers 500. So give each handler that needs a caller
//! an extractor.
//!
//! # Nested and merged routers
//! - `Router::merge` keeps each router's layers.
//! - `Router::nest("/v1", …)` hides `/v1` from inner layers: put the `AuthLayer` outermost.
//! - A nested router without a fallback uses the outer fallback and layers.
//!
//! # Order with other layers
//! Outermost first:
//! 1. Tracing and request ids.
//! 2. CORS, which answers preflights. An inner CORS layer's headers on refusals are lost.
//! 3. The request's time-out, longer than the store's (250 ms).
//! 4. `AuthLayer`.
//! 5. [`RequireLayer`], limits of bodies, compression.
//!
//! # The peer's address
//! Serve with `app.into_make_service_with_connect_info::<SocketAddr>()`. Otherwise keys that are confined to networks get 403.
//! `keyward::AuthLayer` does not read it.
//!
//! # When a handler does not compile
//! `#[axum::debug_handler]` names the parameter. Take [`Authenticated`], not [`Identity`], and return [`AuthRejection`], not
//! `Rejection`.
//!
//! `from_extractor::<Authenticated>()` does not authenticate.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth_rejection;
mod authenticated;
mod guarded;
mod key_watch;
mod layer;
#[cfg(feature = "utoipa")]
#[cfg_attr(docsrs, doc(cfg(feature = "utoipa")))]
pub mod openapi;
mod own_account;
mod protected_resource;
mod request_id;
#[cfg(feature = "test-util")]
mod test_util;

pub use auth_rejection::AuthRejection;
pub use authenticated::Authenticated;
pub use guarded::{Guarded, Scoped};
pub use key_watch::KeyWatch;
pub use layer::{AuthLayer, AuthService, Axum, RecentRequestsLayer};
pub use own_account::OwnAccount;
pub use protected_resource::protected_resource;
pub use request_id::RequestId;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub use test_util::TestAuthLayer;

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequireLayer, RequiredScopes, Requirement, scopes};
