use std::time::Duration;

use axum::response::{IntoResponse, Response};
use headers::{HeaderMapExt as _, RetryAfter};
use http::StatusCode;

use super::words;
use crate::error::ManagementError;

/// Why the page asks for a password.
#[derive(Clone, Copy, Debug)]
pub(super) enum SignIn {
    Ended,
    LongAgo,
}

#[derive(Clone, Debug)]
pub(super) struct PageError {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) button: Option<(String, &'static str)>,
    pub(super) retry_after: Option<u64>,
    pub(super) sign_in: Option<SignIn>,
    /// The page opens after the user has set up a second factor.
    pub(super) needs_factor: bool,
}

impl PageError {
    pub(super) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, title, text, button: None, retry_after: None, sign_in: None, needs_factor: false }
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
        Self::sign_in(SignIn::Ended)
    }

    pub(super) fn signed_in_long_ago() -> Self {
        Self::sign_in(SignIn::LongAgo)
    }

    fn sign_in(why: SignIn) -> Self {
        Self { sign_in: Some(why), ..Self::new(StatusCode::UNAUTHORIZED, words::shared::SIGN_IN_AGAIN, "") }
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
            let page = Self::new(error.status(), title, text)
                .button("/settings/second-factor", words::errors::SET_UP_A_SECOND_FACTOR);
            return Self { needs_factor: true, ..page };
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

impl FieldError {
    pub(super) fn is_of(&self, field: &str) -> bool {
        self.field == field
    }
}

impl From<&ManagementError> for FieldError {
    fn from(error: &ManagementError) -> Self {
        let field = match error {
            ManagementError::Invalid { field, .. } => field,
            ManagementError::ScopeNotInPlan { .. } => "scopes",
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
