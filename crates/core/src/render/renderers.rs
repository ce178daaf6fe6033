//! The formats of refusals that come with keyward.

use http::StatusCode;
use serde_json::json;

use super::{Render, Rendered};
use crate::rejection::Rejection;
use crate::request_id::RequestId;

/// RFC 9457 `application/problem+json`, the default, with `code`, `request_id` and `details` as extension members.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemJson;

impl Render for ProblemJson {
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        let status = rejection.status();
        let mut body = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": rejection.message(),
            "code": rejection.code(),
            "request_id": request_id.as_str(),
        });
        if let Some(details) = rejection.details() {
            body["details"] = details;
        }
        Rendered::json(status, "application/problem+json", &body)
    }
}

/// `{"error":{"code":"INVALID_API_KEY","message":"…","request_id":"…"}}`, with `details` where there are some.
///
/// # Examples
/// A provider that answers 401 to whatever is wrong with a credential:
/// ```
/// let renderer = keyward::CodedEnvelope::new().invalid_request_as_invalid_key();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CodedEnvelope {
    faults: Faults,
}

/// What a provider answers where core answers 400.
#[derive(Clone, Copy, Debug, Default)]
enum Faults {
    #[default]
    AsTheyAre,
    AsInvalidKey,
}

impl Faults {
    fn status(self, rejection: &Rejection) -> StatusCode {
        match (self, rejection.status()) {
            (Self::AsInvalidKey, StatusCode::BAD_REQUEST) => StatusCode::UNAUTHORIZED,
            (_, status) => status,
        }
    }

    fn code(self, rejection: &Rejection) -> &'static str {
        match (self, rejection.status()) {
            (Self::AsInvalidKey, StatusCode::BAD_REQUEST) => "INVALID_API_KEY",
            _ => rejection.code(),
        }
    }
}

impl CodedEnvelope {
    /// The format, with core's statuses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request that presents its credential wrongly as 401 `INVALID_API_KEY` instead of 400.
    #[must_use]
    pub fn invalid_request_as_invalid_key(mut self) -> Self {
        self.faults = Faults::AsInvalidKey;
        self
    }
}

impl Render for CodedEnvelope {
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        let mut body = json!({"error": {
            "code": self.faults.code(rejection),
            "message": rejection.message(),
            "request_id": request_id.as_str(),
        }});
        if let Some(details) = rejection.details() {
            body["error"]["details"] = details;
        }
        Rendered::json(self.faults.status(rejection), "application/json", &body)
    }
}

/// `{"error":{"code":401,"message":"…"}}`, the code being the status as a number.
///
/// # Examples
/// A provider that tells every 401 in the same words:
/// ```
/// let renderer = keyward::NumericEnvelope::new()
///     .invalid_request_as_invalid_key()
///     .unauthorized_message("Unauthorized: missing or invalid API key.");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NumericEnvelope {
    faults: Faults,
    unauthorized: Option<&'static str>,
}

impl NumericEnvelope {
    /// The format, with core's statuses and messages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request that presents its credential wrongly as 401 instead of 400.
    #[must_use]
    pub fn invalid_request_as_invalid_key(mut self) -> Self {
        self.faults = Faults::AsInvalidKey;
        self
    }

    /// Says this for every 401.
    #[must_use]
    pub fn unauthorized_message(mut self, message: &'static str) -> Self {
        self.unauthorized = Some(message);
        self
    }
}

impl Render for NumericEnvelope {
    fn render(&self, rejection: &Rejection, _: &RequestId) -> Rendered {
        let status = self.faults.status(rejection);
        let message = match self.unauthorized {
            Some(message) if status == StatusCode::UNAUTHORIZED => message.to_owned(),
            _ => rejection.message(),
        };
        Rendered::json(status, "application/json", &json!({"error": {"code": status.as_u16(), "message": message}}))
    }
}
