use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::prepared::Bodies;
use super::{Render, Rendered};
use crate::rejection::Rejection;
use crate::request_id::RequestId;

/// The default: `application/problem+json` (RFC 9457) with `code`, `request_id` and `details`.
///
/// `type` is absent, which means `about:blank` (RFC 9457 section 3.1.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemJson;

impl Render for ProblemJson {
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        static BODIES: LazyLock<Bodies> = LazyLock::new(|| Bodies::new(problem));
        let body = BODIES
            .of(rejection, request_id)
            .unwrap_or_else(|| problem(rejection, request_id.as_str()).to_string().into());
        Rendered::new(rejection.status(), "application/problem+json", body)
    }
}

fn problem(rejection: &Rejection, request_id: &str) -> Value {
    let status = rejection.status();
    let mut body = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": rejection.message(),
        "code": rejection.code(),
        "request_id": request_id,
    });
    if let Some(details) = rejection.details() {
        body["details"] = details;
    }
    body
}

/// `{"error":{"code":"INVALID_API_KEY","message":"…","request_id":"…"}}`, with `details` if any.
///
/// # Examples
/// ```
/// let renderer = keyward::render::CodedEnvelope::new().invalid_request_as_invalid_key();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CodedEnvelope {
    faults: Faults,
}

#[derive(Clone, Copy, Debug, Default)]
enum Faults {
    #[default]
    AsTheyAre,
    AsInvalidKey,
}

impl Faults {
    fn status(self, rejection: &Rejection) -> StatusCode {
        if self.hides(rejection) { StatusCode::UNAUTHORIZED } else { rejection.status() }
    }

    fn code(self, rejection: &Rejection) -> &'static str {
        if self.hides(rejection) { "INVALID_API_KEY" } else { rejection.code() }
    }

    /// The application's own 400 stays.
    fn hides(self, rejection: &Rejection) -> bool {
        matches!(self, Self::AsInvalidKey)
            && rejection.status() == StatusCode::BAD_REQUEST
            && !matches!(rejection, Rejection::Custom(_))
    }

    fn coded(self) -> impl Fn(&Rejection, &str) -> Value {
        move |rejection, request_id| {
            let mut body = json!({"error": {
                "code": self.code(rejection),
                "message": rejection.message(),
                "request_id": request_id,
            }});
            if let Some(details) = rejection.details() {
                body["error"]["details"] = details;
            }
            body
        }
    }

    fn numeric(self) -> impl Fn(&Rejection, &str) -> Value {
        move |rejection, _| numeric(self.status(rejection), &rejection.message())
    }
}

fn numeric(status: StatusCode, message: &str) -> Value {
    json!({"error": {"code": status.as_u16(), "message": message}})
}

impl CodedEnvelope {
    /// Creates the format with core's statuses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a wrongly presented credential with 401 `INVALID_API_KEY`, not 400.
    #[must_use]
    pub fn invalid_request_as_invalid_key(mut self) -> Self {
        self.faults = Faults::AsInvalidKey;
        self
    }
}

impl Render for CodedEnvelope {
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        static AS_THEY_ARE: LazyLock<Bodies> = LazyLock::new(|| Bodies::new(Faults::AsTheyAre.coded()));
        static AS_INVALID_KEY: LazyLock<Bodies> = LazyLock::new(|| Bodies::new(Faults::AsInvalidKey.coded()));
        let bodies = match self.faults {
            Faults::AsTheyAre => &AS_THEY_ARE,
            Faults::AsInvalidKey => &AS_INVALID_KEY,
        };
        let body = bodies
            .of(rejection, request_id)
            .unwrap_or_else(|| self.faults.coded()(rejection, request_id.as_str()).to_string().into());
        Rendered::new(self.faults.status(rejection), "application/json", body)
    }
}

/// `{"error":{"code":401,"message":"…"}}`, with the HTTP status.
///
/// # Examples
/// ```
/// let renderer = keyward::render::NumericEnvelope::new()
///     .invalid_request_as_invalid_key()
///     .unauthorized_message("Unauthorized: missing or invalid API key.");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NumericEnvelope {
    faults: Faults,
    unauthorized: Option<&'static str>,
}

impl NumericEnvelope {
    /// Creates the format with core's statuses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a wrongly presented credential with 401, not 400.
    #[must_use]
    pub fn invalid_request_as_invalid_key(mut self) -> Self {
        self.faults = Faults::AsInvalidKey;
        self
    }

    /// Sets the message of every 401.
    #[must_use]
    pub fn unauthorized_message(mut self, message: &'static str) -> Self {
        self.unauthorized = Some(message);
        self
    }
}

impl Render for NumericEnvelope {
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        static AS_THEY_ARE: LazyLock<Bodies> = LazyLock::new(|| Bodies::new(Faults::AsTheyAre.numeric()));
        static AS_INVALID_KEY: LazyLock<Bodies> = LazyLock::new(|| Bodies::new(Faults::AsInvalidKey.numeric()));
        let status = self.faults.status(rejection);
        let written = |message: &str| Bytes::from(numeric(status, message).to_string());
        let bodies = match self.faults {
            Faults::AsTheyAre => &AS_THEY_ARE,
            Faults::AsInvalidKey => &AS_INVALID_KEY,
        };
        let body = match self.unauthorized {
            Some(message) if status == StatusCode::UNAUTHORIZED => written(message),
            _ => bodies.of(rejection, request_id).unwrap_or_else(|| written(&rejection.message())),
        };
        Rendered::new(status, "application/json", body)
    }
}
