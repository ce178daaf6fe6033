//! `/v1/users`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyward_api_types::{
    AcceptInvitation, Accepted, ChangePassword, ForgotPassword, Page, PasswordReset, ResetPassword, Session, SignUp,
    UpdateUser, User, VersionedUser,
};
use keyward_core::id::UserId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{Paging, listed, page_request, whole};
use crate::error::ManagementError;
use crate::records::Versioned;
use crate::service::{Management, NewUser};
use crate::web::{Caller, Input, NoInput, Origin, PathParam, Problem, QueryParams, Tagged, answer, no_content};

/// What anybody may ask.
pub(super) fn open() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_up)).routes(routes!(accept)).routes(routes!(forgot)).routes(routes!(reset))
}

pub(super) fn routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(show, update))
        .routes(routes!(password))
        .routes(routes!(sessions))
        .routes(routes!(create_reset))
        .routes(routes!(list))
        .routes(routes!(show_other, delete))
        .routes(routes!(disable))
        .routes(routes!(enable))
}

/// Which users.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The one with this e-mail address alone.
    #[param(max_length = 254)]
    email: Option<String>,
    /// Behind this: what the page before gave as `next`.
    #[param(max_length = 300)]
    after: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

/// A user of the management service as the API gives them.
impl From<Versioned<User>> for VersionedUser {
    fn from(user: Versioned<User>) -> Self {
        Self::new(user.value, user.version)
    }
}

/// The response to a request that was noted or done, with what to do next.
fn accepted(detail: &str) -> Response {
    (StatusCode::ACCEPTED, Json(Accepted { detail: detail.to_owned() })).into_response()
}

/// Signs somebody up. The answer is the same whether the address was known or not.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = SignUp,
    responses((status = 202, description = "If the address is new, there is a user now", body = Accepted)))]
async fn sign_up(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<SignUp>,
) -> Result<Response, Problem> {
    let SignUp { email, name, password } = input.value;
    let new = NewUser::new(email, name, password.expose());
    management.sign_up(&context, new).await?;
    Ok(accepted("Sign in with this address and password."))
}

/// Chooses a password, with an invitation.
#[utoipa::path(post, path = "/v1/users/accept-invitation", tag = "users", request_body = AcceptInvitation,
    responses((status = 202, description = "The password is chosen", body = Accepted)))]
async fn accept(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<AcceptInvitation>,
) -> Result<Response, Problem> {
    let body = input.value;
    management.accept_invitation(&context, body.invitation.expose(), &body.name, body.password.expose()).await?;
    Ok(accepted("Sign in with this password."))
}

/// Takes note that somebody has forgotten their password. The answer is the same whether the address is known or not.
#[utoipa::path(post, path = "/v1/users/forgot-password", tag = "users", request_body = ForgotPassword,
    responses((status = 202, description = "What to do next", body = Accepted)))]
async fn forgot(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<ForgotPassword>,
) -> Result<Response, Problem> {
    management.forgot_password(&context, &input.value.email).await?;
    let detail = if management.sends_links() {
        "If there is a user with this address, they are sent a link. It works once, within an hour."
    } else {
        "Ask an owner or admin of your account for a link with which you choose another password."
    };
    Ok(accepted(detail))
}

/// Chooses another password, with a link, and ends all sessions and tokens of the user.
#[utoipa::path(post, path = "/v1/users/reset-password", tag = "users", request_body = ResetPassword,
    responses((status = 202, description = "Sign in again", body = Accepted)))]
async fn reset(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<ResetPassword>,
) -> Result<Response, Problem> {
    management.reset_password(&context, input.value.reset.expose(), input.value.password.expose()).await?;
    Ok(accepted("Sign in with the new password."))
}

/// Makes a link with which a user chooses another password, once and within an hour.
#[utoipa::path(post, path = "/v1/users/{user}/password-reset", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The link", body = PasswordReset)))]
async fn create_reset(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let link = working.create_password_reset(&actor, &user).await?;
        answer(201, None, &PasswordReset { user: link.user, reset: link.secret.into(), ends_at: link.ends_at })
    };
    caller.once(&management, request, operation).await
}

/// The calling user.
#[utoipa::path(get, path = "/v1/users/self", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn show(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    let user = management.own_user(&caller.actor).await?;
    Ok(Tagged(user.version, VersionedUser::from(user)).into_response())
}

/// Gives the calling user another name.
#[utoipa::path(patch, path = "/v1/users/self", tag = "users", request_body = UpdateUser, security(("bearer" = [])),
    params(("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    input: Input<UpdateUser>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.own_version(&caller.actor)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let user = working.rename_own_user(&actor, &input.value.name, version).await?;
        answer(200, Some(user.version), &VersionedUser::from(user))
    };
    caller.once(&management, input.request, operation).await
}

/// Gives the calling user another password, and ends all of their sessions and tokens.
#[utoipa::path(post, path = "/v1/users/self/password", tag = "users", request_body = ChangePassword, security(("bearer" = [])),
    responses((status = 202, description = "Sign in again", body = Accepted)))]
async fn password(
    State(management): State<Management>,
    caller: Caller,
    input: Input<ChangePassword>,
) -> Result<Response, Problem> {
    management.change_password(&caller.actor, input.value.current.expose(), input.value.new.expose()).await?;
    Ok(accepted("Sign in with the new password."))
}

/// Lists the calling user's sessions of the dashboard.
#[utoipa::path(get, path = "/v1/users/self/sessions", tag = "users", params(Paging), security(("bearer" = [])),
    responses((status = 200, description = "A page of sessions", body = Page<Session>)))]
async fn sessions(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(page): QueryParams<Paging>,
) -> Result<Response, Problem> {
    let sessions = management.own_sessions(&caller.actor, &page.request()?).await?;
    Ok(Json(listed(sessions, |session| session)).into_response())
}

/// Lists the users of the whole deployment; for the operator.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(Which), security(("bearer" = [])),
    responses((status = 200, description = "A page of users", body = Page<VersionedUser>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(which): QueryParams<Which>,
) -> Result<Response, Problem> {
    let page = page_request(which.after, which.limit)?;
    if which.email.is_some() {
        page.only()?;
    }
    let listed = match which.email {
        None => listed(management.users(&caller.actor, &page).await?, VersionedUser::from),
        Some(email) => match management.user_with_email(&caller.actor, &email).await {
            Ok(user) => whole(vec![VersionedUser::from(user)]),
            Err(ManagementError::NotFound("user")) => whole(Vec::new()),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Json(listed).into_response())
}

/// A user; for the operator.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn show_other(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
) -> Result<Response, Problem> {
    let user = management.user(&caller.actor, &user).await?;
    Ok(Tagged(user.version, VersionedUser::from(user)).into_response())
}

/// Keeps a user from signing in, and ends all of their sessions and tokens; for the operator.
#[utoipa::path(post, path = "/v1/users/{user}/disable", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn disable(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    set_disabled(management, caller, user, request, true).await
}

/// Lets a user sign in again; for the operator.
#[utoipa::path(post, path = "/v1/users/{user}/enable", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn enable(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    set_disabled(management, caller, user, request, false).await
}

async fn set_disabled(
    management: Management,
    caller: Caller,
    user: UserId,
    request: Zeroizing<Vec<u8>>,
    disabled: bool,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let user = working.set_user_disabled(&actor, &user, disabled).await?;
        answer(200, Some(user.version), &VersionedUser::from(user))
    };
    caller.once(&management, request, operation).await
}

/// Deletes a user; for the operator.
#[utoipa::path(delete, path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "They are gone")))]
async fn delete(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.user_version(&user)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.delete_user(&actor, &user, version).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}
