//! The tower layers: [`AuthLayer`] authenticates requests, [`RequireLayer`] applies a policy.
//!
//! # Rules
//! - The layer removes an earlier identity from the extensions, so no outer code can forge one. Then it adds its own,
//!   or [`Anonymous`].
//! - `Authorization`, and other headers with keys, become sensitive: inner `Debug` prints no key, and HTTP/2 does not index it (RFC 7541 section
//!   7.1.3). Outer layers see it unmarked.
//! - A refusal is a response. All errors come from the inner service.
//! - A warm hit has no await, no clone of the service, no boxed future.
//! - The called inner service is the one that was polled ready.
//! - A response with a [`Refusal`](crate::render::Refusal) is rewritten in this layer's format.
//!
//! # Examples
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use keyward::{AuthLayer, MemoryStore};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let service = ServiceBuilder::new()
//!     .layer(AuthLayer::new(MemoryStore::new()))
//!     .service(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))));
//! let response = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(response.status(), 401);
//! # }
//! ```

mod admit;
mod auth;
mod future;
mod misuse;
mod observe;
mod protocol;
mod request_id;
mod require;

pub use admit::{Anonymous, caller};
pub use auth::{AuthLayer, AuthService};
pub use future::ResponseFuture;
pub use observe::{ObserveLayer, ObserveService, RecentRequestsLayer};
pub use protocol::{Http, HttpKept, Protocol, RefusalWriter, RequestConnection, Respond, RespondInside};
pub use request_id::{RequestIdFuture, RequestIdLayer, RequestIdService};
pub use require::{RequireFuture, RequireLayer, RequireService};
