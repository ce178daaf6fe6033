//! keyward for actix-web: API-key authentication as a middleware, and extractors of the identity.
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
//!     // One for all workers: they share its cache.
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
//! - Create one [`Authenticator`](keyward_core::Authenticator) outside the closure that `HttpServer` calls for every
//!   worker, and clone it inside. Each authenticator has its own cache and thread.
//! - `App::wrap` protects everything, including unknown paths. `web::scope(…).wrap(…)` protects a scope.
//! - Exempt paths are compared with the path as it was sent, undecoded. actix-web's router decodes parts of the path,
//!   so `/%68ealth` reaches the handler of `/health`, but needs a key.
//! - actix-web's `Option<T>` and `Result<T, E>` extractors discard the refusal of `T`, so a service without the
//!   middleware would look open. Take [`MaybeAuthenticated`] for an optional credential.
//! - The middleware writes the refusals of the extractors in its format.

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
