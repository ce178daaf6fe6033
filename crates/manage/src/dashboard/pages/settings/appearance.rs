use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;

use crate::appearance::{Logo, MAX_LOGO_BYTES};
use crate::dashboard::app::App;
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::multipart::SentFile;
use crate::dashboard::settings::variable;
use crate::dashboard::themes::{self, Choice};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AppearanceUpdate, check_name};

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
    error: Option<FormErrors>,
}

fn require(member: &Member) -> Result<(), ManagementError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    require(member)?;
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

fn update_of(form: &Form) -> Result<AppearanceUpdate, FormErrors> {
    let mut errors = FormErrors::default();
    let text = |field: &str| Some(form.get(field).trim().to_owned()).filter(|text| !text.is_empty());
    let name = text("name").map(|name| check_name("name", &name)).transpose();
    let name = errors.check(name);
    let logo = match form.file() {
        Some(image) => errors.check(logo_of(image)).map(Some),
        None => form.has("no_logo").then_some(None),
    };
    let accent = errors.check(text("accent").map(|accent| accent.parse()).transpose());
    let theme = errors.check(form.get("theme").parse().map_err(ManagementError::from));
    errors.none()?;
    Ok(AppearanceUpdate { name, accent, theme, logo })
}

fn logo_of(image: &SentFile) -> Result<Vec<u8>, ManagementError> {
    if image.length > MAX_LOGO_BYTES {
        return Err(ManagementError::invalid("logo", words::settings::logo_too_large(image.length)));
    }
    Logo::of(image.bytes.clone()).map(|logo| logo.bytes)
}

pub(super) async fn change(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let SignedInForm { at: member, form } = SignedInForm::with_file(&app, request, require).await?;
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    let changed = async {
        let update = update_of(&form)?;
        Ok::<_, Refused>(member.management().update_appearance(&member.actor, update, version).await?)
    };
    match changed.await {
        Ok(_) => Ok(member.visitor.redirect_with_flash("/settings/appearance", "appearance")),
        Err(refused) => {
            let (status, errors) = refused.on_edit()?;
            show(&member, status, &form, errors).await
        }
    }
}
