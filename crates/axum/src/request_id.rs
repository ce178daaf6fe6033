use std::fmt;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use keyward_core::Rejection;

use crate::auth_rejection::AuthRejection;

/// The request's id, which a [`RequestIdLayer`](keyward_core::RequestIdLayer) gave it.
///
/// Without that layer, the handler answers 500 and logs an error.
///
/// # Examples
/// ```
/// use axum::{Router, routing::post};
/// use keyward::axum::{AuthLayer, RequestId};
/// use keyward::{MemoryStore, RequestIdLayer};
///
/// async fn render(id: RequestId) -> String {
///     format!("started in request {id}")
/// }
///
/// let app: Router = Router::new()
///     .route("/renderings", post(render))
///     .layer(RequestIdLayer::new())
///     .layer(AuthLayer::new(MemoryStore::new()));
/// # let _ = app;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(keyward_core::RequestId);

impl RequestId {
    /// Returns the id.
    #[must_use]
    pub fn into_inner(self) -> keyward_core::RequestId {
        self.0
    }
}

impl Deref for RequestId {
    type Target = keyward_core::RequestId;

    fn deref(&self) -> &keyward_core::RequestId {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        parts.extensions.get().cloned().map(Self).ok_or_else(|| {
            let (method, path) = (&parts.method, parts.uri.path());
            tracing::error!(%method, path, "request refused: the handler asks for a RequestId, but no RequestIdLayer gave the request one; add .layer(RequestIdLayer::new()) before the AuthLayer");
            AuthRejection::new(Rejection::NotConfigured, parts)
        })
    }
}
