use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::login;
use crate::dashboard::cookies::{HALF, VISIT};
use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FieldError, PageError, retry_after};
use crate::dashboard::flash::Note;
use crate::dashboard::form::Form;
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;

#[derive(Template)]
#[template(path = "dashboard/sign_in/code.html")]
struct CodePage {
    frame: Frame,
    to: String,
    is_again: bool,
    error: Option<FieldError>,
}

fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    error: Option<FieldError>,
    note: Option<Note>,
) -> Result<Response, PageError> {
    let to = visitor.safe_redirect(form.get("to")).to_owned();
    let is_again = form.has("again");
    visitor.open_page(status, words::sign_in::ENTER_THE_CODE, |frame| CodePage {
        frame: frame.note(note),
        to,
        is_again,
        error,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    if visitor.cookies.get(HALF).is_empty() {
        return Ok(visitor.go("/login"));
    }
    show(&visitor, StatusCode::OK, &query, None, None)
}

pub(super) async fn check(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    if !is_own {
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(Note::bad(EXPIRED_FORM)));
    }
    let (half, visit) = (visitor.cookies.get(HALF), visitor.cookies.get(VISIT));
    match visitor.app.management().end_sign_in(&visitor.context, half, visit, form.get("code")).await {
        Ok(signed_in) => Ok(login::finish(&visitor, &form, &signed_in)),
        Err(ManagementError::LinkEnded) => Err(PageError::sign_in_link_ended()),
        Err(ManagementError::SignedOut) => Ok(visitor.redirect_with_flash("/login", "half-over")),
        Err(
            error @ (ManagementError::WrongCode
            | ManagementError::CodeRequired
            | ManagementError::WrongCredentials
            | ManagementError::Throttled { .. }),
        ) => {
            let mut response = show(&visitor, error.status(), &form, Some(FieldError::from(&error)), None)?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}
