//! Test helpers: identities, keys and layers for the tests of a service.
//!
//! - [`TestIdentity`]: the caller of a test.
//! - [`TestAuthLayer`]: a layer that authenticates every request. Its variants are `keyward::axum::TestAuthLayer`,
//!   `keyward::actix::TestAuth` and `keyward::tonic::TestAuthLayer`.
//! - [`TestStore`]: fixed keys behind the real `AuthLayer`.
//! - [`ManualClock`]: a clock that the test moves.
//!
//! **Never use them in production**: the layers let every request in. Turn the feature `test-util` on in
//! `[dev-dependencies]` only. A program that creates a [`TestStore`] or a layer logs a warning.
//!
//! The feature `conformance` adds suites for stores and limits, and hostile requests for adapters.
//!
//! # Examples
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use keyward::axum::{Scoped, TestAuthLayer};
//! use keyward::testing::TestIdentity;
//! use tower::ServiceExt as _;
//!
//! keyward::axum::scopes! { NotesRead = "notes:read"; }
//!
//! fn routes() -> Router {
//!     Router::new().route("/notes", get(async |_: Scoped<NotesRead>| "the notes"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let reader = TestIdentity::account("acct_1").scopes(["notes:read"]);
//! let response = routes().layer(TestAuthLayer::new(reader)).oneshot(Request::get("/notes").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 200);
//!
//! let stranger = TestIdentity::account("acct_1").scopes(["jobs:read"]);
//! let response = routes().layer(TestAuthLayer::new(stranger)).oneshot(Request::get("/notes").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 403);
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod identity;
mod layer;
mod store;

#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod hostile;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod limits;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod stores;

/// A busy machine answers late.
#[cfg(feature = "conformance")]
const SOON: std::time::Duration = std::time::Duration::from_secs(60);

pub use identity::TestIdentity;
#[doc(hidden)]
pub use layer::authenticator;
pub use layer::{TestAuthLayer, TestLayer, TestService};
pub use store::{TestKey, TestStore};

pub use keyward_core::clock::ManualClock;
