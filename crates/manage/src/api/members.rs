//! `/v1/accounts/{account}/members`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{Member, Page, PageParams, RevokeKey, RevokedKeys, UpdateMember};
use keyward_core::AccountId;
use keyward_core::id::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::keys::revocation;
use super::{page_request, to_page};
use crate::service::Management;
use crate::web::{Caller, Input, NoInput, OptionalInput, PathParam, Problem, QueryParams, Tagged, answer, no_content};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, update, remove)).routes(routes!(revoke_keys))
}

/// Lists the members of an account.
#[utoipa::path(get, operation_id = "listMembers", path = "/v1/accounts/{account}/members", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), PageParams),
    responses((status = 200, description = "A page of members", body = Page<Member>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    QueryParams(page): QueryParams<PageParams>,
) -> Result<Response, Problem> {
    let members = management.members(&caller.actor, &account, &page_request(page.after, page.limit)?).await?;
    Ok(Json(to_page(members, |member| member)).into_response())
}

/// Returns a member.
#[utoipa::path(get, operation_id = "getMember", path = "/v1/accounts/{account}/members/{user}", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The member", body = Member)))]
async fn show(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, user)): PathParam<(AccountId, UserId)>,
) -> Result<Response, Problem> {
    let member = management.member(&caller.actor, &account, &user).await?;
    Ok(Tagged(member.version, member).into_response())
}

/// Changes the role of a member.
#[utoipa::path(patch, operation_id = "updateMember", path = "/v1/accounts/{account}/members/{user}", tag = "members", request_body = UpdateMember, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The member", body = Member)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, user)): PathParam<(AccountId, UserId)>,
    input: Input<UpdateMember>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.member_version(&account, &user)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let member = working.update_member(&actor, &account, &user, input.value.role, version).await?;
        answer(200, Some(member.version), &member)
    };
    caller.once(&management, input.request, operation).await
}

/// Removes a member from an account. The setting `user_keys` decides what happens to the keys of the user.
#[utoipa::path(delete, operation_id = "removeMember", path = "/v1/accounts/{account}/members/{user}", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "The member is removed")))]
async fn remove(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, user)): PathParam<(AccountId, UserId)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.member_version(&account, &user)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.remove_member(&actor, &account, &user, version).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}

/// Revokes all keys of a user in an account. No node accepts them any more when this answers.
///
/// The user may have left the account. Needs `keys:write`.
#[utoipa::path(post, operation_id = "revokeUserKeys", path = "/v1/accounts/{account}/members/{user}/keys/revoke", tag = "members",
    request_body = Option<RevokeKey>, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The revoked keys", body = RevokedKeys)))]
async fn revoke_keys(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, user)): PathParam<(AccountId, UserId)>,
    OptionalInput(input): OptionalInput<RevokeKey>,
) -> Result<Response, Problem> {
    let revocation = revocation(input.value)?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let revoked = working.revoke_user_keys(&actor, &account, &user, &revocation).await?;
        answer(200, None, &revoked)
    };
    caller.once(&management, input.request, operation).await
}
