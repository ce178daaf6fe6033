use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use keyward_core::Rejection;

use crate::auth_rejection::{AuthRejection, id_of};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, which the middleware [`request_id`] gave it.
///
/// Without that middleware, the handler answers 500 and logs an error.
///
/// # Examples
/// ```
/// use actix_web::{App, middleware::from_fn, web};
/// use keyward::actix::{Auth, RequestId, request_id};
/// use keyward::MemoryStore;
///
/// async fn render(id: RequestId) -> String {
///     format!("started in request {id}")
/// }
///
/// let app = App::new()
///     .route("/renderings", web::post().to(render))
///     .wrap(Auth::new(MemoryStore::new()))
///     .wrap(from_fn(request_id)); // around Auth, so that its refusals have the id, too
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

impl FromRequest for RequestId {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, AuthRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get().cloned().map(Self);
        ready(id.ok_or_else(|| {
            let (method, path) = (request.method(), request.path());
            tracing::error!(%method, path, "request refused: the handler asks for a RequestId, but the middleware request_id gave the request none; add .wrap(from_fn(request_id)) after Auth");
            AuthRejection::new(Rejection::NotConfigured, request.headers())
        }))
    }
}

/// A middleware that gives each request one id, inside or outside of [`Auth`](crate::Auth), for `from_fn`.
///
/// The id is in the request's extensions and `X-Request-Id`, and in the response's `X-Request-Id`. Each refusal has the same id.
/// See [`RequestId`] for an example.
///
/// # Errors
/// As the inner service.
pub async fn request_id<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = id_of(request.headers());
    let header = HeaderValue::from_str(id.as_str()).ok();
    request.extensions_mut().insert(id);
    if let Some(header) = &header {
        // Inner middlewares and extractors read the id from this field.
        request.headers_mut().insert(X_REQUEST_ID, header.clone());
    }
    let mut response = next.call(request).await?;
    if let Some(header) = header {
        response.headers_mut().insert(X_REQUEST_ID, header);
    }
    Ok(response)
}
