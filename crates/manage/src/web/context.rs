use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use keyward_core::adapter::RequestId;

use super::problem::{self, Problem};
use super::transport::Arrival;
use crate::actor::Context;
use crate::service::Management;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn request_context(
    State(management): State<Management>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers());
    let header = HeaderValue::try_from(id.as_str()).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    let arrival = Arrival::of(&request, &management, id.as_str());
    let is_exposed = arrival.is_exposed();
    request.extensions_mut().insert(arrival.context);
    // The layers below use the same id in their rejections.
    request.headers_mut().insert(X_REQUEST_ID, header.clone());
    let mut response = if is_exposed { Problem::PlainText.into_response() } else { next.run(request).await };
    problem::write_pending(&mut response, id.as_str());
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, header);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(crate) fn context_of(parts: &Parts) -> Context {
    parts.extensions.get::<Context>().cloned().unwrap_or_default()
}

pub(crate) struct Origin(pub(crate) Context);

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(context_of(parts)))
    }
}
