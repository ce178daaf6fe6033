//! `/v1/settings`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{Caller, Input, Problem, Tagged, answer};
use super::{present, word_or_null};
use crate::appearance::Theme;
use crate::desk::{Appearance, AppearanceUpdate, Desk};
use crate::error::DeskError;
use crate::records::Versioned;
use crate::role::scopes;

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(show, update))
}

/// What the pages look like.
#[derive(Serialize, ToSchema)]
struct SettingsView {
    #[serde(flatten)]
    appearance: Appearance,
    version: u64,
}

/// What to change. What is left out stays; null is as the server was configured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateSettings {
    /// What the provider is called.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    /// The colour of buttons and links, which has to have a contrast of 4.5 to 1 on light pages.
    #[schema(value_type = Option<String>, pattern = "^#[0-9a-fA-F]{6}$")]
    #[serde(default, deserialize_with = "present")]
    accent: Option<Option<String>>,
    /// What those see who have chosen nothing.
    #[serde(default, deserialize_with = "word_or_null")]
    theme: Option<Theme>,
    /// A PNG, JPEG or WebP image of up to 32 KiB, in base64.
    #[schema(value_type = Option<String>, content_encoding = "base64", max_length = 43692)]
    #[serde(default, deserialize_with = "present")]
    logo: Option<Option<String>>,
}

fn view(appearance: Versioned<Appearance>) -> SettingsView {
    SettingsView { version: appearance.version, appearance: appearance.value }
}

/// What the pages look like; for the operator.
#[utoipa::path(get, path = "/v1/settings", tag = "settings", security(("bearer" = [])),
    responses((status = 200, description = "The settings", body = SettingsView)))]
async fn show(State(desk): State<Desk>, caller: Caller) -> Result<Response, Problem> {
    desk.rights(&caller.actor, desk.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
    let appearance = desk.appearance().await?;
    Ok(Tagged(appearance.version, view(appearance)).into_response())
}

/// Changes what the pages look like, at once; for the operator.
#[utoipa::path(patch, path = "/v1/settings", tag = "settings", request_body = UpdateSettings, security(("bearer" = [])),
    params(("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The settings", body = SettingsView)))]
async fn update(State(desk): State<Desk>, caller: Caller, input: Input<UpdateSettings>) -> Result<Response, Problem> {
    let version = caller.if_match(desk.appearance_version()).await?;
    let UpdateSettings { name, accent, theme, logo } = input.value;
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let accent = accent.map(|accent| accent.map(|text| text.parse()).transpose()).transpose()?;
        let decoded = |text: String| STANDARD.decode(text).map_err(|_| DeskError::invalid("logo", "base64"));
        let logo = logo.map(|logo| logo.map(decoded).transpose()).transpose()?;
        let update = AppearanceUpdate { name, accent, theme, logo };
        let appearance = working.update_appearance(&actor, update, version).await?;
        answer(200, Some(appearance.version), &view(appearance))
    };
    caller.once(&desk, input.request, operation).await
}
