#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use headers::{CacheControl, HeaderMapExt as _, RetryAfter};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::error::ManagementError;

#[derive(Debug)]
pub(crate) enum Problem {
    Management(ManagementError),
    Unreadable(String),
    MediaType,
    TooLarge,
    #[cfg(feature = "github")]
    Refused(Refusal),
    PreconditionRequired,
    NoSuchPath,
    Method,
    PlainText,
}

#[cfg(feature = "github")]
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) retry_after: Option<Duration>,
}

impl<E: Into<ManagementError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Management(error.into())
    }
}

#[derive(Clone)]
struct PendingProblem(Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.parts().0.into_response();
        response.extensions_mut().insert(PendingProblem(Arc::new(self)));
        response
    }
}

pub(crate) fn write_pending(response: &mut Response, request_id: &str) {
    if let Some(PendingProblem(problem)) = response.extensions_mut().remove() {
        problem.write(response, request_id);
    }
}

pub(crate) async fn no_such_path() -> Problem {
    Problem::NoSuchPath
}

pub(crate) async fn other_method() -> Problem {
    Problem::Method
}

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Management(error @ (ManagementError::Store(_) | ManagementError::Internal)) => {
                (error.status(), error.code(), "The request could not be carried out. Try again shortly.".to_owned())
            }
            Self::Management(error) => (error.status(), error.code(), sentence(&error.to_string())),
            Self::Unreadable(why) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST", sentence(why)),
            #[cfg(feature = "github")]
            Self::Refused(refusal) => (refusal.status, refusal.code, sentence(&refusal.detail)),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "The body must be JSON. Send `Content-Type: application/json`.".to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "The body is larger than this path allows.".to_owned(),
            ),
            Self::PreconditionRequired => (
                StatusCode::PRECONDITION_REQUIRED,
                "PRECONDITION_REQUIRED",
                "Missing `If-Match`: send the ETag of the version that you read.".to_owned(),
            ),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such path.".to_owned()),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "This path does not support this method.".to_owned(),
            ),
            // The code of the core's `HttpsOnly`.
            Self::PlainText => (
                StatusCode::FORBIDDEN,
                "HTTPS_REQUIRED",
                "The request came over plain HTTP, which exposes keys and passwords. Send it over https://. If a proxy terminates \
                 HTTPS, configure it as a trusted proxy."
                    .to_owned(),
            ),
        }
    }

    fn write(&self, response: &mut Response, request_id: &str) {
        if let Self::Management(error @ (ManagementError::Store(_) | ManagementError::Internal)) = self {
            keyward_core::log_limited!(error, cause = ?std::error::Error::source(error), "a request failed: {error}");
        }
        let (status, code, detail) = self.parts();
        let title = status.canonical_reason().map(str::to_owned);
        let body = keyward_api_types::Problem {
            title,
            ..keyward_api_types::Problem::new(status.as_u16(), code, detail, request_id)
        };
        *response.status_mut() = status;
        *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.typed_insert(CacheControl::new().with_no_store());
        if let Some(delay) = self.retry_after() {
            headers.typed_insert(RetryAfter::delay(delay));
        }
        // RFC 9110 section 15.5.2: a 401 has a challenge.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyward\""));
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Management(ManagementError::InProgress | ManagementError::Store(_)) => Some(Duration::from_secs(1)),
            Self::Management(error) => error.retry_after().map(Duration::from_secs),
            #[cfg(feature = "github")]
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let dot = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", characters.as_str())
}
