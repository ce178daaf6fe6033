use std::time::Duration;

use axum::response::{IntoResponse, Response};
use headers::{HeaderMapExt as _, RetryAfter};
use http::StatusCode;
use keyward_core::store::StoreErrorKind;

use crate::error::ManagementError;
use crate::web::sentence;

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
        let text = "You opened this page over plain HTTP, which exposes passwords and keys. Open it over https://. If a proxy \
                    terminates HTTPS, the operator must configure it as a trusted proxy.";
        Self::new(StatusCode::FORBIDDEN, "Open this page over HTTPS", text)
    }

    /// RFC 9110 section 15.5.20.
    pub(super) fn other_host(own: &str) -> Self {
        let text =
            format!("You opened this page under another address, so it cannot create a link. Open {own} instead.");
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Open this page under its own address", text)
    }

    #[cfg(feature = "oidc")]
    pub(super) fn no_public_url() -> Self {
        keyward_core::log_limited!(error, "single sign-on needs the dashboard's public URL: set public_url");
        let text = "The server has no public URL, so the identity provider cannot send you back. Ask the operator to set \
                    public_url.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "The server has no public URL", text)
    }

    pub(super) fn other_site() -> Self {
        let text = "The form was sent from another site, so nothing was done.";
        Self::new(StatusCode::FORBIDDEN, "Not from this site", text)
    }

    pub(super) fn other_session(form_page: &str) -> Self {
        let text = "The form belongs to another session, so nothing was done. We kept what you typed: check it, then send it again.";
        Self::new(StatusCode::FORBIDDEN, "Send it again", text).button(form_page, "Back to the form")
    }

    pub(super) fn too_long() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Form too large", "The form is larger than the server allows.")
    }

    pub(super) fn signed_out() -> Self {
        let text =
            "Your session has ended, so nothing was done. Sign in to return to the form: we kept what you typed.";
        Self { needs_sign_in: true, ..Self::new(StatusCode::UNAUTHORIZED, "Sign in again", text) }
    }

    pub(super) fn signed_in_long_ago() -> Self {
        let text = "You signed in a while ago. To protect your account, sign in again before you create access. You then return \
                    to this page.";
        Self { needs_sign_in: true, ..Self::new(StatusCode::UNAUTHORIZED, "Sign in again", text) }
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
            let (title, text) = explain(&error);
            return Self::new(error.status(), title, text).button("/settings/second-factor", "Set up a second factor");
        }
        let (title, text) = explain(&error);
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
        Self { field, text: explain(error).1 }
    }
}

pub(super) fn retry_after(response: &mut Response, seconds: Option<u64>) {
    if let Some(seconds) = seconds {
        response.headers_mut().typed_insert(RetryAfter::delay(Duration::from_secs(seconds.max(1))));
    }
}

fn explain(error: &ManagementError) -> (&'static str, String) {
    match error {
        ManagementError::Invalid { field, message } => ("Check what you typed", format!("{}: {message}.", label(field))),
        ManagementError::NotFound(what) => ("Not found", format!("This {what} does not exist, or you cannot see it.")),
        ManagementError::Forbidden(scope) => {
            ("No permission", format!("You don't have permission to do this ({scope}). Ask an owner or admin."))
        }
        ManagementError::Escalation(what) => ("No permission", format!("You can't grant more than you have: {what}.")),
        ManagementError::Stale => {
            ("Changed by another user", "Another user changed this after you opened it. Check it, then try again.".to_owned())
        }
        ManagementError::Duplicate(what) => ("Already exists", format!("This {what} already exists.")),
        ManagementError::AccountDeleted(account) => {
            ("The account was deleted", format!("The account {account} was deleted. Choose another id."))
        }
        ManagementError::Ended => {
            ("The key has ended", "The key is revoked or has expired. Create a new key.".to_owned())
        }
        ManagementError::Rotated => ("Already rotated", "The key was already rotated. Rotate its successor.".to_owned()),
        ManagementError::KeyLimit { limit } => {
            ("Too many keys", format!("The account has {limit} active keys, its maximum. Revoke one that you don't use."))
        }
        ManagementError::LifetimeTooLong(error) => ("Choose an earlier expiry", sentence(&error.to_string())),
        ManagementError::LastOwner => ("An owner is needed", "An account needs at least one owner.".to_owned()),
        ManagementError::WrongCredentials => ("Not signed in", "The e-mail address or the password is wrong.".to_owned()),
        ManagementError::CodeRequired => ("Enter the code", "Enter the code that your authenticator app shows.".to_owned()),
        ManagementError::WrongCode => (
            "Wrong code",
            "The code is wrong or was used before. Enter the one that your authenticator app shows now.".to_owned(),
        ),
        ManagementError::SecondFactorMissing => (
            "A second factor is needed",
            "This account requires a second factor of its members. Set one up, then come back.".to_owned(),
        ),
        ManagementError::SignInAgain => {
            ("Sign in again", "You signed in a while ago. Sign in again, then repeat this.".to_owned())
        }
        ManagementError::AddressInUse => (
            "You already have a user",
            "A user with this e-mail address already exists. Sign in, then open the link again.".to_owned(),
        ),
        ManagementError::AccountLimit { limit } => {
            ("Too many accounts", format!("You already own {limit} accounts, the maximum. If you need more, ask the operator."))
        }
        ManagementError::LinkEnded => {
            ("Invalid link", "The link was already used, has expired, or is wrong. Ask for a new one.".to_owned())
        }
        ManagementError::PasswordsOff => {
            ("No passwords here", "You can't sign in with a password here. Use the button on the sign-in page.".to_owned())
        }
        ManagementError::NotAdmitted => (
            "No access yet",
            "You signed in at the identity provider, but you don't have a user here. Ask an owner or admin to invite the \
             e-mail address that you use there, and make sure that it is verified."
                .to_owned(),
        ),
        ManagementError::SignUpClosed => ("By invitation only", "Ask an owner or admin for an invitation.".to_owned()),
        ManagementError::Throttled { retry_after } => {
            ("Too many attempts", format!("Wait {} seconds, then try again.", retry_after.as_secs() + 1))
        }
        ManagementError::Busy { retry_after } => (
            "Too busy",
            format!("Many users are signing in right now. Try again in {} seconds.", retry_after.as_secs() + 1),
        ),
        ManagementError::OtherRequest | ManagementError::InProgress => {
            ("Already sent", "You already sent this form. Check whether it took effect before you repeat it.".to_owned())
        }
        ManagementError::Store(error) if error.kind() == StoreErrorKind::Unavailable => (
            "The database does not answer",
            "The server cannot read or write its database right now. Check whether your change took effect before you repeat it."
                .to_owned(),
        ),
        ManagementError::Publishable | ManagementError::UsersOnly | ManagementError::SignedOut => ("Sign in", "Sign in to see this page.".to_owned()),
        ManagementError::Store(_) | ManagementError::Internal => {
            ("Something went wrong", "The server could not do this. The operator finds the reason in its log.".to_owned())
        }
    }
}

fn label(field: &str) -> String {
    match field {
        "expires_at" => "Expires".to_owned(),
        "default_seconds" => "Default lifetime".to_owned(),
        "maximum_seconds" => "Maximum lifetime".to_owned(),
        "email" => "E-mail address".to_owned(),
        "overlap_seconds" => "Overlap".to_owned(),
        other => {
            let mut letters = other.replace('_', " ").chars().collect::<Vec<_>>();
            if let Some(first) = letters.first_mut() {
                first.make_ascii_uppercase();
            }
            letters.into_iter().collect()
        }
    }
}
