use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keyward::Rejection;
use keyward::adapter::RequestId;
use keyward::render::Refusal;
use serde_json::json;

/// `{"error":{"code":"…","message":"…","request_id":"…"}}`
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
    request_id: RequestId,
}

pub(crate) struct Asked(HeaderMap);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.headers.clone()))
    }
}

impl Asked {
    pub(crate) fn refused(&self, status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
        Refused { status, code, message: message.into(), request_id: RequestId::of(&self.0) }.into_response()
    }

    pub(crate) fn invalid(&self, message: impl Into<String>) -> Response {
        self.refused(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
    }

    pub(crate) fn not_found(&self, message: &str) -> Response {
        self.refused(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The log has the database's message.
    pub(crate) fn failed(&self, error: &rusqlite::Error) -> Response {
        tracing::error!(%error, "the database failed");
        self.refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "The request failed. Try again later.")
    }

    /// The layer around the handler writes it.
    pub(crate) fn rejected(&self, rejection: Rejection) -> Response {
        Refusal::new(rejection, &axum::http::Method::POST, &self.0).into_response::<axum::body::Body>()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let id = self.request_id.as_str();
        let error = json!({"code": self.code, "message": self.message, "request_id": id});
        (self.status, [("x-request-id", id), ("request-id", id)], Json(json!({ "error": error }))).into_response()
    }
}

pub(crate) async fn no_such_endpoint(asked: Asked) -> Response {
    asked.not_found("There is no such endpoint.")
}
