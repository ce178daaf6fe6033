//! `/v1/tokens`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::wire::{Caller, Input, Origin, Problem, Shown};
use crate::desk::{Desk, Tokens};
use crate::error::DeskError;

/// What anybody may ask.
pub(super) fn open() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(refresh))
}

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(sign_out))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[schema(max_length = 254)]
    email: String,
    #[schema(value_type = String, format = Password, max_length = 200)]
    password: Zeroizing<String>,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    #[schema(value_type = String, max_length = 100)]
    refresh_token: Zeroizing<String>,
}

/// How far to sign out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignOut {
    /// Every session and token of the user; else what came of the sign-in that this token came of.
    #[serde(default)]
    everywhere: bool,
}

/// Tokens. They are here and nowhere else, ever.
#[derive(Serialize, ToSchema)]
struct TokensView {
    /// For the `Authorization` header.
    access_token: Shown,
    /// `Bearer`
    token_type: &'static str,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// For one refreshing.
    refresh_token: Shown,
    #[schema(value_type = String, format = DateTime)]
    refresh_expires_at: Timestamp,
    #[schema(value_type = String)]
    user: UserId,
    #[schema(value_type = String)]
    account: AccountId,
}

fn shown(tokens: Tokens) -> Response {
    let view = TokensView {
        access_token: Shown(tokens.access.expose_once()),
        token_type: "Bearer",
        expires_at: tokens.access_ends_at,
        refresh_token: Shown(tokens.refresh),
        refresh_expires_at: tokens.refresh_ends_at,
        user: tokens.user,
        account: tokens.account,
    };
    (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

/// Carries something out to its end, even if nobody waits for it.
async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, DeskError>> + Send + 'static,
) -> Result<T, Problem> {
    Ok(tokio::spawn(operation).await.map_err(|_| Problem::Desk(DeskError::Internal))??)
}

/// Signs in: an access token for a quarter of an hour, and a refresh token.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = SignIn,
    responses((status = 201, description = "Tokens", body = TokensView)))]
async fn sign_in(State(desk): State<Desk>, Origin(context): Origin, input: Input<SignIn>) -> Result<Response, Problem> {
    let SignIn { email, password } = input.value;
    // Not to its end: the work of a client that has left is dropped before it begins.
    Ok(shown(desk.issue_tokens(&context, &email, &password).await?))
}

/// Exchanges a refresh token for new tokens. One that is used twice ends all that came of the same sign-in.
#[utoipa::path(post, path = "/v1/tokens/refresh", tag = "tokens", request_body = Refresh,
    responses((status = 201, description = "Tokens", body = TokensView)))]
async fn refresh(
    State(desk): State<Desk>,
    Origin(context): Origin,
    input: Input<Refresh>,
) -> Result<Response, Problem> {
    let token = input.value.refresh_token;
    to_its_end(async move { desk.refresh_tokens(&context, &token).await }).await.map(shown)
}

/// Signs out.
#[utoipa::path(post, path = "/v1/tokens/sign-out", tag = "tokens", request_body = SignOut, security(("bearer" = [])),
    responses((status = 204, description = "They have ended")))]
async fn sign_out(State(desk): State<Desk>, caller: Caller, input: Input<SignOut>) -> Result<StatusCode, Problem> {
    to_its_end(async move {
        if input.value.everywhere {
            desk.sign_out_everywhere(&caller.actor).await
        } else {
            desk.sign_out(&caller.actor).await
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
