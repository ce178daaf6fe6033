//! `/v1/accounts/{account}/members`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward::{AccountId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{At, Caller, Input, NoInput, Params, Problem, Shown, Tagged, answer};
use super::{Listed, Paging, word};
use crate::desk::{Desk, MemberView};
use crate::role::Role;

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, update, remove))
}

/// Somebody who is to be a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddMember {
    #[schema(max_length = 254)]
    email: String,
    #[serde(deserialize_with = "word")]
    role: Role,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateMember {
    #[serde(deserialize_with = "word")]
    role: Role,
}

/// Somebody who was made a member.
#[derive(Serialize, ToSchema)]
struct Added {
    #[serde(flatten)]
    member: MemberView,
    /// What they choose a password with, if they are new here. It is here and nowhere else: send it to them.
    invitation: Option<Shown>,
    /// When the invitation ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    invitation_ends_at: Option<Timestamp>,
}

/// Lists who belongs to an account.
#[utoipa::path(get, path = "/v1/accounts/{account}/members", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), Paging),
    responses((status = 200, description = "A page of members", body = Listed<MemberView>)))]
async fn list(
    State(desk): State<Desk>,
    caller: Caller,
    At(account): At<AccountId>,
    Params(page): Params<Paging>,
) -> Result<Response, Problem> {
    let members = desk.members(&caller.actor, &account, &page.request()?).await?;
    Ok(Json(Listed::of(members, |member| member)).into_response())
}

/// Makes somebody a member of an account.
#[utoipa::path(post, path = "/v1/accounts/{account}/members", tag = "members", request_body = AddMember, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The member", body = Added)))]
async fn add(
    State(desk): State<Desk>,
    caller: Caller,
    At(account): At<AccountId>,
    input: Input<AddMember>,
) -> Result<Response, Problem> {
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let invited = working.invite(&actor, &account, &input.value.email, input.value.role).await?;
        let (version, ends_at) = (invited.member.version, invited.ends_at);
        let invitation = invited.invitation.map(Shown);
        answer(201, Some(version), &Added { member: invited.member, invitation, invitation_ends_at: ends_at })
    };
    caller.once(&desk, input.request, operation).await
}

/// A member.
#[utoipa::path(get, path = "/v1/accounts/{account}/members/{user}", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The member", body = MemberView)))]
async fn show(
    State(desk): State<Desk>,
    caller: Caller,
    At((account, user)): At<(AccountId, UserId)>,
) -> Result<Response, Problem> {
    let member = desk.member(&caller.actor, &account, &user).await?;
    Ok(Tagged(member.version, member).into_response())
}

/// Gives a member another role.
#[utoipa::path(patch, path = "/v1/accounts/{account}/members/{user}", tag = "members", request_body = UpdateMember, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The member", body = MemberView)))]
async fn update(
    State(desk): State<Desk>,
    caller: Caller,
    At((account, user)): At<(AccountId, UserId)>,
    input: Input<UpdateMember>,
) -> Result<Response, Problem> {
    let version = caller.if_match(desk.member_version(&account, &user)).await?;
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let member = working.update_member(&actor, &account, &user, input.value.role, version).await?;
        answer(200, Some(member.version), &member)
    };
    caller.once(&desk, input.request, operation).await
}

/// Takes a member out of an account.
#[utoipa::path(delete, path = "/v1/accounts/{account}/members/{user}", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("user" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "They are no member any more")))]
async fn remove(
    State(desk): State<Desk>,
    caller: Caller,
    At((account, user)): At<(AccountId, UserId)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(desk.member_version(&account, &user)).await?;
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        working.remove_member(&actor, &account, &user, version).await?;
        Ok(crate::Answer { status: 204, version: None, body: Default::default() })
    };
    caller.once(&desk, request, operation).await
}
