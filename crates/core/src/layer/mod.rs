//! The tower layers: [`AuthLayer`] lets requests in by their credential, [`RequireLayer`] by their identity's scopes.
//!
//! # Rules
//! - The identity goes into the request's extensions. An identity that is there already is taken out first, so that
//!   nothing further out can forge one; without a credential, where that is allowed, there is [`Anonymous`] instead.
//! - `Authorization` is marked as sensitive in every request that is let in. `Debug` of the headers then prints no key, and
//!   HTTP/2 clients keep it out of their tables (RFC 7541 section 7.1.3). Layers further out see it unmarked.
//! - A refusal is a response. The only errors are the inner service's own.
//! - A warm hit calls the inner service at once: no await, no clone of it, no boxed future. Only a request that has to
//!   wait for the store boxes that wait.
//! - The inner service that was polled ready is the one that is called.
//! - What extractors and inner layers refuse carries a [`Refusal`](crate::render::Refusal), and is written here, in one format.
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
