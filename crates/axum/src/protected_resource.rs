use axum::Router;
use axum::routing::get;
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use keyward_core::ProtectedResource;

/// Creates a router that serves this metadata (RFC 9728) on [its path](ProtectedResource::path), also to pages of other origins.
///
/// Merge it into the outermost router. A nested router would serve another path.
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use keyward::axum::{AuthLayer, protected_resource};
/// use keyward::{Authenticator, MemoryStore, ProtectedResource};
///
/// let resource = ProtectedResource::new("https://api.example.com")?.authorization_server("https://login.example.com")?;
/// let authenticator = Authenticator::builder(MemoryStore::new()).protected_resource(&resource).build()?;
/// let app: Router = Router::new()
///     .route("/", get(async || "in"))
///     .merge(protected_resource(&resource))
///     .layer(AuthLayer::from(authenticator));
/// # let _ = app;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn protected_resource<S: Clone + Send + Sync + 'static>(resource: &ProtectedResource) -> Router<S> {
    let body = resource.json().to_string();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    Router::new().route(resource.path(), get(async move || (headers, body)))
}
