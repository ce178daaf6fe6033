//! API-key authentication for gRPC with tonic. Keys are in the `authorization` metadata.
//!
//! `grpc-status-details-bin` has `google.rpc.ErrorInfo` with the rejection's code, `RequestInfo`, and `RetryInfo` if a retry can succeed.
//!
//! | rejection's status | gRPC code |
//! | --- | --- |
//! | 400 | `INVALID_ARGUMENT` |
//! | 401 | `UNAUTHENTICATED` |
//! | 403 | `PERMISSION_DENIED` |
//! | 404, 409 of your own | `NOT_FOUND`, `ABORTED` |
//! | others below 500 | `FAILED_PRECONDITION` |
//! | 429 | `RESOURCE_EXHAUSTED` |
//! | 503 | `UNAVAILABLE` |
//! | others | `INTERNAL` |
//!
//! # Examples
//! ```no_run
//! use keyward::{Authenticator, MemoryStore};
//! use keyward::tonic::AuthLayer;
//! use tonic::transport::Server;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (_, health) = tonic_health::server::health_reporter();
//! let authenticator = Authenticator::builder(MemoryStore::new())
//!     // gRPC calls are POST requests for /package.Service/Method.
//!     .exempt(http::Method::POST, "/grpc.health.v1.Health/Check")
//!     .build()?;
//! Server::builder()
//!     .layer(AuthLayer::from(authenticator))
//!     .add_service(health)
//!     .serve("127.0.0.1:50051".parse()?)
//!     .await?;
//! # Ok(()) }
//! ```
//! In a handler or interceptor:
//! ```
//! use tonic::{Request, Response, Status};
//!
//! keyward::scopes! { JobsWrite = "jobs:write"; }
//!
//! async fn cancel(request: Request<()>) -> Result<Response<String>, Status> {
//!     let caller = keyward::tonic::guarded::<JobsWrite, _>(&request)?;
//!     Ok(Response::new(caller.account().to_string()))
//! }
//! # let _ = cancel;
//! ```
//! # Rate limits
//! `RateLimitLayer` of `keyward::limits` refuses calls with [`Grpc`] as its protocol. Metadata has `ratelimit-policy` and `ratelimit`.
//! ```
//! use std::time::Duration;
//! use keyward::MemoryStore;
//! use keyward::limits::{Each, RateLimitLayer, RateLimits};
//! use keyward::tonic::{AuthLayer, Grpc};
//!
//! let limits = RateLimits::builder().limit("default", Each::Key, 100, Duration::from_secs(60)).build()?;
//! let server = tonic::transport::Server::builder()
//!     .layer(AuthLayer::new(MemoryStore::new()))
//!     .layer(RateLimitLayer::new(limits, "default").protocol::<Grpc>());
//! # let _ = server;
//! # Ok::<(), keyward::limits::RateLimitError>(())
//! ```
//!
//! # Publishable keys
//! Publishable keys are refused: a gRPC method does not show whether it only reads.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod layer;
mod request;
mod status;
#[cfg(feature = "test-util")]
mod test_util;

pub use layer::{AuthLayer, AuthService, Grpc, RecentRequestsLayer};
pub use request::{guarded, identity};
pub use status::to_status;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub use test_util::TestAuthLayer;
