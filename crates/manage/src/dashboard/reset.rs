//! Forgotten passwords: asking for a link, making one for somebody else, and choosing another password with it.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Wrong};
use super::form::{self, Form};
use super::member::{AtAccount, NamedUser};
use super::once::{self, Shown};
use super::page::{Frame, Note};
use super::web::{self, AnonymousForm, SignedInForm, Visitor};
use crate::error::ManagementError;

#[derive(Template)]
#[template(path = "dashboard/forgot.html")]
struct ForgotPage {
    frame: Frame,
    /// Whether links are sent by mail; else people have to ask.
    sends_links: bool,
    was_sent: bool,
    email: String,
    wrong: Option<Wrong>,
}

fn show_forgot(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    was_sent: bool,
    wrong: Option<Wrong>,
) -> Result<Response, Failure> {
    visitor.app.management().require_passwords()?;
    visitor.open_page(status, "Forgot your password?", |frame| ForgotPage {
        frame,
        sends_links: visitor.app.management().sends_links(),
        was_sent,
        email: form.get("email").to_owned(),
        wrong,
    })
}

pub(super) async fn forgot_page(visitor: Visitor) -> Result<Response, Failure> {
    show_forgot(&visitor, StatusCode::OK, &Form::default(), false, None)
}

pub(super) async fn forgot(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, Failure> {
    if !is_own {
        let wrong = Wrong { field: "", text: web::TOO_OLD.to_owned() };
        return show_forgot(&visitor, StatusCode::FORBIDDEN, &form, false, Some(wrong));
    }
    match visitor.app.management().forgot_password(&visitor.context, form.get("email")).await {
        Ok(()) => show_forgot(&visitor, StatusCode::OK, &Form::default(), true, None),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Throttled { .. })) => {
            let mut response = show_forgot(&visitor, error.status(), &form, false, Some(Wrong::from(&error)))?;
            if let Some(seconds) = error.retry_after() {
                web::retry_after(&mut response, seconds);
            }
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "dashboard/reset.html")]
struct ResetPage {
    frame: Frame,
    reset: String,
    wrong: Option<Wrong>,
}

fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    wrong: Option<Wrong>,
    note: Option<Note>,
) -> Result<Response, Failure> {
    visitor.app.management().require_passwords()?;
    visitor.open_page(status, "Choose another password", |frame| ResetPage {
        frame: frame.note(note),
        reset: form.get("reset").trim().to_owned(),
        wrong,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let query = visitor.query();
    show(&visitor, StatusCode::OK, &query, None, None)
}

pub(super) async fn reset(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, Failure> {
    if !is_own {
        return show(&visitor, StatusCode::FORBIDDEN, &form, None, Some(Note::bad(web::TOO_OLD)));
    }
    let management = visitor.app.management();
    match management.reset_password(&visitor.context, form.get("reset").trim(), form.get("password")).await {
        Ok(()) => {
            let mut response = visitor.redirect_with_flash("/login", "password");
            visitor.end_session(&mut response);
            Ok(response)
        }
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::LinkEnded)) => {
            show(&visitor, error.status(), &form, Some(Wrong::from(&error)), None)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "dashboard/member_reset.html")]
struct ConfirmPage {
    frame: Frame,
    id: String,
    name: String,
    email: String,
    form_id: String,
}

pub(super) async fn confirm(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let user = member.management().member(&member.actor, &member.account.id, &user).await?.user;
    let form_id = once::new_form()?;
    let page = |frame| ConfirmPage { frame, id: user.id.to_string(), name: user.name, email: user.email, form_id };
    Ok(member.page("Another password", page))
}

/// A link, as its form's answer keeps it.
#[derive(Serialize, Deserialize)]
struct Made {
    email: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "dashboard/reset_made.html")]
struct MadePage {
    frame: Frame,
    email: String,
    /// The link; without a public URL its path and query, and the script puts the host in front. None if it was shown before.
    link: Option<String>,
}

pub(super) async fn create(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let base = member.visitor.link_base()?;
    let make = async move {
        // The members' page is about this account, whomever else the actor could do this for.
        management.member(&actor, &account, &user).await?;
        let link = management.create_password_reset(&actor, &user).await?;
        Ok(Made { email: link.user.email, secret: link.secret.to_string() })
    };
    let (made, is_new) = match once::once(&member, &form, make).await? {
        Shown::Now(made) => (made, true),
        Shown::Before(made) => (made, false),
    };
    let link = is_new.then(|| format!("{base}/reset?{}", form::query("reset", &made.secret)));
    Ok(member.page("Another password", |frame| MadePage { frame, email: made.email, link }))
}
