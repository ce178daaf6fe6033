use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::flash::Note;
use crate::dashboard::form::Form;
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;

#[derive(Template)]
#[template(path = "dashboard/sign_in/forgot.html")]
struct ForgotPage {
    frame: Frame,
    sends_links: bool,
    was_sent: bool,
    email: String,
    error: Option<FormErrors>,
}

fn show_forgot(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    was_sent: bool,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    visitor.app.management().require_passwords()?;
    visitor.open_page(status, words::sign_in::FORGOT_YOUR_PASSWORD, |frame| ForgotPage {
        frame,
        sends_links: visitor.app.management().sends_links(),
        was_sent,
        email: form.get("email").to_owned(),
        error,
    })
}

pub(super) async fn forgot_page(visitor: Visitor) -> Result<Response, PageError> {
    show_forgot(&visitor, StatusCode::OK, &Form::default(), false, None)
}

pub(super) async fn forgot(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    if !is_own {
        let error = FormErrors::of("", EXPIRED_FORM);
        return show_forgot(&visitor, StatusCode::FORBIDDEN, &form, false, Some(error));
    }
    match visitor.app.management().forgot_password(&visitor.context, form.get("email")).await {
        Ok(()) => show_forgot(&visitor, StatusCode::OK, &Form::default(), true, None),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Throttled { .. })) => {
            let mut response = show_forgot(&visitor, error.status(), &form, false, Some(FormErrors::from(&error)))?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "dashboard/sign_in/reset.html")]
struct ResetPage {
    frame: Frame,
    reset: String,
    error: Option<FormErrors>,
}

fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
    note: Option<Note>,
) -> Result<Response, PageError> {
    visitor.app.management().require_passwords()?;
    visitor.open_page(status, words::sign_in::CHOOSE_A_NEW_PASSWORD, |frame| ResetPage {
        frame: frame.note(note),
        reset: form.get("reset").trim().to_owned(),
        error,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    show(&visitor, StatusCode::OK, &query, None, None)
}

pub(super) async fn reset(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    if !is_own {
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(Note::bad(EXPIRED_FORM)));
    }
    let management = visitor.app.management();
    match management.reset_password(&visitor.context, form.get("reset").trim(), form.get("password")).await {
        Ok(()) => {
            let mut response = visitor.redirect_with_flash("/login", "password");
            visitor.end_session(&mut response);
            Ok(response)
        }
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::LinkEnded)) => {
            show(&visitor, error.status(), &form, Some(FormErrors::from(&error)), None)
        }
        Err(error) => Err(error.into()),
    }
}
