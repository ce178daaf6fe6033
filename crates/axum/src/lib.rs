//! API-key authentication for axum: a handler states in its signature what it requires of its caller.
//!
//! [`AuthLayer`] authenticates each request once, and the extractors pass on the result. [`Authenticated`] is the
//! identity, `Option<Authenticated>` the identity if there is one, and [`Scoped`] the identity if it has the scopes
//! that the handler requires. Extractors read only the head of a request. So a caller without the right to write gets
//! 403, before a wrong body could give 422.
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
//! | form | routes added later | an unknown path without a key | with a key |
//! | --- | --- | --- | --- |
//! | `AuthLayer` around the finished router | not possible | 401 | 404 |
//! | `Router::layer` | **not** covered | 401 | 404 |
//! | `Router::route_layer` | **not** covered | 404 | 404 |
//!
//! axum applies a router's layers only to what was added before them. So add the layer last, or better, put it around
//! the finished router, to which nothing can be added any more:
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
//! `route_layer` reveals which paths exist (401) and which do not (404). `layer` does not.
//!
//! A route that no layer covers is open, unless its handler has one of the extractors. They answer 500 and log that the
//! `AuthLayer` is missing. So a handler that needs a caller takes an extractor, even if it does not use the identity.
//!
//! # Nested and merged routers
//! - `Router::merge` keeps the layers of each router, so routes of an unprotected router stay unprotected. A layer
//!   added after the merge covers both.
//! - Within `Router::nest("/v1", …)` a layer sees the path without `/v1`. There, `exempt(GET, "/health")` means
//!   `/v1/health`, and a key confined to `/v1/videos` fits no path. Put the `AuthLayer` around the outermost router,
//!   which sees the paths that callers sent, and [`RequireLayer`] around the nested ones.
//! - A nested router without a fallback uses the outer fallback, with the outer layers.
//!
//! # Order with other layers
//! From the outside in, which is from the first to the last in a `tower::ServiceBuilder`, and from the last to the
//! first on a `Router`:
//! 1. Tracing and request ids. They see refusals too, and a refusal carries the id that they set in `X-Request-Id`.
//! 2. CORS. It answers preflights, which carry no credential, and adds the headers without which a browser hides a
//!    refusal from the page. Headers that an inner CORS layer adds to an extractor's refusal are lost.
//! 3. The timeout of a whole request, longer than the timeout of the store (250 ms). A store that hangs then gives 503
//!    with `Retry-After` instead of the timeout layer's status.
//! 4. `AuthLayer`.
//! 5. [`RequireLayer`], limits of bodies, compression, the routes.
//!
//! # The peer's address
//! Keys confined to networks, trusted proxies and HTTPS depend on the address at the other end of the connection. Serve
//! with `app.into_make_service_with_connect_info::<SocketAddr>()`, so that [`AuthLayer`] can read it. Otherwise the
//! address is unknown, and such keys get 403.
//!
//! # Not to be confused
//! `keyward::AuthLayer` is for any tower service. It works on a `Router`, too, but reads only
//! [`PeerAddress`](keyward_core::PeerAddress), not axum's `ConnectInfo`.
//!
//! `axum::middleware::from_extractor::<Authenticated>()` refuses requests that the `AuthLayer` admitted without a
//! credential. It does not authenticate by itself.

mod auth_rejection;
mod authenticated;
mod guarded;
mod layer;

pub use auth_rejection::AuthRejection;
pub use authenticated::Authenticated;
pub use guarded::{Guarded, Scoped};
pub use layer::{AuthLayer, AuthService, Axum};

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequireLayer, RequiredScopes, Requirement, scopes};
