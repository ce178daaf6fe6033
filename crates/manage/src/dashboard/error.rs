use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;
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

/// What is wrong with the second factor that was shown, if any was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    Missing,
    Wrong,
}

#[derive(Clone, Debug)]
pub(super) struct PageError {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) button: Option<(String, &'static str)>,
    pub(super) retry_after: Option<u64>,
    pub(super) sign_in: Option<SignIn>,
    /// The page asks for the second factor.
    pub(super) confirm: Option<Confirm>,
    /// The page opens after the user has set up a second factor.
    pub(super) needs_factor: bool,
}

impl PageError {
    pub(super) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, title, text, button: None, retry_after: None, sign_in: None, confirm: None, needs_factor: false }
    }

    pub(super) fn button(mut self, path: impl Into<String>, label: &'static str) -> Self {
        self.button = Some((path.into(), label));
        self
    }

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

    pub(super) fn too_many_uploads() -> Self {
        let text = words::errors::OTHERS_SEND_FILES;
        Self::new(StatusCode::TOO_MANY_REQUESTS, words::errors::TOO_MANY_FILES, text).retry_after(10)
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
        let confirm = match &error {
            ManagementError::CodeRequired => Some(Confirm::Missing),
            ManagementError::WrongCode => Some(Confirm::Wrong),
            _ => None,
        };
        if let ManagementError::Store(source) = &error {
            keyward_core::log_limited!(error, error = %source, "a page could not be shown");
        }
        Self { retry_after: error.retry_after(), confirm, ..Self::new(error.status(), title, text) }
    }
}

#[derive(Debug)]
struct FieldError {
    field: &'static str,
    text: String,
}

/// What is wrong with a form that was sent, at most once for each field.
#[derive(Debug, Default)]
pub(super) struct FormErrors(Vec<FieldError>);

impl FormErrors {
    pub(super) fn of(field: &'static str, text: impl Into<String>) -> Self {
        Self(vec![FieldError { field, text: text.into() }])
    }

    /// Notes what is wrong with a field, so that the others are read, too.
    pub(super) fn check<T>(&mut self, read: Result<T, ManagementError>) -> Option<T> {
        read.inspect_err(|error| self.add(error)).ok()
    }

    pub(super) fn add(&mut self, error: &ManagementError) {
        for error in Self::from(error).0 {
            if !self.is_of(error.field) {
                self.0.push(error);
            }
        }
    }

    /// Notes all of these.
    pub(super) fn add_all(&mut self, errors: &[ManagementError]) {
        errors.iter().for_each(|error| self.add(error));
    }

    /// Returns the errors of a form that asks for the current password in this field.
    pub(super) fn with_password(errors: &[ManagementError], field: &'static str) -> Self {
        let mut all = Self::default();
        for error in errors {
            match error {
                ManagementError::WrongCredentials => all.note(field, words::settings::THE_CURRENT_PASSWORD_IS_WRONG),
                error => all.add(error),
            }
        }
        all
    }

    pub(super) fn note(&mut self, field: &'static str, text: impl Into<String>) {
        if !self.is_of(field) {
            self.0.extend(Self::of(field, text).0);
        }
    }

    /// Returns the errors, or `None` if there are none.
    pub(super) fn found(self) -> Option<Self> {
        (!self.0.is_empty()).then_some(self)
    }

    /// A form may have another name for a field of the service.
    pub(super) fn rename(mut self, theirs: &str, ours: &'static str) -> Self {
        self.0.iter_mut().filter(|error| error.field == theirs).for_each(|error| error.field = ours);
        self
    }

    /// Sorts the errors like the fields of the form. Others come first.
    pub(super) fn sorted(mut self, fields: &[&str]) -> Self {
        self.0.sort_by_key(|error| fields.iter().position(|field| *field == error.field));
        self
    }

