use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::methods::Methods;
use crate::dashboard::cookies::VISIT;
use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::flash::Note;
use crate::dashboard::form::{self, Form};
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{SignInStep, SignUpPolicy, SignedIn};

#[derive(Template)]
#[template(path = "dashboard/sign_in/login.html")]
struct LoginPage {
    frame: Frame,
    methods: Methods,
    email: String,
    to: String,
    error: Option<FormErrors>,
    is_open: bool,
    has_owner: bool,
}

async fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    to: &str,
    error: Option<FormErrors>,
    note: Option<Note>,
) -> Result<Response, PageError> {
    let has_owner = visitor.app.management().has_owner().await?;
    let to = visitor.safe_redirect(to);
    let methods = Methods::of(visitor, to);
    visitor.open_page(status, words::shared::SIGN_IN, |frame| LoginPage {
        methods,
        frame: frame.note(note),
        email: form.get("email").to_owned(),
        to: to.to_owned(),
        error,
        is_open: visitor.app.management().sign_up_policy() == SignUpPolicy::Open,
        has_owner,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    if visitor.is_signed_in().await {
        return Ok(visitor.go(visitor.safe_redirect(query.get("to"))));
    }
    show(&visitor, StatusCode::OK, &query, query.get("to"), None, None).await
}

pub(super) async fn sign_in(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    let to = form.get("to");
    if !is_own {
        let note = Note::bad(EXPIRED_FORM);
        return show(&visitor, StatusCode::FORBIDDEN, &form, to, None, Some(note)).await;
    }
    let (management, visit) = (visitor.app.management(), visitor.cookies.get(VISIT));
    match management.begin_sign_in(&visitor.context, form.get("email"), form.get("password"), visit).await {
        Ok(SignInStep::Done(signed_in)) => Ok(finish(&visitor, &form, &signed_in)),
        Ok(SignInStep::Code(half)) => {
            let again = if form.has("again") { "&again=1" } else { "" };
            let to = form::query("to", visitor.safe_redirect(to));
            let mut response = visitor.go(&format!("/login/code?{to}{again}"));
            visitor.half_sign_in(&mut response, &half);
            Ok(response)
        }
        Err(
            error @ (ManagementError::WrongCredentials
            | ManagementError::Throttled { .. }
            | ManagementError::Busy { .. }),
        ) => {
            let mut response = show(&visitor, error.status(), &form, to, Some(FormErrors::from(&error)), None).await?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn finish(visitor: &Visitor, form: &Form, signed_in: &SignedIn) -> Response {
    let to = visitor.safe_redirect(form.get("to"));
    // The query holds the fields that the user typed before the session ended.
    let is_draft = form.has("again");
    let mut response = if is_draft { visitor.redirect_with_flash(to, "again") } else { visitor.go(to) };
    visitor.begin_session(&mut response, signed_in);
    response
}
