//! API-key authentication for Rust web services.
//!
//! [`AuthLayer`] turns the `Authorization` header into an [`Identity`]. [`Keys`] manages keys. Lookups are cached, but a revoked key stops
//! working on every node before [`Keys::revoke`] returns.
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
//! None is on by default. Each adds API and changes no behaviour.
//!
//! | feature | adds |
//! | --- | --- |
//! | `axum`, `actix`, `tonic` | extractors and middleware |
//! | `utoipa` | OpenAPI descriptions of axum services |
//! | `sqlite` | the embedded store, also for `manage` |
//! | `postgres` | a store for many nodes, also for `manage` |
//! | `valkey` | a store for many nodes |
//! | `limits` | rate limits, and permits for tasks |
//! | `serve` | a hyper server with limits |
//! | `gateway`, `envoy` | verification for services in any language |
//! | `manage` | users, roles, an audit log and the management API |
//! | `dashboard`, `github`, `mail`, `oidc`, `passkeys`, `webhooks` | the dashboard, secret-scanning alerts, mail, single sign-on, passkeys, signed events |
//! | `metrics` | counters and histograms through the [`metrics`](https://docs.rs/metrics) facade |
//! | `test-util` | for tests only: identities, fixed keys, and layers that authenticate every request |
//! | `conformance` | for tests only: also conformance suites for stores and adapters |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(inline)]
pub use keyward_core::*;

#[cfg(feature = "actix")]
#[cfg_attr(docsrs, doc(cfg(feature = "actix")))]
#[doc(inline)]
pub use keyward_actix as actix;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
#[doc(inline)]
pub use keyward_axum as axum;

#[cfg(feature = "gateway")]
#[cfg_attr(docsrs, doc(cfg(feature = "gateway")))]
#[doc(inline)]
pub use keyward_gateway as gateway;

#[cfg(feature = "limits")]
#[cfg_attr(docsrs, doc(cfg(feature = "limits")))]
#[doc(inline)]
pub use keyward_limits as limits;

#[cfg(feature = "manage")]
#[cfg_attr(docsrs, doc(cfg(feature = "manage")))]
#[doc(inline)]
pub use keyward_manage as manage;

#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
#[doc(inline)]
pub use keyward_postgres as postgres;

#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
#[doc(inline)]
pub use keyward_serve as serve;

#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
#[doc(inline)]
pub use keyward_sqlite as sqlite;

#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
#[doc(inline)]
pub use keyward_testing as testing;

#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
#[doc(inline)]
pub use keyward_tonic as tonic;

#[cfg(feature = "valkey")]
#[cfg_attr(docsrs, doc(cfg(feature = "valkey")))]
#[doc(inline)]
pub use keyward_valkey as valkey;
