//! `/v1/settings`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{Image, Settings, UpdateSettings};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ManagementError;
use crate::records::Versioned;
use crate::role::scopes;
use crate::service::{Appearance, AppearanceUpdate, Management};
use crate::web::{Caller, Input, Problem, Tagged, answer};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(show, update))
}

fn view(appearance: Versioned<Appearance>) -> Settings {
    let Versioned { value: Appearance { name, accent, theme, logo }, version } = appearance;
    Settings { name, accent: accent.map(|accent| accent.to_string()), theme, logo, version }
}

/// Returns the look of the pages, for the operator.
#[utoipa::path(get, operation_id = "getSettings", path = "/v1/settings", tag = "settings", security(("bearer" = [])),
    responses((status = 200, description = "The settings", body = Settings)))]
async fn show(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    management.rights(&caller.actor, management.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
    let appearance = management.appearance().await?;
    Ok(Tagged(appearance.version, view(appearance)).into_response())
}

/// Changes the look of the pages at once, for the operator.
#[utoipa::path(patch, operation_id = "updateSettings", path = "/v1/settings", tag = "settings", request_body = UpdateSettings, security(("bearer" = [])),
    params(("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The settings", body = Settings)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    input: Input<UpdateSettings>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.appearance_version()).await?;
    let UpdateSettings { name, accent, theme, logo } = input.value;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let accent = accent.map(|accent| accent.map(|text| text.parse()).transpose()).transpose()?;
        let decoded = |image: Image| {
            image.decode().map_err(|_| ManagementError::invalid("logo", "not base64: expected an image in base64"))
        };
        let logo = logo.map(|logo| logo.map(decoded).transpose()).transpose()?;
        let update = AppearanceUpdate { name, accent, theme, logo };
        let appearance = working.update_appearance(&actor, update, version).await?;
        answer(200, Some(appearance.version), &view(appearance))
    };
    caller.once(&management, input.request, operation).await
}
