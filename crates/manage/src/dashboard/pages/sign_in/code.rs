use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::login;
use crate::dashboard::cookies::{HALF, VISIT};
use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::flash::Note;
use crate::dashboard::form::Form;
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::passkeys;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{PasskeyRequest, SecondStep, passkey_binding};

#[derive(Template)]
#[template(path = "dashboard/sign_in/code.html")]
struct CodePage {
    frame: Frame,
    to: String,
    is_again: bool,
    has_app: bool,
    request: Option<PasskeyRequest>,
    /// Why the user's passkeys are not offered.
    no_passkeys: Option<String>,
    error: Option<FormErrors>,
}

async fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
    note: Option<Note>,
) -> Result<Response, PageError> {
    let to = visitor.safe_redirect(form.get("to")).to_owned();
    let is_again = form.has("again");
    let place = visitor.passkey_place();
    let (half, visit) = (visitor.cookies.get(HALF), visitor.cookies.get(VISIT));
    let step = match visitor.app.management().second_step(half, visit, place.as_ref().ok()).await {
        Ok(step) => step,
        // The form says so.
        Err(ManagementError::SignedOut) => SecondStep { has_app: true, has_passkeys: false, request: None },
        Err(error) => return Err(error.into()),
    };
    let no_passkeys = (step.has_passkeys && step.request.is_none())
        .then(|| place.err().unwrap_or_else(|| words::passkeys::YOUR_PASSKEYS_ARE_OF_ANOTHER_HOST.to_owned()));
    let title = if step.has_passkeys { words::passkeys::CONFIRM_YOUR_SIGN_IN } else { words::sign_in::ENTER_THE_CODE };
    visitor.open_page(status, title, |frame| CodePage {
        frame: frame.note(note),
        to,
        is_again,
        has_app: step.has_app,
        request: step.request,
        no_passkeys,
        error,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    if visitor.cookies.get(HALF).is_empty() {
        return Ok(visitor.go("/login"));
    }
    show(&visitor, StatusCode::OK, &query, None, None).await
}

pub(super) async fn check(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    if !is_own {
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(Note::bad(EXPIRED_FORM))).await;
    }
    let (half, visit) = (visitor.cookies.get(HALF), visitor.cookies.get(VISIT));
    let (binding, place) = (passkey_binding(half, visit), visitor.passkey_place().ok());
    let proof = passkeys::proof(&form, &binding, place.as_ref());
    match visitor.app.management().end_sign_in(&visitor.context, half, visit, proof).await {
        Ok(signed_in) => Ok(login::finish(&visitor, &form, &signed_in)),
        Err(ManagementError::LinkEnded) => Err(PageError::sign_in_link_ended()),
        Err(ManagementError::SignedOut) => Ok(visitor.redirect_with_flash("/login", "half-over")),
        Err(
            error @ (ManagementError::WrongCode
            | ManagementError::CodeRequired
            | ManagementError::WrongCredentials
            | ManagementError::Throttled { .. }),
        ) => {
            let shown = passkeys::field_error(&form, &error);
            let mut response = show(&visitor, error.status(), &form, Some(shown), None).await?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

impl CodePage {
    fn is_wrong(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_of("passkey"))
    }
}
