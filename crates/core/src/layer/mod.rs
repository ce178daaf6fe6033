//! The tower layers: [`AuthLayer`] admits requests by their credential, [`RequireLayer`] by their identity.
//!
//! # Rules
//! - The identity goes into the request's extensions. The layer first removes an identity that is already there, so
//!   that no outer code can forge one. A request that may come without a credential gets [`Anonymous`] instead.
//! - `Authorization` is marked as sensitive in every admitted request. `Debug` of the headers then prints no key, and
//!   HTTP/2 clients keep it out of their tables (RFC 7541 section 7.1.3). Outer layers see it unmarked.
//! - A refusal is a response. All errors come from the inner service.
//! - A warm hit calls the inner service at once: no await, no clone of the service, no boxed future. Only a request
//!   that waits for the store boxes a future.
//! - The called inner service is the one that was polled ready.
//! - A response of an extractor or inner layer that carries a [`Refusal`](crate::render::Refusal) is rewritten here, so
//!   all refusals have one format.
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
mod protocol;
mod require;

pub use admit::Anonymous;
pub use auth::{AuthLayer, AuthService};
pub use future::ResponseFuture;
pub use protocol::{Http, HttpKept, Protocol, RequestConnection, Respond};
pub use require::{RequireFuture, RequireLayer, RequireService};