    /// Fails unless there are none.
    pub(super) fn none(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|error| error.field)
    }

    pub(super) fn is_of(&self, field: &str) -> bool {
        self.0.iter().any(|error| error.field == field)
    }

    /// The first wrong field gets the focus.
    pub(super) fn is_first(&self, field: &str) -> bool {
        self.0.first().is_some_and(|error| error.field == field)
    }

    pub(super) fn text_of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    /// Returns the attributes of a field, with the id of its help, if any.
    pub(super) fn marks<'t>(
        errors: impl Into<Option<&'t Self>>,
        field: &'static str,
        help: &'static str,
    ) -> FieldMarks {
        let errors = errors.into();
        let is_wrong = errors.is_some_and(|errors| errors.is_of(field));
        FieldMarks { field, help, is_wrong, is_first: errors.is_some_and(|errors| errors.is_first(field)) }
    }

    /// The text of the only error.
    pub(super) fn only(&self) -> Option<&str> {
        match self.0.as_slice() {
            [error] => Some(&error.text),
            _ => None,
        }
    }

    /// Each text, and the id of its field on the page.
    pub(super) fn list(&self) -> impl ExactSizeIterator<Item = (&'static str, &str)> {
        self.0.iter().map(|error| (anchor(error.field), error.text.as_str()))
    }
}

/// The attributes of a field in HTML.
pub(super) struct FieldMarks {
    field: &'static str,
    help: &'static str,
    is_wrong: bool,
    is_first: bool,
}

// It is made of constants.
impl HtmlSafe for FieldMarks {}

impl fmt::Display for FieldMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, help, is_wrong, is_first } = *self;
        if is_wrong {
            f.write_str(r#" aria-invalid="true""#)?;
        }
        if is_first {
            f.write_str(" autofocus")?;
        }
        match (help, is_wrong) {
            ("", false) => Ok(()),
            ("", true) => write!(f, r#" aria-describedby="{field}-wrong""#),
            (help, false) => write!(f, r#" aria-describedby="{help}""#),
            (help, true) => write!(f, r#" aria-describedby="{help} {field}-wrong""#),
        }
    }
}

fn anchor(field: &'static str) -> &'static str {
    match field {
        "expires_at" => "expires",
        "default_seconds" => "default_lifetime",
        "maximum_seconds" => "maximum_lifetime",
        field => field,
    }
}

/// Why a form was refused.
pub(super) enum Refused {
    Fields(FormErrors),
    Service(ManagementError),
}

impl Refused {
    /// Returns what the form shows, and its status. Other failures of the service have a page of their own.
    pub(super) fn on_form(
        self,
        is_shown: impl FnOnce(&ManagementError) -> bool,
    ) -> Result<(StatusCode, Option<FormErrors>), PageError> {
        match self {
            Self::Fields(errors) => Ok((StatusCode::UNPROCESSABLE_ENTITY, Some(errors))),
            Self::Service(error) if is_shown(&error) => Ok((error.status(), Some(FormErrors::from(&error)))),
            Self::Service(error) => Err(error.into()),
        }
    }

    /// The same for a form that changes something: a change that came first is shown.
    pub(super) fn on_edit(self) -> Result<(StatusCode, Option<FormErrors>), PageError> {
        self.on_form(|error| matches!(error, ManagementError::Invalid { .. } | ManagementError::Stale))
    }
}

impl From<FormErrors> for Refused {
    fn from(errors: FormErrors) -> Self {
        Self::Fields(errors)
    }
}

impl From<ManagementError> for Refused {
    fn from(error: ManagementError) -> Self {
        Self::Service(error)
    }
}

impl From<FormErrors> for PageError {
    fn from(errors: FormErrors) -> Self {
        let text = errors.0.iter().map(|error| error.text.as_str()).collect::<Vec<_>>().join(" ");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, words::errors::CHECK_WHAT_YOU_TYPED, text)
    }
}

impl From<&ManagementError> for FormErrors {
    fn from(error: &ManagementError) -> Self {
        let field = match error {
            ManagementError::Invalid { field, .. } => field,
            ManagementError::ScopeNotInPlan { .. } => "scopes",
            ManagementError::LifetimeTooLong(_) => "expires_at",
            ManagementError::WrongCredentials => "password",
            ManagementError::CodeRequired | ManagementError::WrongCode => "code",
            _ => "",
        };
        Self::of(field, words::errors::explain(error).1)
    }
}

pub(super) fn retry_after(response: &mut Response, seconds: Option<u64>) {
    if let Some(seconds) = seconds {
        response.headers_mut().typed_insert(RetryAfter::delay(Duration::from_secs(seconds.max(1))));
    }
}
