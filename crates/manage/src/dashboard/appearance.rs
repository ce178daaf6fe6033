//! What the pages look like, for the operator.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::failure::{Failure, Wrong};
use super::form::Form;
use super::member::Member;
use super::page::{Frame, THEMES};
use super::web::SignedInForm;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::AppearanceUpdate;

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/appearance.html")]
struct AppearancePage {
    frame: Frame,
    name: String,
    /// What it is called if nothing is set.
    configured_name: String,
    accent: String,
    themes: Vec<Choice>,
    has_own_logo: bool,
    version: u64,
    wrong: Option<Wrong>,
}

async fn show(member: &Member, status: StatusCode, form: &Form, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let operates = member.operates.as_ref().ok_or(ManagementError::NotFound("page"))?;
    operates.require(&scopes::ACCOUNTS_WRITE)?;
    let known = member.management().appearance().await?;
    let typed = |field: &str, known: String| if form.has(field) { form.get(field).to_owned() } else { known };
    let theme = typed("theme", known.theme.as_str().to_owned());
    let page = |frame| AppearancePage {
        frame,
        name: typed("name", known.name.clone().unwrap_or_default()),
        configured_name: member.visitor.app.settings().name.clone(),
        accent: typed("accent", known.accent.map(|accent| accent.to_string()).unwrap_or_default()),
        themes: THEMES
            .into_iter()
            .map(|(known, label)| Choice { value: known.as_str(), label, is_chosen: known.as_str() == theme })
            .collect(),
        has_own_logo: known.logo.is_some(),
        version: known.version,
        wrong,
    };
    Ok(member.page_with(status, "Appearance", page))
}

pub(super) async fn page(member: Member) -> Result<Response, Failure> {
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

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, Failure> {
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    let changed = match update_of(&form) {
        Ok(update) => member.management().update_appearance(&member.actor, update, version).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(member.visitor.redirect_with_flash("/settings/appearance", "appearance")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            show(&member, error.status(), &form, Some(Wrong::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}
