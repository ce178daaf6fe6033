//! `/v1/tokens`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keyward_api_types::{Refresh, SignIn, SignOut, Tokens};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ManagementError;
use crate::service::{self, Management};
use crate::web::{Caller, Input, Origin, Problem};

/// What anybody may ask.
pub(super) fn open() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(refresh))
}

pub(super) fn routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_out))
}

fn shown(tokens: service::Tokens) -> Response {
    let tokens = Tokens {
        access_token: tokens.access.expose_once().into(),
        token_type: "Bearer".to_owned(),
        expires_at: tokens.access_ends_at,
        refresh_token: tokens.refresh.into(),
        refresh_expires_at: tokens.refresh_ends_at,
        user: tokens.user,
        account: tokens.account,
    };
    (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(tokens)).into_response()
}

/// Carries something out to its end, even if nobody waits for it.
async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, ManagementError>> + Send + 'static,
) -> Result<T, Problem> {
    Ok(tokio::spawn(operation).await.map_err(|_| Problem::Management(ManagementError::Internal))??)
}

/// Signs in: an access token for a quarter of an hour, and a refresh token.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = SignIn,
    responses((status = 201, description = "Tokens", body = Tokens)))]
async fn sign_in(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<SignIn>,
) -> Result<Response, Problem> {
    let SignIn { email, password } = input.value;
    // Not to its end: the work of a client that has left is dropped before it begins.
    Ok(shown(management.issue_tokens(&context, &email, password.expose()).await?))
}

/// Exchanges a refresh token for new tokens. One that is used twice ends all that came of the same sign-in.
#[utoipa::path(post, path = "/v1/tokens/refresh", tag = "tokens", request_body = Refresh,
    responses((status = 201, description = "Tokens", body = Tokens)))]
async fn refresh(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<Refresh>,
) -> Result<Response, Problem> {
    let token = input.value.refresh_token;
    to_its_end(async move { management.refresh_tokens(&context, token.expose()).await }).await.map(shown)
}

/// Signs out.
#[utoipa::path(post, path = "/v1/tokens/sign-out", tag = "tokens", request_body = SignOut, security(("bearer" = [])),
    responses((status = 204, description = "They have ended")))]
async fn sign_out(
    State(management): State<Management>,
    caller: Caller,
    input: Input<SignOut>,
) -> Result<StatusCode, Problem> {
    to_its_end(async move {
        if input.value.everywhere {
            management.sign_out_everywhere(&caller.actor).await
        } else {
            management.sign_out(&caller.actor).await
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
