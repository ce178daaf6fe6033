//! Verification for any stack: keyward decides, and a gateway or another service asks it.
//!
//! | who asks | how |
//! | --- | --- |
//! | nginx (`auth_request`), Caddy (`forward_auth`), Traefik (`ForwardAuth`), HAProxy (Lua) | [`forward_auth`] |
//! | Envoy (`ext_authz` over gRPC) | `envoy::ext_authz`, with the feature `envoy` |
//! | a service in any language | [`verify`]: `POST /v1/verify` |
//!
//! All of them ask one [`Authenticator`](keyward_core::Authenticator), so a key is let in or refused, and a refusal written, as it is by the layers:
//! same cache, same leases, same statuses, challenges and bodies. `docs/gateways.md` and `examples/gateways` in the repository have a
//! configuration for each gateway; all but that of Traefik are tested.
//!
//! # What a gateway has to see to
//! 1. Its clients cannot reach the forward-auth endpoint or Envoy's service themselves. Nothing is won there without a key, but what
//!    the fields `X-Forwarded-Method` and the like say is believed there.
//! 2. It takes out [identity headers](IDENTITY_HEADERS) that its client sent, in every spelling, before it adds its own.
//! 3. It takes out `Authorization` before it passes a request on: the backend needs the identity, and not the key.
//! 4. Its backend cannot be reached but through it.
//!
//! # Examples
//! ```no_run
//! use keyward::{AuthLayer, Authenticator};
//! use keyward::serve::{Limits, serve, shutdown_signal};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authenticator = Authenticator::new(SqliteStore::open("keys.db")?);
//! // The account whose keys ask about those of every other account.
//! let reach = keyward::gateway::VerifyReach::Operator("acct_gateway".parse()?);
//! let router = keyward::gateway::forward_auth(authenticator.clone())
//!     .merge(keyward::gateway::verify(authenticator.clone(), AuthLayer::from(authenticator), reach));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3001)).await?;
//! serve(listener, router, shutdown_signal()?, Limits::default()).await;
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `envoy`: Envoy's external authorization over gRPC.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "envoy")]
pub mod envoy;
mod forward_auth;
mod headers;
mod object;
mod original;
mod verdict;
mod verify;

pub use forward_auth::forward_auth;
pub use headers::IDENTITY_HEADERS;
pub use verify::{MAX_BATCH, VERIFY_SCOPE, VerifyReach, verify};
