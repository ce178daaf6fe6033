//! OpenAPI for services that describe themselves with [`utoipa`].
//!
//! [`routes!`] takes the place of `utoipa_axum::routes!`. It reads the scopes of each operation from the extractors of its handler. [`Security`]
//! adds the rest: the ways to send a key, and the refusals.
//!
//! ```
//! use axum::Json;
//! use keyward::axum::openapi::{Security, routes};
//! use keyward::axum::{AuthLayer, Scoped};
//! use keyward::{Authenticator, MemoryStore};
//! use utoipa::{Modify, OpenApi};
//! use utoipa_axum::router::OpenApiRouter;
//!
//! keyward::axum::scopes! { NotesRead = "notes:read"; }
//!
//! /// Lists the notes.
//! #[utoipa::path(get, path = "/notes", responses((status = 200, body = [String])))]
//! async fn list(_: Scoped<NotesRead>) -> Json<Vec<String>> {
//!     Json(Vec::new())
//! }
//!
//! #[derive(OpenApi)]
//! #[openapi(info(title = "Notes"))]
//! struct Notes;
//!
//! let authenticator = Authenticator::new(MemoryStore::new());
//! let (router, mut description) = OpenApiRouter::with_openapi(Notes::openapi()).routes(routes!(list)).split_for_parts();
//! Security::new(&authenticator).modify(&mut description);
//! let app: axum::Router = router.layer(AuthLayer::from(authenticator));
//!
//! let description = serde_json::to_value(&description)?;
//! let operation = &description["paths"]["/notes"]["get"];
//! assert_eq!(operation["security"][0]["bearer"][0], "notes:read");
//! assert_eq!(operation["responses"]["403"]["$ref"], "#/components/responses/Forbidden");
//! # let _ = app;
//! # Ok::<(), serde_json::Error>(())
//! ```

mod arguments;
mod refusals;
mod security;

pub use arguments::{Describe, Needs};
pub use security::Security;

#[doc(inline)]
pub use crate::openapi_routes as routes;

#[doc(hidden)]
pub mod macros {
    pub use super::arguments::{Argument, Arguments, OfDescribed, OfOthers, describe};
    pub use utoipa_axum;
}

/// Collects axum handlers with `#[utoipa::path]`, as `utoipa_axum::routes!` does, and describes what their extractors require.
///
/// It knows [`Authenticated`](crate::Authenticated), [`Scoped`](crate::Scoped), [`Guarded`](crate::Guarded),
/// [`OwnAccount`](crate::OwnAccount), [`KeyWatch`](crate::KeyWatch), `Option<Authenticated>`, and your own types that implement
/// [`Describe`](crate::openapi::Describe). An operation with its own `security(…)` keeps it. The handlers have one path and different methods.
#[macro_export]
macro_rules! openapi_routes {
    ($($($part:ident)::+),+ $(,)?) => {{
        let (mut schemas, mut paths) = (::std::vec::Vec::new(), ::utoipa::openapi::path::Paths::new());
        let router = ::axum::routing::MethodRouter::new();
        $(
            let (more_schemas, mut more_paths, more_router) =
                $crate::openapi::macros::utoipa_axum::routes!($($part)::+);
            {
                #[allow(unused_imports)]
                use $crate::openapi::macros::{Arguments as _, OfDescribed as _, OfOthers as _};
                let slots = $crate::openapi::macros::Argument::of_handler(&$($part)::+);
                let mut needs = $crate::openapi::Needs::default();
                (&slots.0).describe(&mut needs);
                (&slots.1).describe(&mut needs);
                (&slots.2).describe(&mut needs);
                (&slots.3).describe(&mut needs);
                (&slots.4).describe(&mut needs);
                (&slots.5).describe(&mut needs);
                (&slots.6).describe(&mut needs);
                (&slots.7).describe(&mut needs);
                (&slots.8).describe(&mut needs);
                (&slots.9).describe(&mut needs);
                (&slots.10).describe(&mut needs);
                (&slots.11).describe(&mut needs);
                (&slots.12).describe(&mut needs);
                (&slots.13).describe(&mut needs);
                (&slots.14).describe(&mut needs);
                (&slots.15).describe(&mut needs);
                $crate::openapi::macros::describe(&mut more_paths, &needs);
            }
            schemas.extend(more_schemas);
            paths.merge(more_paths);
            let router = router.merge(more_router);
        )+
        (schemas, paths, router)
    }};
}
