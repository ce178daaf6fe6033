//! API-key authentication for actix-web.
//!
//! # Examples
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use keyward::{Authenticator, MemoryStore};
//! use keyward::actix::{Auth, Authenticated, Scoped};
//!
//! keyward::actix::scopes! { ResourcesRead = "resources:read"; }
//!
//! async fn whoami(caller: Authenticated) -> String {
//!     caller.account().to_string()
//! }
//!
//! async fn list(caller: Scoped<ResourcesRead>) -> String {
//!     format!("resources of {}", caller.account())
//! }
//!
//! #[actix_web::main]
//! async fn main() -> std::io::Result<()> {
//!     // All workers share one authenticator and its cache.
//!     let authenticator = Authenticator::new(MemoryStore::new());
//!     HttpServer::new(move || {
//!         App::new()
//!             .wrap(Auth::from(authenticator.clone()))
//!             .route("/", web::get().to(whoami))
//!             .route("/resources", web::get().to(list))
//!     })
//!     .bind(("127.0.0.1", 3000))?
//!     .run()
//!     .await
//! }
//! ```
//!
//! # Rules
//! - Create one [`Authenticator`](keyward_core::Authenticator) outside `HttpServer`'s closure, and clone it inside.
//! - `App::wrap` also protects unknown paths.
//! - Exempt paths are compared as sent: `/%68ealth` reaches `/health`, but needs a key.
//! - Create rate limits outside of the closure, too, and wrap `RateLimit` (feature `limits`) before [`Auth`].
//! - Use [`MaybeAuthenticated`]: `Option<T>` and `Result<T, E>` extractors swallow refusals.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod auth_rejection;
mod extract;
mod future;
mod key_watch;
mod own_account;
mod protected_resource;
#[cfg(feature = "limits")]
mod rate_limit;
mod recent_requests;
mod request_id;
mod require;
#[cfg(feature = "test-util")]
mod test_util;

pub use auth::{Auth, AuthService};
pub use auth_rejection::AuthRejection;
pub use extract::{Authenticated, Guarded, MaybeAuthenticated, Scoped};
pub use future::AuthFuture;
pub use key_watch::KeyWatch;
pub use own_account::OwnAccount;
pub use protected_resource::protected_resource;
#[cfg(feature = "limits")]
pub use rate_limit::{RateLimit, RateLimitFuture, RateLimitService};
pub use recent_requests::{RecentRequests, RecentRequestsService};
pub use request_id::{RequestId, request_id};
pub use require::{Require, RequireFuture, RequireService};
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub use test_util::{TestAuth, TestAuthService};

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequiredScopes, Requirement, scopes};
