//! Verification for any stack: a gateway or another service asks, and keyward decides.
//!
//! | client | endpoint |
//! | --- | --- |
//! | nginx (`auth_request`), Caddy (`forward_auth`), Traefik (`ForwardAuth`), HAProxy (Lua) | [`forward_auth`] |
//! | Envoy (`ext_authz` over gRPC) | `envoy::ext_authz`, with the feature `envoy` |
//! | a service in any language | [`verify`]: `POST /v1/verify` |
//! | a resource server of OAuth 2.0 (RFC 7662) | [`Introspection`]: `POST /v1/introspect` |
//!
//! `guide/src/gateway.md` and `examples/gateways` in the repository have a configuration for each gateway. Traefik's is not tested.
//!
//! # Duties of a gateway
//! 1. Its clients must not reach the forward-auth endpoint or Envoy's service.
//! 2. It removes [identity headers](IDENTITY_HEADERS) from its client's request, in every spelling, before it adds keyward's.
//! 3. It removes `Authorization`, and other headers with keys, before it forwards a request.
//! 4. Its backend can be reached only through the gateway.
//!
//! # Examples
//! ```no_run
//! use keyward::{AuthLayer, Authenticator};
//! use keyward::serve::{Limits, serve, shutdown_signal};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authenticator = Authenticator::new(SqliteStore::open("keys.db")?);
//! // Keys of this account may ask about the keys of every account.
//! let reach = keyward::gateway::VerifyReach::Operator("acct_gateway".parse()?);
//! let router = keyward::gateway::forward_auth(authenticator.clone())
//!     .merge(keyward::gateway::verify(authenticator.clone(), AuthLayer::from(authenticator), reach));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3001)).await?;
//! serve(listener, router, shutdown_signal()?, Limits::default()).await;
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `envoy`: the module `envoy`.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "envoy")]
pub mod envoy;
mod forward_auth;
mod headers;
mod introspect;
mod object;
mod original;
mod verdict;
mod verify;

pub use forward_auth::{forward_auth, forward_auth_with_limits};
pub use headers::IDENTITY_HEADERS;
pub use introspect::Introspection;
pub use verify::{MAX_BATCH, VERIFY_SCOPE, VerifyReach, verify, verify_with_limits};
