use std::time::Duration;

use axum::response::{IntoResponse, Response};
use headers::{HeaderMapExt as _, RetryAfter};
use http::StatusCode;

use super::words;
use crate::error::ManagementError;

#[derive(Clone, Debug)]
pub(super) struct PageError {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) button: Option<(String, &'static str)>,
    pub(super) retry_after: Option<u64>,
    pub(super) needs_sign_in: bool,
}

impl PageError {
    pub(super) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, title, text: text.into(), button: None, retry_after: None, needs_sign_in: false }
    }

    pub(super) fn button(mut self, path: impl Into<String>, label: &'static str) -> Self {
        self.button = Some((path.into(), label));
        self
    }

    #[cfg(feature = "oidc")]
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(super) fn plain_text() -> Self {
        let text = words::errors::YOU_OPENED_THIS_PAGE_OVER_PLAIN_HTTP;
        Self::new(StatusCode::FORBIDDEN, words::errors::OPEN_THIS_PAGE_OVER_HTTPS, text)
    }

    /// RFC 9110 section 15.5.20.
    pub(super) fn other_host(own: &str) -> Self {
        let text = words::errors::other_address(own);
        Self::new(StatusCode::MISDIRECTED_REQUEST, words::errors::OPEN_THIS_PAGE_UNDER_ITS_OWN_ADDRESS, text)
    }

    #[cfg(feature = "oidc")]
    pub(super) fn no_public_url() -> Self {
        keyward_core::log_limited!(error, "single sign-on needs the dashboard's public URL: set public_url");
        let text = words::oidc::SET_PUBLIC_URL;
        Self::new(StatusCode::MISDIRECTED_REQUEST, words::oidc::NO_PUBLIC_URL, text)
    }

    pub(super) fn other_site() -> Self {
        let text = words::errors::THE_FORM_WAS_SENT_FROM_ANOTHER_SITE;
        Self::new(StatusCode::FORBIDDEN, words::errors::NOT_FROM_THIS_SITE, text)
    }

    pub(super) fn other_session(form_page: &str) -> Self {
        let text = words::errors::THE_FORM_BELONGS_TO_ANOTHER_SESSION;
        Self::new(StatusCode::FORBIDDEN, words::errors::SEND_IT_AGAIN, text)
            .button(form_page, words::errors::BACK_TO_THE_FORM)
    }

    pub(super) fn too_long() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, words::errors::FORM_TOO_LARGE, words::errors::THE_FORM_IS_LARGER_THAN)
    }

    pub(super) fn signed_out() -> Self {
        let text = words::errors::YOUR_SESSION_HAS_ENDED;
        Self { needs_sign_in: true, ..Self::new(StatusCode::UNAUTHORIZED, words::shared::SIGN_IN_AGAIN, text) }
    }

    pub(super) fn signed_in_long_ago() -> Self {
        let text = words::errors::YOU_SIGNED_IN_A_WHILE_AGO;
        Self { needs_sign_in: true, ..Self::new(StatusCode::UNAUTHORIZED, words::shared::SIGN_IN_AGAIN, text) }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ManagementError> for PageError {
    fn from(error: ManagementError) -> Self {
        if matches!(error, ManagementError::SignInAgain) {
            return Self::signed_in_long_ago();
        }
        if matches!(error, ManagementError::SecondFactorMissing) {
            let (title, text) = words::errors::explain(&error);
            return Self::new(error.status(), title, text)
                .button("/settings/second-factor", words::errors::SET_UP_A_SECOND_FACTOR);
        }
        let (title, text) = words::errors::explain(&error);
        if let ManagementError::Store(source) = &error {
            keyward_core::log_limited!(error, error = %source, "a page could not be shown");
        }
        Self { retry_after: error.retry_after(), ..Self::new(error.status(), title, text) }
    }
}

pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl From<&ManagementError> for FieldError {
    fn from(error: &ManagementError) -> Self {
        let field = match error {
            ManagementError::Invalid { field, .. } => field,
            ManagementError::LifetimeTooLong(_) => "expires_at",
            ManagementError::WrongCredentials => "password",
            ManagementError::CodeRequired | ManagementError::WrongCode => "code",
            _ => "",
        };
        Self { field, text: words::errors::explain(error).1 }
    }
}

pub(super) fn retry_after(response: &mut Response, seconds: Option<u64>) {
    if let Some(seconds) = seconds {
        response.headers_mut().typed_insert(RetryAfter::delay(Duration::from_secs(seconds.max(1))));
    }
}
