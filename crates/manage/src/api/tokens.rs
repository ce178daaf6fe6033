//! `/v1/tokens`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keyward_api_types::{Refresh, Secret, SignIn, SignOut, Tokens};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::{self, Management};
use crate::web::{Caller, Input, Origin, Problem};

pub(super) fn open_router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(refresh))
}

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_out))
}

fn created(tokens: service::Tokens) -> Response {
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

/// Signs in and returns an access token and a refresh token.
///
/// An access token lives for 15 minutes by default.
#[utoipa::path(post, operation_id = "signIn", path = "/v1/tokens", tag = "tokens", request_body = SignIn,
    responses((status = 201, description = "The tokens", body = Tokens)))]
async fn sign_in(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<SignIn>,
) -> Result<Response, Problem> {
    let SignIn { email, password, code } = input.value;
    let code = code.as_ref().map(Secret::expose);
    // Not to completion: the work of a client that has left is dropped before it begins.
    Ok(created(management.issue_tokens_with_code(&context, &email, password.expose(), code).await?))
}

/// Exchanges a refresh token for new tokens.
///
/// A second use of the same token ends every token of that sign-in.
#[utoipa::path(post, operation_id = "refreshTokens", path = "/v1/tokens/refresh", tag = "tokens", request_body = Refresh,
    responses((status = 201, description = "The tokens", body = Tokens)))]
async fn refresh(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<Refresh>,
) -> Result<Response, Problem> {
    let token = input.value.refresh_token;
    let refreshed =
        Management::run_to_completion(async move { management.refresh_tokens(&context, token.expose()).await });
    Ok(created(refreshed.await?))
}

/// Signs out.
#[utoipa::path(post, operation_id = "signOut", path = "/v1/tokens/sign-out", tag = "tokens", request_body = SignOut, security(("bearer" = [])),
    responses((status = 204, description = "The session or the tokens have ended")))]
async fn sign_out(
    State(management): State<Management>,
    caller: Caller,
    input: Input<SignOut>,
) -> Result<StatusCode, Problem> {
    Management::run_to_completion(async move {
        if input.value.everywhere {
            management.sign_out_everywhere(&caller.actor).await
        } else {
            management.sign_out(&caller.actor).await
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
