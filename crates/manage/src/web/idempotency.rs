use axum::response::{IntoResponse, Response};
use headers::{CacheControl, ContentType, HeaderMapExt as _};
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::etag::tag;
use crate::error::ManagementError;
use crate::service::Answer;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An unreadable key is empty, which the management service refuses.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str().unwrap_or_default())
}

pub(crate) fn answer(status: u16, version: Option<u64>, body: &impl Serialize) -> Result<Answer, ManagementError> {
    let body = serde_json::to_string(body).map_err(|_| ManagementError::Internal)?;
    Ok(Answer { status, version, body: Zeroizing::new(body) })
}

pub(crate) fn no_content() -> Answer {
    Answer { status: StatusCode::NO_CONTENT.as_u16(), version: None, body: Zeroizing::default() }
}

pub(crate) fn response(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.to_string()).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_TYPE);
    } else {
        headers.typed_insert(ContentType::json());
    }
    headers.typed_insert(CacheControl::new().with_no_store());
    if let Some(version) = answer.version {
        headers.insert(ETAG, tag(version));
    }
    response
}
