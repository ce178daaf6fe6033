//! API-key authentication for actix-web: a middleware, and extractors for its result.
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
//! - `HttpServer` calls its closure for every worker. Create one [`Authenticator`](keyward_core::Authenticator) outside the closure
//!   and clone it inside, because each new one has a separate cache and thread.
//! - `App::wrap` protects everything, unknown paths too. `web::scope(…).wrap(…)` protects a scope.
//! - Exempt paths are compared with the path as sent, not decoded. actix-web's router decodes some characters, so `/%68ealth`
//!   reaches the handler of `/health`, but it needs a key.
//! - Use [`MaybeAuthenticated`] for an optional credential. actix-web's `Option<T>` and `Result<T, E>` extractors swallow the
//!   refusal of `T`, so a service without the middleware would be open.
//! - The middleware around extractors writes their refusals, in its format.

mod auth;
mod auth_rejection;
mod extract;
mod future;
mod require;

pub use auth::{Auth, AuthService};
pub use auth_rejection::AuthRejection;
pub use extract::{Authenticated, Guarded, MaybeAuthenticated, Scoped};
pub use future::AuthFuture;
pub use require::{Require, RequireFuture, RequireService};

pub use keyward_core::{AllOf, AnyOf, Guard, Identity, RequiredScopes, Requirement, scopes};
