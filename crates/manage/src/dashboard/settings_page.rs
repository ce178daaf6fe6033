//! What somebody sets for themselves.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::failure::{Failure, Wrong};
use super::form::Form;
use super::member::Member;
use super::page::{Frame, THEMES};
use super::text::When;
use super::web::{self, SignedInForm};
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::PageRequest;

struct Session {
    since: When,
    last_seen: When,
    address: String,
    user_agent: String,
    is_current: bool,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/settings.html")]
struct SettingsPage {
    frame: Frame,
    themes: Vec<Choice>,
    email: String,
    name: String,
    user_version: u64,
    /// Whether they sign in with a password.
    has_password: bool,
    /// Whether they may set what the pages look like.
    may_dress: bool,
    sessions: Vec<Session>,
    /// Which form was wrong, and what.
    wrong: Option<(&'static str, Wrong)>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    wrong: Option<(&'static str, Wrong)>,
) -> Result<Response, Failure> {
    let now = member.management().now();
    let sessions = member.management().own_sessions(&member.actor, &PageRequest::default()).await?;
    let typed = |field: &str, known: &str| if form.has(field) { form.get(field).to_owned() } else { known.to_owned() };
    let has_password = member.management().has_password(&member.actor).await?;
    let page = |frame| SettingsPage {
        frame,
        has_password,
        may_dress: member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::ACCOUNTS_WRITE)),
        themes: THEMES
            .into_iter()
            .map(|(theme, label)| Choice { value: theme.as_str(), label, is_chosen: theme == member.visitor.theme })
            .collect(),
        email: member.user.email.clone(),
        name: typed("name", &member.user.name),
        user_version: member.user.version,
        sessions: sessions
            .items
            .into_iter()
            .map(|session| Session {
                since: When::at(session.created_at, now),
                last_seen: When::at(session.last_seen_at, now),
                address: session.address.unwrap_or_else(|| "unknown address".to_owned()),
                user_agent: session.user_agent.unwrap_or_else(|| "unknown client".to_owned()),
                is_current: session.current,
            })
            .collect(),
        wrong,
    };
    Ok(member.page_with(status, "Settings", page))
}

pub(super) async fn page(member: Member) -> Result<Response, Failure> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

pub(super) async fn change_theme(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, Failure> {
    let theme = form.get("theme").parse().map_err(ManagementError::from)?;
    let mut response = member.visitor.go(web::safe_redirect(form.get("back")));
    member.visitor.set_theme(&mut response, theme);
    Ok(response)
}

/// Goes on if it was done; says at the form what was wrong with it if not.
async fn done<T>(
    member: &Member,
    form: &Form,
    which: &'static str,
    result: Result<T, ManagementError>,
) -> Result<Response, Failure> {
    match result {
        Ok(_) => Ok(member.visitor.redirect_with_flash("/settings", "renamed")),
        Err(
            error @ (ManagementError::Invalid { .. }
            | ManagementError::WrongCredentials
            | ManagementError::Stale
            | ManagementError::Throttled { .. }),
        ) => show(member, error.status(), form, Some((which, Wrong::from(&error)))).await,
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn change_name(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, Failure> {
    let version = form.get("version").parse().unwrap_or(0);
    let result = member.management().rename_own_user(&member.actor, form.get("name"), version).await;
    done(&member, &form, "user", result).await
}

pub(super) async fn change_password(
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, Failure> {
    match member.management().change_password(&member.actor, form.get("current"), form.get("password")).await {
        Ok(()) => {
            let mut response = member.visitor.redirect_with_flash("/login", "password");
            member.visitor.end_all_sessions(&mut response, &member.actor).await;
            Ok(response)
        }
        Err(error) => done::<()>(&member, &form, "password", Err(error)).await,
    }
}

impl SettingsPage {
    /// What was wrong with this form.
    fn wrong_with(&self, which: &str) -> Option<&Wrong> {
        self.wrong.as_ref().filter(|(form, _)| *form == which).map(|(_, wrong)| wrong)
    }
}
