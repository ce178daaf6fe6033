//! Parts of adapters to frameworks.
//!
//! - HTTP on tower uses [`AuthLayer`](crate::AuthLayer).
//! - Other protocols on tower implement [`Protocol`] and [`Respond`], as in `keyward-tonic`.
//! - Other frameworks ask an [`Authenticator`](crate::Authenticator), as in `keyward-actix`.
//!
//! # Examples
//! ```
//! use keyward::adapter::{Admission, Check, Target, UnknownConnection};
//! use keyward::{Authenticator, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let authenticator = Authenticator::new(MemoryStore::new());
//! // From the request, in the types of its framework.
//! let (method, path, fields) = ("GET", "/v1/videos", [b"Bearer kw_live_mistyped".as_slice()]);
//! let target = Target { method, path, preflight: false, connection: &UnknownConnection };
//! // A key in the cache is decided at once. Only a cache miss waits.
//! let verdict = match authenticator.check(target, fields) {
//!     Check::Done(verdict) => verdict,
//!     Check::Pending(pending) => authenticator.resolve(pending).await,
//! };
//! match verdict {
//!     Ok(Admission::Identity(identity)) => println!("put {identity:?} where handlers look for it"),
//!     Ok(Admission::Anonymous) => println!("let the request in without an identity"),
//!     Err(rejection) => assert_eq!(rejection.status(), 401),
//! }
//! # }
//! ```

pub use crate::authenticate::{Admission, AuthenticatorBuilder, BuildError, Check, Pending, Target};
pub use crate::connection::{Connection, TlsTransport, Transport, UnknownConnection};
pub use crate::credential::{Credential, CredentialFault, MAX_TOKEN_LENGTH};
pub use crate::event::Event;
pub use crate::layer::{
    AuthService, Http, HttpKept, ObserveLayer, ObserveService, Protocol, RefusalWriter, RequestConnection, Respond,
    RespondInside, ResponseFuture, caller,
};
pub use crate::location::Location;
pub use crate::log_limit::LogLimit;
pub use crate::observe::{EnteredObservation, Observation, ObservedRequest, Observing, RecordRequest};
pub use crate::policy::require_path_account;
pub use crate::request_id::RequestId;
