use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::activity::Activity;
use super::sessions::Sessions;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::themes::{self, Choice};
use crate::dashboard::words;
use crate::error::ManagementError;

#[derive(Template)]
#[template(path = "dashboard/settings/settings.html")]
struct SettingsPage {
    frame: Frame,
    themes: Vec<Choice>,
    email: String,
    name: String,
    user_version: u64,
    has_password: bool,
    has_factor: bool,
    sessions: Sessions,
    activity: Vec<Activity>,
    error: Option<(&'static str, FormErrors)>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<(&'static str, FormErrors)>,
) -> Result<Response, PageError> {
    let sessions = Sessions::of(member).await?;
    let activity = Activity::of(member).await?;
    // A session of a link changes no password, and sets up no second factor.
    let is_by_link = member.management().is_by_link(&member.actor).await?;
    let has_password = !is_by_link && member.management().has_password(&member.actor).await?;
    let has_factor = member.management().own_second_factor(&member.actor).await?.is_some();
    let page = |frame| SettingsPage {
        frame,
        has_password,
        has_factor,
        themes: themes::choices(member.visitor.theme.as_str()),
        email: member.user.email.clone(),
        name: form.typed("name", &member.user.name),
        user_version: member.user.version,
        sessions,
        activity,
        error,
    };
    Ok(member.page_with(status, words::settings::SETTINGS, page))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

pub(super) async fn change_theme(
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let theme = form.get("theme").parse().map_err(ManagementError::from)?;
    let mut response = member.visitor.go(member.visitor.safe_redirect(form.get("back")));
    member.visitor.keep_theme(&mut response, theme);
    Ok(response)
}

async fn finish<T>(
    member: &Member,
    form: &Form,
    which: &'static str,
    result: Result<T, ManagementError>,
) -> Result<Response, PageError> {
    match result {
        Ok(_) => Ok(member.visitor.redirect_with_flash("/settings", "renamed")),
        Err(
            error @ (ManagementError::Invalid { .. }
            | ManagementError::Stale
            | ManagementError::OwnSignInRequired
            | ManagementError::Throttled { .. }),
        ) => show(member, error.status(), form, Some((which, FormErrors::from(&error)))).await,
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn change_name(
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(0);
    let result = member.management().rename_own_user(&member.actor, form.get("name"), version).await;
    finish(&member, &form, "user", result).await
}

pub(super) async fn change_password(
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let (current, new) = (form.get("current"), form.get("password"));
    let wrong = match member.management().change_password_unless_wrong(&member.actor, current, new).await {
        Ok(wrong) => wrong,
        Err(error) => return finish::<()>(&member, &form, "password", Err(error)).await,
    };
    let Some(first) = wrong.first() else {
        let mut response = member.visitor.redirect_with_flash("/login", "password");
        member.visitor.end_all_sessions(&mut response, &member.actor).await;
        return Ok(response);
    };
    let errors = FormErrors::with_password(&wrong, "current");
    show(&member, first.status(), &form, Some(("password", errors))).await
}

impl SettingsPage {
    fn error_of(&self, which: &str) -> Option<&FormErrors> {
        self.error.as_ref().filter(|(form, _)| *form == which).map(|(_, error)| error)
    }
}
