//! Choosing a password with an invitation, and signing up where that is open to everybody.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::failure::{Failure, Wrong};
use super::form::{self, Form};
use super::page::{Frame, Note};
use super::web::{self, AnonymousForm, Visitor};
use crate::error::ManagementError;
use crate::service::{NewUser, SignUpPolicy};

#[derive(Template)]
#[template(path = "dashboard/register.html")]
struct RegisterPage {
    frame: Frame,
    /// None where people sign up by themselves.
    invitation: Option<String>,
    is_open: bool,
    /// Where signing in leads: to the invitation, if there is one.
    to: Option<String>,
    email: String,
    name: String,
    wrong: Option<Wrong>,
}

fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    wrong: Option<Wrong>,
    note: Option<Note>,
) -> Result<Response, Failure> {
    let is_open = visitor.app.management().sign_up_policy() == SignUpPolicy::Open;
    visitor.open_page(status, "Register", |frame| RegisterPage {
        frame: frame.note(note),
        invitation: (form.has("invitation") || !is_open).then(|| form.get("invitation").to_owned()),
        is_open,
        to: form.has("invitation").then(|| form::query("to", &invitations_path(form.get("invitation")))),
        email: form.get("email").to_owned(),
        name: form.get("name").to_owned(),
        wrong,
    })
}

/// The page on which a signed-in user accepts this invitation.
fn invitations_path(invitation: &str) -> String {
    format!("/invitations?{}", form::query("invitation", invitation))
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let query = visitor.query();
    let is_signed_in = visitor.app.management().session(&visitor.session(), visitor.context.clone()).await.is_ok();
    if is_signed_in && query.has("invitation") {
        return Ok(visitor.go(&invitations_path(query.get("invitation"))));
    }
    show(&visitor, StatusCode::OK, &query, None, None)
}

pub(super) async fn register(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, Failure> {
    if !is_own {
        let note = Note::bad(web::TOO_OLD);
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(note));
    }
    let management = visitor.app.management();
    let (name, password) = (form.get("name"), form.get("password"));
    let (done, said) = if form.has("invitation") {
        let invitation = form.get("invitation").trim();
        (management.accept_invitation(&visitor.context, invitation, name, password).await, "registered")
    } else {
        (management.sign_up(&visitor.context, NewUser::new(form.get("email"), name, password)).await, "signed-up")
    };
    match done {
        Ok(()) => Ok(visitor.redirect_with_flash("/login", said)),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::LinkEnded | ManagementError::AddressInUse)) => {
            show(&visitor, error.status(), &form, Some(Wrong::from(&error)), None)
        }
        Err(error) => Err(error.into()),
    }
}
