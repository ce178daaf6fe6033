//! What a page says when it cannot be shown.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyward_core::store::StoreErrorKind;

use super::page::Frame;
use super::web::{self, Visitor};
use crate::error::ManagementError;

/// Why there is no page, in words for people. The frame around all pages writes it, as it knows the visitor.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    status: StatusCode,
    title: &'static str,
    text: String,
    /// Where to go on from here.
    way: Option<(String, &'static str)>,
    retry_after: Option<u64>,
    /// Whether signing in again helps: the page of the form comes back then, with what was typed.
    signs_in: bool,
}

#[derive(Template)]
#[template(path = "dashboard/failure.html")]
struct FailurePage {
    frame: Frame,
    text: String,
    way: (String, &'static str),
}

impl Failure {
    pub(super) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, title, text: text.into(), way: None, retry_after: None, signs_in: false }
    }

    /// With this way to go on.
    pub(super) fn way(mut self, path: impl Into<String>, label: &'static str) -> Self {
        self.way = Some((path.into(), label));
        self
    }

    #[cfg(feature = "oidc")]
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(super) fn plain_text() -> Self {
        let text = "This page was asked for over plain HTTP, where others can read passwords and keys. Open it over https://. If it is \
                    behind a proxy that ends HTTPS, name the proxy as a trusted one.";
        Self::new(StatusCode::FORBIDDEN, "Open this over HTTPS", text)
    }

    /// RFC 9110 section 15.5.20: the request is for another host.
    pub(super) fn other_host(own: &str) -> Self {
        let text = format!(
            "This page was asked for under another host than the server's own, so no link is made. Open {own} instead."
        );
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Open this under its own address", text)
    }

    #[cfg(feature = "oidc")]
    pub(super) fn no_public_url() -> Self {
        keyward_core::log_limited!(
            error,
            "the dashboard needs its public URL to sign people in with the identity provider: set public_url"
        );
        let text = "The server does not know the address that people reach it under, so the identity provider could not send you back. Ask \
                    the operator to set public_url.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "The server has no public URL", text)
    }

    pub(super) fn other_site() -> Self {
        let text = "The form was sent from another site, so nothing was done.";
        Self::new(StatusCode::FORBIDDEN, "Not from this site", text)
    }

    pub(super) fn other_session(form_page: &str) -> Self {
        let text = "The form was made for another session, so nothing was done. What you typed is still there: look it over, and send \
                    it again.";
        Self::new(StatusCode::FORBIDDEN, "Send it again", text).way(form_page, "Back to the form")
    }

    pub(super) fn too_long() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too much at once", "The form is longer than forms here can be.")
    }

    /// The session has ended under a form.
    pub(super) fn signed_out() -> Self {
        let text = "Your session has ended, so nothing was sent. What you typed comes back once you have signed in.";
        Self { signs_in: true, ..Self::new(StatusCode::UNAUTHORIZED, "Sign in again", text) }
    }

    /// The session is too old for what gives authority. Any handler may end with this: whatever form it was, what was typed comes back.
    pub(super) fn signed_in_long_ago() -> Self {
        let text = "You signed in a while ago, and an open browser alone gives nobody a key or a role. You are back here once you have \
                    signed in.";
        Self { signs_in: true, ..Self::new(StatusCode::UNAUTHORIZED, "Sign in again", text) }
    }

    pub(super) async fn page(self, visitor: &Visitor) -> Response {
        if self.signs_in {
            return super::login::again(visitor, self.status, &self.text);
        }
        let page = FailurePage {
            frame: visitor.failure_frame(self.title).await,
            text: self.text,
            way: self.way.unwrap_or_else(|| ("/keys".to_owned(), "Go to the keys")),
        };
        let mut response = visitor.html(self.status, &page);
        if let Some(seconds) = self.retry_after {
            web::retry_after(&mut response, seconds);
        }
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ManagementError> for Failure {
    fn from(error: ManagementError) -> Self {
        if matches!(error, ManagementError::SignInAgain) {
            return Self::signed_in_long_ago();
        }
        let (title, text) = explain(&error);
        if let ManagementError::Store(source) = &error {
            keyward_core::log_limited!(error, error = %source, "a page could not be shown");
        }
        Self { retry_after: error.retry_after(), ..Self::new(error.status(), title, text) }
    }
}

/// What has gone wrong, in a few words and in a sentence.
pub(super) fn explain(error: &ManagementError) -> (&'static str, String) {
    match error {
        ManagementError::Invalid { field, message } => ("Check what you typed", format!("{}: {message}.", label(field))),
        ManagementError::NotFound(what) => ("Not found", format!("There is no such {what}, or it is not yours to see.")),
        ManagementError::Forbidden(scope) => {
            ("Not yours to do", format!("Your role in this account does not include this ({scope}). Ask an owner or admin."))
        }
        ManagementError::Escalation(what) => ("Not yours to give", format!("Nobody can give more than they have: {what}.")),
        ManagementError::Stale => ("Changed meanwhile", "Somebody else changed it in the meantime. Look again, and repeat it.".to_owned()),
        ManagementError::Duplicate(what) => ("There already", format!("There is such a {what} already.")),
        ManagementError::Ended => {
            ("The key has ended", "It is revoked or has expired, and stays so. Create a new key instead.".to_owned())
        }
        ManagementError::Rotated => {
            ("Rotated already", "The key has a successor already: rotate that one, if it is needed.".to_owned())
        }
        ManagementError::KeyLimit { limit } => (
            "No more keys",
            format!("The account has as many active keys as it may have, {limit}. Revoke one that is not used."),
        ),
        ManagementError::LastOwner => ("An owner is needed", "An account keeps at least one owner.".to_owned()),
        ManagementError::WrongCredentials => ("Not signed in", "The e-mail address or the password is wrong.".to_owned()),
        ManagementError::SignInAgain => (
            "Sign in again",
            "You signed in a while ago, and this hands out authority. Sign in again, then repeat it.".to_owned(),
        ),
        ManagementError::AddressInUse => (
            "You have a user already",
            "This e-mail address has a user already. Sign in, then open the link again.".to_owned(),
        ),
        ManagementError::AccountLimit { limit } => {
            ("No more accounts", format!("You own {limit} accounts, which is the most. Ask the operator."))
        }
        ManagementError::LinkEnded => {
            ("The link has ended", "It was used already, is too old, or never was. Ask for another.".to_owned())
        }
        ManagementError::PasswordsOff => {
            ("Not with a password", "Nobody signs in with a password here. Use the button on the sign-in page.".to_owned())
        }
        ManagementError::NotAdmitted => (
            "Not let in",
            "The identity provider knows you, but nothing here is yours yet. Ask an owner or admin to invite the e-mail address that it \
             has for you, and see that the address is verified there."
                .to_owned(),
        ),
        ManagementError::SignUpClosed => ("By invitation only", "Ask an owner or admin for an invitation.".to_owned()),
        ManagementError::Throttled { retry_after } => {
            ("Too many attempts", format!("Wait {} seconds, and try again.", retry_after.as_secs() + 1))
        }
        ManagementError::Busy { retry_after } => (
            "Too busy",
            format!("Many people are signing in at this moment. Try again in {} seconds.", retry_after.as_secs() + 1),
        ),
        ManagementError::OtherRequest | ManagementError::InProgress => {
            ("Sent already", "This form was sent already. Look whether it was done before you repeat it.".to_owned())
        }
        ManagementError::Store(error) if error.kind() == StoreErrorKind::Unavailable => (
            "The database does not answer",
            "It cannot be reached or written at the moment. Look whether what you wanted was done before you repeat it.".to_owned(),
        ),
        ManagementError::UsersOnly | ManagementError::SignedOut => ("Sign in", "This is for signed-in users.".to_owned()),
        ManagementError::Store(_) | ManagementError::Internal => {
            ("Something is wrong", "The server could not do this, and has written down why.".to_owned())
        }
    }
}

/// What a field is called on the pages.
fn label(field: &str) -> String {
    match field {
        "expires_at" => "Expires".to_owned(),
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

/// What was wrong with a form: said above it, and at the field.
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl From<&ManagementError> for Wrong {
    fn from(error: &ManagementError) -> Self {
        let field = match error {
            ManagementError::Invalid { field, .. } => field,
            ManagementError::WrongCredentials => "password",
            _ => "",
        };
        Self { field, text: explain(error).1 }
    }
}
