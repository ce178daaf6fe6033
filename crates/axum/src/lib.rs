//! API-key authentication for axum: a handler says in its signature what it needs of its caller.
//!
//! [`AuthLayer`] decides who calls, once for every request; the extractors hand that on: [`Authenticated`] is the
//! identity, `Option<Authenticated>` the identity if there is one, and [`Scoped`] the identity if it was granted what the
//! handler requires. They read the head of a request alone, so they decide before a body is read: whoever may not write
//! is told so (403), and not that the body is wrong (422).
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
//! | form | a route added afterwards | an unknown path, without a key | with a key |
//! | --- | --- | --- | --- |
//! | `AuthLayer` around the finished router | cannot be | 401 | 404 |
//! | `Router::layer` | is **not** covered | 401 | 404 |
//! | `Router::route_layer` | is **not** covered | 404 | 404 |
//!
//! axum applies a router's layers to what was added before them, and to nothing else. So `layer` comes last, or better
//! the finished router goes into the layer: then there is no router any more that something could be added to.
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
//! `route_layer` tells strangers which paths exist (401) and which do not (404); `layer` tells them nothing.
//!
//! A route that no layer covers is open, unless its handler has one of the extractors: those answer 500 and say in the log
//! that the `AuthLayer` is missing, and never let anybody pass. So a handler that needs a caller names it, even if it
//! looks at nothing of it.
//!
//! # Nested and merged routers
//! - `Router::merge` keeps each router's own layers: routes of an unprotected router stay unprotected. A layer added
//!   after the merge covers both.
//! - Within `Router::nest("/v1", …)` a layer sees the path without `/v1`: `exempt(GET, "/health")` there is
//!   `/v1/health`, and a key that is confined to `/v1/videos` fits no path at all. Put the `AuthLayer` around the
//!   outermost router, where paths are what callers sent, and [`RequireLayer`] around the nested ones.
//! - A nested router without a fallback of its own uses the outer one, with the outer one's layers.
//!
//! # Order with other layers
//! From the outside in (in a `tower::ServiceBuilder` from the first to the last, on a `Router` from the last to the
//! first):
//! 1. Tracing and request ids: they see refusals too, and a refusal carries the id that they set in `X-Request-Id`.
//! 2. CORS: preflights carry no credential and are answered here, and a refusal gets the headers without which a browser
//!    would not show it to the page. What an inner CORS layer adds to an extractor's refusal is lost.
//! 3. The time-out of a whole request, longer than the time-out of the store (250 ms): a store that hangs is then
//!    answered with 503 and `Retry-After`, not with the time-out layer's own status.
//! 4. `AuthLayer`.
//! 5. [`RequireLayer`], limits of bodies, compression, the routes.
//!
//! # The peer's address
//! Keys that are confined to networks, trusted proxies and HTTPS go by the address at the other end of the connection.
//! Serve with `app.into_make_service_with_connect_info::<SocketAddr>()`, and [`AuthLayer`] reads it. Without it the address is
//! unknown, and such keys are refused with 403.
//!
//! # Not to be confused
//! `keyward::AuthLayer` is for any tower service. It works on a `Router`, too, but it knows only
//! [`PeerAddress`](keyward_core::PeerAddress), not axum's `ConnectInfo`.
//!
//! `axum::middleware::from_extractor::<Authenticated>()` does for a router what `RequireLayer` does for scopes: it refuses
//! whom the `AuthLayer` let pass without a credential. It authenticates nobody by itself.

mod auth_rejection;
mod authenticated;
mod guarded;
mod layer;

pub use auth_rejection::AuthRejection;
pub use authenticated::Authenticated;
pub use guarded::{Guarded, Scoped};
pub use layer::{AuthLayer, AuthService, Axum};

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequireLayer, RequiredScopes, Requirement, scopes};
