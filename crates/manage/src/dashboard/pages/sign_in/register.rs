use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::flash::Note;
use crate::dashboard::form::{self, Form};
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::invitations::inviter;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{InvitationView, NewUser, SignUpPolicy};

#[derive(Template)]
#[template(path = "dashboard/sign_in/register.html")]
struct RegisterPage {
    frame: Frame,
    invitation: Option<String>,
    is_open: bool,
    to: Option<String>,
    email: String,
    name: String,
    error: Option<FormErrors>,
    /// What the link is for.
    invited: Option<InvitationView>,
    inviter: String,
}

async fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
    note: Option<Note>,
) -> Result<Response, PageError> {
    let is_open = visitor.app.management().sign_up_policy() == SignUpPolicy::Open;
    // A link that has ended counts as an attempt each time it is looked up.
    let is_ended = error.as_ref().is_some_and(|error| error.is_of(""));
    let (invited, error) = match form.filled("invitation").filter(|_| !is_ended) {
        Some(secret) => match visitor.app.management().invitation(&visitor.context, secret.trim()).await {
            Ok(invited) => (Some(invited), error),
            Err(ended @ ManagementError::LinkEnded) => (None, error.or_else(|| Some(FormErrors::from(&ended)))),
            Err(_) => (None, error),
        },
        None => (None, error),
    };
    let inviter = match &invited {
        Some(invited) => inviter(visitor.app.management(), invited).await?,
        None => String::new(),
    };
    visitor.open_page(status, words::sign_in::REGISTER, |frame| RegisterPage {
        frame: frame.note(note),
        invitation: (form.has("invitation") || !is_open).then(|| form.get("invitation").to_owned()),
        is_open,
        to: form.has("invitation").then(|| form::query("to", &invitations_path(form.get("invitation")))),
        email: form.get("email").to_owned(),
        name: form.get("name").to_owned(),
        error,
        invited,
        inviter,
    })
}

/// The sign-in page with the address that was typed, or that the invitation is for.
fn sign_in_path(form: &Form) -> String {
    match form.filled("email") {
        Some(email) => format!("/login?{}", form::query("email", &email)),
        None => "/login".to_owned(),
    }
}

fn invitations_path(invitation: &str) -> String {
    format!("/invitations?{}", form::query("invitation", invitation))
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    if query.has("invitation") && visitor.is_signed_in().await {
        return Ok(visitor.go(&invitations_path(query.get("invitation"))));
    }
    show(&visitor, StatusCode::OK, &query, None, None).await
}

pub(super) async fn register(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    if !is_own {
        let note = Note::bad(EXPIRED_FORM);
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(note)).await;
    }
    let management = visitor.app.management();
    let (name, password) = (form.get("name"), form.get("password"));
    management.require_passwords()?;
    // A closed sign-up says so first.
    if form.has("invitation") || management.sign_up_policy() == SignUpPolicy::Open {
        let email = Some(form.get("email")).filter(|_| !form.has("invitation"));
        let mut errors = FormErrors::default();
        let wrong = management.wrong_fields_of_user(&visitor.context, email, name, password).await?;
        errors.add_all(&wrong);
        if let Some(errors) = errors.found() {
            return show(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, Some(errors), None).await;
        }
    }
    let (done, code) = if form.has("invitation") {
        let invitation = form.get("invitation").trim();
        (management.accept_invitation(&visitor.context, invitation, name, password).await, "registered")
    } else {
        (management.sign_up(&visitor.context, NewUser::new(form.get("email"), name, password)).await, "signed-up")
    };
    match done {
        Ok(()) => Ok(visitor.redirect_with_flash(&sign_in_path(&form), code)),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::LinkEnded | ManagementError::AddressInUse)) => {
            show(&visitor, error.status(), &form, Some(FormErrors::from(&error)), None).await
        }
        Err(error) => Err(error.into()),
    }
}
