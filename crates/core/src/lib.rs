//! API-key authentication for Rust web services.
//!
//! An [`AuthLayer`] reads the `Authorization` header, resolves the key through a cache over an async store, and puts
//! the [`Identity`] into the request's extensions. [`Keys`] issues, lists, rotates and revokes keys; a revoked key
//! stops working on every node before [`Keys::revoke`] returns, although lookups are cached.
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

mod authenticate;
mod cache;
mod clock;
mod connection;
mod credential;
mod endpoint;
mod event;
mod id;
mod identity;
mod key;
pub mod layer;
mod lease;
mod lifecycle;
mod log_limit;
mod memory;
mod name;
mod network;
mod per_thread;
mod policy;
mod rejection;
mod render;
mod request_id;
mod scope;
mod store;
mod telemetry;

pub use async_trait::async_trait;
pub use ipnet;

pub use authenticate::{Admission, Authenticator, AuthenticatorBuilder, BuildError, Check, HttpsOnly, Pending, Target};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp, TimestampError};
pub use connection::{
    Connection, ForwardedFields, PeerAddress, TlsTransport, Transport, TrustedProxies, UnknownConnection,
};
pub use credential::{Credential, CredentialFault, MAX_TOKEN_LENGTH};
pub use endpoint::{Endpoint, EndpointError, is_ambiguous_path};
pub use event::Event;
pub use id::{AccountId, CredentialId, IdError, MAX_ID_LENGTH, NodeId, UserId};
pub use identity::{CredentialKind, Identity};
pub use key::{
    Alphabet, Digest, FormatError, Hasher, HasherError, Hint, HintError, KeyFault, KeyFormat, KeyFormatBuilder,
    KeyKind, Mode, ParsedKey, Pepper, PlainKey, UnknownName,
};
pub use layer::{Anonymous, AuthLayer, RequireLayer};
pub use lease::{Lease, LeaseError, Propagation};
pub use lifecycle::{Changed, Imported, Issued, Keys, KeysError, NewKey, Rotated, Rotation};
pub use log_limit::LogLimit;
pub use memory::MemoryStore;
pub use name::{MAX_NAME_LENGTH, NameError, check_name, check_text};
pub use network::{Network, NetworkError};
pub use policy::{
    AllOf, AnyOf, ByMode, Feature, Guard, InMode, Live, Modal, ModeType, NamedScope, Plans, Policy, RequiredScopes,
    Test, check_required,
};
pub use rejection::{ConcurrencyLimit, PlanRequired, RateLimit, Rejection};
pub use render::{CodedEnvelope, NumericEnvelope, ProblemJson, Refusal, Render, Rendered};
pub use request_id::RequestId;
pub use scope::{Grant, MAX_GRANTS, MAX_SCOPE_LENGTH, Requirement, Scope, ScopeError, ScopeSet};
pub use store::{
    AccountRecord, AdminError, Change, ChangeLog, Committed, Cursor, CursorError, Denial, Found, Freshness, KeyAdmin,
    KeyPage, KeyQuery, KeyRecord, KeyStatus, KeyStore, KeyUpdate, KeyUse, LeaseAnswer, LogBatch, NodeState, NodeStates,
    Position, StoreError, StoreErrorKind, StoredKey, What, random_mark,
};
