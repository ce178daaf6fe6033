//! API-key authentication for axum. A handler's signature states what it needs of its caller.
//!
//! [`AuthLayer`] authenticates each request once. The extractors give handlers the result:
//! - [`Authenticated`] is the identity.
//! - `Option<Authenticated>` is the identity, if the request has one.
//! - [`Scoped`] is the identity of a caller with the required scopes.
//!
//! The extractors decide before the body is read. So a caller without permission gets 403, not 422 for a wrong body.
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
//! | form | a route added later | an unknown path, without a key | with a key |
//! | --- | --- | --- | --- |
//! | `AuthLayer` around the finished router | is impossible | 401 | 404 |
//! | `Router::layer` | is **not** covered | 401 | 404 |
//! | `Router::route_layer` | is **not** covered | 404 | 404 |
//!
//! axum applies a router's layers only to routes that were added before them. So call `layer` last. Better, wrap the
//! finished router in the layer, so that no route can be added later:
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
//! `route_layer` shows strangers which paths exist (401) and which do not (404). `layer` shows nothing.
//!
//! A route without a layer is open, unless its handler has one of the extractors. Without a layer the extractors let no
//! request pass: they answer 500 and log that the `AuthLayer` is missing. So give each handler that needs a caller an
//! extractor, even if it does not use the identity.
//!
//! # Nested and merged routers
//! - `Router::merge` keeps each router's layers, so routes of an unprotected router stay unprotected. A layer added
//!   after the merge covers both.
//! - Within `Router::nest("/v1", …)` a layer sees the path without `/v1`. There, `exempt(GET, "/health")` exempts
//!   `/v1/health`, and a key that is confined to `/v1/videos` fits no path. Put the `AuthLayer` around the outermost router,
//!   which sees paths as callers sent them. Put [`RequireLayer`] around the nested routers.
//! - A nested router without a fallback uses the outer fallback, with the outer router's layers.
//!
//! # Order with other layers
//! From the outside in. A `tower::ServiceBuilder` lists the outermost first, a `Router` lists it last.
//! 1. Tracing and request ids. They see refusals too, and a refusal carries the id that they set in `X-Request-Id`.
//! 2. CORS. It answers preflights, which carry no credential. It also adds the headers that let a page read a refusal.
//!    Headers that an inner CORS layer adds to an extractor's refusal are lost.
//! 3. The time-out of a whole request. Make it longer than the store's time-out (250 ms). A store that hangs then leads to
//!    503 with `Retry-After`, not to the status of the time-out layer.
//! 4. `AuthLayer`.
//! 5. [`RequireLayer`], limits of bodies, compression, the routes.
//!
//! # The peer's address
//! Keys that are confined to networks, trusted proxies and `HttpsOnly` depend on the address of the connection's peer. Serve with
//! `app.into_make_service_with_connect_info::<SocketAddr>()`, and [`AuthLayer`] reads the address. Otherwise the address is
//! unknown, and keys that are confined to networks are refused with 403.
//!
//! # Similar names
//! `keyward::AuthLayer` is for any tower service. It works on a `Router`, too, but it reads only
//! [`PeerAddress`](keyward_core::PeerAddress), not axum's `ConnectInfo`.
//!
//! `axum::middleware::from_extractor::<Authenticated>()` on a router refuses requests that the `AuthLayer` let pass without a
//! credential. It does not authenticate.

mod auth_rejection;
mod authenticated;
mod guarded;
mod layer;

pub use auth_rejection::AuthRejection;
pub use authenticated::Authenticated;
pub use guarded::{Guarded, Scoped};
pub use layer::{AuthLayer, AuthService, Axum};

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequireLayer, RequiredScopes, Requirement, scopes};
