//! API-key authentication for Rust web services.
//!
//! [`AuthLayer`] turns the `Authorization` header into an [`Identity`]. [`Keys`] manages keys. When [`Keys::revoke`] returns, every node refuses
//! the key.
//!
//! # Examples
//! ```
//! use keyward::{AccountRecord, AuthLayer, Identity, Keys, MemoryStore, NewKey};
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let keys = Keys::new(store.clone());
//! let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
//! keys.put_account(&account).await?;
//! let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
//!
//! let service = ServiceBuilder::new().layer(AuthLayer::new(store)).service(service_fn(async |request: Request<()>| {
//!     let identity = request.extensions().get::<Identity>().expect("the layer put it there");
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(identity.account().to_string())))
//! }));
//! let request = Request::get("/").header("authorization", format!("Bearer {}", *issued.key.expose_once())).body(())?;
//! assert_eq!(service.oneshot(request).await?.status(), 200);
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `metrics`: counters and histograms through the [`metrics`](https://docs.rs/metrics) facade.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod adapter;
mod authenticate;
mod cache;
pub mod clock;
pub mod connection;
mod credential;
pub mod endpoint;
mod event;
pub mod id;
mod identity;
pub mod key;
pub mod layer;
pub mod lease;
pub mod lifecycle;
mod location;
#[doc(hidden)] // `log_limited!` names it; `adapter` exports it.
pub mod log_limit;
mod memory;
pub mod name;
pub mod network;
mod observe;
mod per_thread;
pub mod policy;
pub mod rejection;
pub mod render;
mod request_id;
mod resource;
pub mod scope;
pub mod store;
mod sync;
pub mod tags;
mod telemetry;

/// For a framework with another version of it, such as actix-web.
#[doc(no_inline)]
pub use ::http;

pub use authenticate::{Authenticator, HttpsOnly, KeyWatch};
pub use clock::Timestamp;
pub use connection::{PeerAddress, TrustedProxies};
pub use endpoint::Endpoint;
pub use event::Event;
pub use id::{AccountId, CredentialId};
pub use identity::{CredentialKind, Identity};
pub use key::{Mode, PlainKey};
pub use layer::{Anonymous, AuthLayer, RecentRequestsLayer, RequestIdLayer, RequireLayer};
pub use lifecycle::{Issued, Keys, NewKey};
pub use memory::MemoryStore;
pub use network::Network;
pub use policy::{AllOf, AnyOf, Guard, RequiredScopes};
pub use rejection::{CustomRejection, Rejection};
pub use request_id::RequestId;
pub use resource::{ProtectedResource, ResourceUrlError};
pub use scope::{Requirement, Scope, ScopeSet};
pub use store::{AccountRecord, KeyUpdate};
