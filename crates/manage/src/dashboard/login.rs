//! Signing in and out.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::failure::{Failure, Wrong};
use super::form::{self, Form};
use super::member::Member;
use super::page::{Frame, Note};
use super::web::{self, AnonymousForm, SignedInForm, Visitor};
use crate::error::ManagementError;
use crate::service::SignUpPolicy;

/// The ways in.
struct Ways {
    passwords: bool,
    /// What leads to the identity provider and back to where somebody wanted to go, and what it says.
    provider: Option<(String, String)>,
}

impl Ways {
    fn of(visitor: &Visitor, to: &str) -> Self {
        #[cfg(feature = "oidc")]
        let provider = visitor.app.management().identity_provider().map(|provider| provider.button.clone());
        #[cfg(not(feature = "oidc"))]
        let provider = None::<String>;
        let link = form::query("to", to);
        Self { passwords: visitor.app.management().takes_passwords(), provider: provider.map(|says| (link, says)) }
    }
}

#[derive(Template)]
#[template(path = "dashboard/login.html")]
struct LoginPage {
    frame: Frame,
    ways: Ways,
    email: String,
    to: String,
    wrong: Option<Wrong>,
    is_open: bool,
    has_owner: bool,
}

async fn show(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    to: &str,
    wrong: Option<Wrong>,
    note: Option<Note>,
) -> Result<Response, Failure> {
    let has_owner = visitor.app.management().has_owner().await?;
    let to = web::safe_redirect(to);
    let ways = Ways::of(visitor, to);
    visitor.open_page(status, "Sign in", |frame| LoginPage {
        ways,
        frame: frame.note(note),
        email: form.get("email").to_owned(),
        to: to.to_owned(),
        wrong,
        is_open: visitor.app.management().sign_up_policy() == SignUpPolicy::Open,
        has_owner,
    })
}

pub(super) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let query = visitor.query();
    if visitor.app.management().session(&visitor.session(), visitor.context.clone()).await.is_ok() {
        return Ok(visitor.go(web::safe_redirect(query.get("to"))));
    }
    show(&visitor, StatusCode::OK, &Form::default(), query.get("to"), None, None).await
}

pub(super) async fn sign_in(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, Failure> {
    let to = form.get("to");
    if !is_own {
        let note = Note::bad(web::TOO_OLD);
        return show(&visitor, StatusCode::FORBIDDEN, &form, to, None, Some(note)).await;
    }
    match visitor.app.management().sign_in(&visitor.context, form.get("email"), form.get("password")).await {
        Ok(signed_in) => {
            let to = web::safe_redirect(to);
            // What was typed before the session ended is in the query.
            let is_draft = form.has("again");
            let mut response = if is_draft { visitor.redirect_with_flash(to, "again") } else { visitor.go(to) };
            visitor.begin_session(&mut response, &signed_in);
            Ok(response)
        }
        Err(
            error @ (ManagementError::WrongCredentials
            | ManagementError::Throttled { .. }
            | ManagementError::Busy { .. }),
        ) => {
            let mut response = show(&visitor, error.status(), &form, to, Some(Wrong::from(&error)), None).await?;
            if let Some(seconds) = error.retry_after() {
                web::retry_after(&mut response, seconds);
            }
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "dashboard/again.html")]
struct AgainPage {
    frame: Frame,
    ways: Ways,
    to: String,
    why: String,
}

/// The way to sign in again, and back to the form with what was typed.
pub(super) fn again(visitor: &Visitor, status: StatusCode, why: &str) -> Response {
    let to = visitor.way_back();
    let (ways, why) = (Ways::of(visitor, &to), why.to_owned());
    let page = visitor.open_page(status, "Sign in again", |frame| AgainPage { frame, ways, to, why });
    page.unwrap_or_else(IntoResponse::into_response)
}

pub(super) async fn sign_out(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, Failure> {
    let everywhere = form.has("everywhere");
    if everywhere {
        member.management().sign_out_everywhere(&member.actor).await?;
    } else {
        member.management().sign_out(&member.actor).await?;
    }
    let mut response =
        member.visitor.redirect_with_flash("/login", if everywhere { "signed-out-all" } else { "signed-out" });
    if everywhere {
        member.visitor.end_all_sessions(&mut response, &member.actor).await;
    } else {
        member.visitor.end_session(&mut response);
    }
    Ok(response)
}
