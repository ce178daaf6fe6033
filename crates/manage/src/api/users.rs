//! `/v1/users`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyward_api_types::{
    AcceptInvitation, Accepted, ChangePassword, ForgotPassword, Page, PageParams, PasswordReset, ResetPassword,
    Session, SignUp, UpdateUser, User, UserFilter, VersionedUser,
};
use keyward_core::id::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{page_request, single_page, to_page};
use crate::error::ManagementError;
use crate::records::Versioned;
use crate::service::{Management, NewUser};
use crate::web::{Caller, Input, NoInput, Origin, PathParam, Problem, QueryParams, Tagged, answer, no_content};

pub(super) fn open_router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(sign_up)).routes(routes!(accept)).routes(routes!(forgot)).routes(routes!(reset))
}

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(show, update))
        .routes(routes!(password))
        .routes(routes!(sessions))
        .routes(routes!(create_reset))
        .routes(routes!(remove_factor))
        .routes(routes!(list))
        .routes(routes!(show_other, delete))
        .routes(routes!(disable))
        .routes(routes!(enable))
}

impl From<Versioned<User>> for VersionedUser {
    fn from(user: Versioned<User>) -> Self {
        Self::new(user.value, user.version)
    }
}

fn accepted(detail: &str) -> Response {
    (StatusCode::ACCEPTED, Json(Accepted { detail: detail.to_owned() })).into_response()
}

/// Signs up. The answer does not reveal whether the address was known.
#[utoipa::path(post, operation_id = "signUp", path = "/v1/users", tag = "users", request_body = SignUp,
    responses((status = 202, description = "The user signs in next", body = Accepted)))]
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

/// Accepts an invitation as a new user, who chooses a password.
#[utoipa::path(post, operation_id = "acceptInvitation", path = "/v1/users/accept-invitation", tag = "users", request_body = AcceptInvitation,
    responses((status = 202, description = "The user exists and can sign in", body = Accepted)))]
async fn accept(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<AcceptInvitation>,
) -> Result<Response, Problem> {
    let body = input.value;
    management.accept_invitation(&context, body.invitation.expose(), &body.name, body.password.expose()).await?;
    Ok(accepted("Sign in with this password."))
}

/// Asks for a reset link. The answer does not reveal whether the address is known.
#[utoipa::path(post, operation_id = "forgotPassword", path = "/v1/users/forgot-password", tag = "users", request_body = ForgotPassword,
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

/// Sets a new password with a reset link, and ends all sessions and tokens of the user.
#[utoipa::path(post, operation_id = "resetPassword", path = "/v1/users/reset-password", tag = "users", request_body = ResetPassword,
    responses((status = 202, description = "All sessions and tokens have ended: sign in again", body = Accepted)))]
async fn reset(
    State(management): State<Management>,
    Origin(context): Origin,
    input: Input<ResetPassword>,
) -> Result<Response, Problem> {
    management.reset_password(&context, input.value.reset.expose(), input.value.password.expose()).await?;
    Ok(accepted("Sign in with the new password."))
}

/// Creates a reset link, with which a user chooses a new password, once and within an hour.
///
/// A server with mail sends the link to the user, and the answer has no link.
#[utoipa::path(post, operation_id = "createPasswordReset", path = "/v1/users/{user}/password-reset", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The reset link, unless it is mailed", body = PasswordReset)))]
async fn create_reset(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        if working.sends_mail() {
            let user = working.mail_password_reset(&actor, &user).await?;
            return answer(201, None, &PasswordReset { user, reset: None, ends_at: None });
        }
        let link = working.create_password_reset(&actor, &user).await?;
        let (reset, ends_at) = (Some(link.secret.into()), Some(link.ends_at));
        answer(201, None, &PasswordReset { user: link.user, reset, ends_at })
    };
    caller.once(&management, request, operation).await
}

/// Removes the second factor of a user who has lost it, and ends all sessions and tokens of the user. The password stays.
///
/// The caller needs the rights that a reset link needs.
#[utoipa::path(delete, operation_id = "removeSecondFactor", path = "/v1/users/{user}/second-factor", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 204, description = "The user signs in with the password alone")))]
async fn remove_factor(
    State(management): State<Management>,
    caller: Caller,
    PathParam(user): PathParam<UserId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.remove_second_factor(&actor, &user).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}

/// Returns the calling user.
#[utoipa::path(get, operation_id = "getOwnUser", path = "/v1/users/self", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = VersionedUser)))]
async fn show(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    let user = management.own_user(&caller.actor).await?;
    Ok(Tagged(user.version, VersionedUser::from(user)).into_response())
}

/// Renames the calling user.
#[utoipa::path(patch, operation_id = "updateOwnUser", path = "/v1/users/self", tag = "users", request_body = UpdateUser, security(("bearer" = [])),
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

/// Changes the calling user's password, and ends all sessions and tokens of the user.
#[utoipa::path(post, operation_id = "changeOwnPassword", path = "/v1/users/self/password", tag = "users", request_body = ChangePassword, security(("bearer" = [])),
    responses((status = 202, description = "All sessions and tokens have ended: sign in again", body = Accepted)))]
async fn password(
    State(management): State<Management>,
    caller: Caller,
    input: Input<ChangePassword>,
) -> Result<Response, Problem> {
    management.change_password(&caller.actor, input.value.current.expose(), input.value.new.expose()).await?;
    Ok(accepted("Sign in with the new password."))
}

/// Lists the calling user's sessions of the dashboard.
#[utoipa::path(get, operation_id = "listOwnSessions", path = "/v1/users/self/sessions", tag = "users", params(PageParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of sessions", body = Page<Session>)))]
async fn sessions(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(page): QueryParams<PageParams>,
) -> Result<Response, Problem> {
    let sessions = management.own_sessions(&caller.actor, &page_request(page.after, page.limit)?).await?;
    Ok(Json(to_page(sessions, |session| session)).into_response())
}

/// Lists the users of the deployment, for the operator.
#[utoipa::path(get, operation_id = "listUsers", path = "/v1/users", tag = "users", params(UserFilter), security(("bearer" = [])),
    responses((status = 200, description = "A page of users", body = Page<VersionedUser>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<UserFilter>,
) -> Result<Response, Problem> {
    let request = page_request(filter.after, filter.limit)?;
    if filter.email.is_some() {
        request.require_first()?;
    }
    let page = match filter.email {
        None => to_page(management.users(&caller.actor, &request).await?, VersionedUser::from),
        Some(email) => match management.user_with_email(&caller.actor, &email).await {
            Ok(user) => single_page(vec![VersionedUser::from(user)]),
            Err(ManagementError::NotFound("user")) => single_page(Vec::new()),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Json(page).into_response())
}

/// Returns a user, for the operator.
#[utoipa::path(get, operation_id = "getUser", path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
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

/// Disables a user and ends all sessions and tokens of the user, for the operator.
#[utoipa::path(post, operation_id = "disableUser", path = "/v1/users/{user}/disable", tag = "users", security(("bearer" = [])),
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

/// Enables a disabled user, for the operator.
#[utoipa::path(post, operation_id = "enableUser", path = "/v1/users/{user}/enable", tag = "users", security(("bearer" = [])),
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

/// Deletes a user, for the operator.
#[utoipa::path(delete, operation_id = "deleteUser", path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "The user is deleted")))]
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
