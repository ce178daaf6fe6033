use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::error::{FieldError, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::settings::variable;
use crate::dashboard::themes::{self, Choice};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::AppearanceUpdate;

#[derive(Template)]
#[template(path = "dashboard/settings/appearance.html")]
struct AppearancePage {
    frame: Frame,
    name: String,
    configured_name: String,
    /// The variable in the examples for a new key.
    variable: String,
    accent: String,
    themes: Vec<Choice>,
    has_own_logo: bool,
    version: u64,
    error: Option<FieldError>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FieldError>,
) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    let known = member.management().appearance().await?;
    let theme = form.typed("theme", known.theme.as_str());
    let page = |frame: Frame| AppearancePage {
        variable: variable(&frame.provider),
        frame,
        name: form.typed("name", known.name.clone().unwrap_or_default()),
        configured_name: member.visitor.app.settings().name.clone(),
        accent: form.typed("accent", known.accent.map(|accent| accent.to_string()).unwrap_or_default()),
        themes: themes::choices(&theme),
        has_own_logo: known.logo.is_some(),
        version: known.version,
        error,
    };
    Ok(member.page_with(status, words::settings::APPEARANCE, page))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    show(&member, StatusCode::OK, &Form::default(), None).await
}

fn update_of(form: &Form) -> Result<AppearanceUpdate, ManagementError> {
    let text = |field: &str| Some(form.get(field).trim().to_owned()).filter(|text| !text.is_empty());
    let logo = match form.file() {
        Some(image) => Some(Some(image.to_vec())),
        None => form.has("no_logo").then_some(None),
    };
    Ok(AppearanceUpdate {
        name: Some(text("name")),
        accent: Some(text("accent").map(|accent| accent.parse()).transpose()?),
        theme: Some(form.get("theme").parse()?),
        logo,
    })
}

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    let changed = match update_of(&form) {
        Ok(update) => member.management().update_appearance(&member.actor, update, version).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(member.visitor.redirect_with_flash("/settings/appearance", "appearance")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            show(&member, error.status(), &form, Some(FieldError::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}

impl AppearancePage {
    fn is_wrong(&self, field: &str) -> bool {
        self.error.as_ref().is_some_and(|error| error.field == field)
    }
}
