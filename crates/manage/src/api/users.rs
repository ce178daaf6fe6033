//! `/v1/users`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::wire::{Caller, Input, Origin, Params, Problem, Tagged, answer};
use super::{Listed, Paging};
use crate::desk::{Desk, NewUser, SessionView};
use crate::records::{User, Versioned};

/// What anybody may ask.
pub(super) fn open() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(sign_up)).routes(routes!(accept))
}

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(show, update)).routes(routes!(password)).routes(routes!(sessions))
}

/// Somebody who signs up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignUp {
    #[schema(max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 200)]
    password: Zeroizing<String>,
}

/// What somebody does with an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accept {
    #[schema(value_type = String, max_length = 100)]
    invitation: Zeroizing<String>,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 200)]
    password: Zeroizing<String>,
}

/// What to change in a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateUser {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    #[schema(value_type = String, format = Password, max_length = 200)]
    current: Zeroizing<String>,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 200)]
    new: Zeroizing<String>,
}

/// What was asked for is taken note of.
#[derive(Serialize, ToSchema)]
struct Accepted {
    /// What to do next.
    detail: &'static str,
}

/// The calling user.
#[derive(Serialize, ToSchema)]
struct UserView {
    #[serde(flatten)]
    user: User,
    version: u64,
}

fn view(user: Versioned<User>) -> UserView {
    UserView { version: user.version, user: user.value }
}

/// Signs somebody up. The answer is the same whether the address was known or not.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = SignUp,
    responses((status = 202, description = "If the address is new, there is a user now", body = Accepted)))]
async fn sign_up(State(desk): State<Desk>, Origin(context): Origin, input: Input<SignUp>) -> Result<Response, Problem> {
    let SignUp { email, name, password } = input.value;
    let new = NewUser::new(email, name, password.as_str());
    // To its end, even if nobody waits for it.
    let done = tokio::spawn(async move { desk.sign_up(&context, new).await });
    done.await.map_err(|_| Problem::Desk(crate::DeskError::Internal))??;
    Ok((StatusCode::ACCEPTED, Json(Accepted { detail: "Sign in with this address and password." })).into_response())
}

/// Chooses a password, with an invitation.
#[utoipa::path(post, path = "/v1/users/accept-invitation", tag = "users", request_body = Accept,
    responses((status = 202, description = "The password is chosen", body = Accepted)))]
async fn accept(State(desk): State<Desk>, Origin(context): Origin, input: Input<Accept>) -> Result<Response, Problem> {
    let body = input.value;
    desk.accept_invitation(&context, &body.invitation, &body.name, &body.password).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { detail: "Sign in with this password." })).into_response())
}

/// The calling user.
#[utoipa::path(get, path = "/v1/users/self", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = UserView)))]
async fn show(State(desk): State<Desk>, caller: Caller) -> Result<Response, Problem> {
    let user = desk.own_user(&caller.actor).await?;
    Ok(Tagged(user.version, view(user)).into_response())
}

/// Gives the calling user another name.
#[utoipa::path(patch, path = "/v1/users/self", tag = "users", request_body = UpdateUser, security(("bearer" = [])),
    params(("If-Match" = String, Header, pattern = "^\"[0-9]+\"$")),
    responses((status = 200, description = "The user", body = UserView)))]
async fn update(State(desk): State<Desk>, caller: Caller, input: Input<UpdateUser>) -> Result<Response, Problem> {
    let version = caller.if_match()?;
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let user = working.rename_own_user(&actor, &input.value.name, version).await?;
        answer(200, Some(user.version), &view(user))
    };
    caller.once(&desk, input.request, operation).await
}

/// Gives the calling user another password, and ends all of their sessions and tokens.
#[utoipa::path(post, path = "/v1/users/self/password", tag = "users", request_body = ChangePassword, security(("bearer" = [])),
    responses((status = 202, description = "Sign in again", body = Accepted)))]
async fn password(State(desk): State<Desk>, caller: Caller, input: Input<ChangePassword>) -> Result<Response, Problem> {
    desk.change_password(&caller.actor, &input.value.current, &input.value.new).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { detail: "Sign in with the new password." })).into_response())
}

/// Lists the calling user's sessions of the dashboard.
#[utoipa::path(get, path = "/v1/users/self/sessions", tag = "users", params(Paging), security(("bearer" = [])),
    responses((status = 200, description = "A page of sessions", body = Listed<SessionView>)))]
async fn sessions(State(desk): State<Desk>, caller: Caller, Params(page): Params<Paging>) -> Result<Response, Problem> {
    let sessions = desk.own_sessions(&caller.actor, &page.request()?).await?;
    Ok(Json(Listed::of(sessions, |session| session)).into_response())
}
