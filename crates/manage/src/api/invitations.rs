//! `/v1/accounts/{account}/invitations` and `/v1/users/self/invitations`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{AcceptLink, Invitation, Invite, Invited, Joined, Page, PageParams};
use keyward_core::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{page_request, single_page, to_page};
use crate::service::Management;
use crate::web::{Caller, Input, NoInput, PathParam, Problem, QueryParams, answer, no_content};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(withdraw))
        .routes(routes!(list_own))
        .routes(routes!(accept_link))
        .routes(routes!(decline))
        .routes(routes!(accept_own))
}

/// Lists the open invitations of an account.
#[utoipa::path(get, operation_id = "listInvitations", path = "/v1/accounts/{account}/invitations", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), PageParams),
    responses((status = 200, description = "A page of invitations", body = Page<Invitation>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    QueryParams(page): QueryParams<PageParams>,
) -> Result<Response, Problem> {
    let invitations = management.invitations(&caller.actor, &account, &page_request(page.after, page.limit)?).await?;
    Ok(Json(to_page(invitations, |invitation| invitation)).into_response())
}

/// Invites an e-mail address into an account.
///
/// The address becomes a member when the invitation is accepted. A server with mail sends the link to the address, and the answer has no
/// link.
#[utoipa::path(post, operation_id = "createInvitation", path = "/v1/accounts/{account}/invitations", tag = "members", request_body = Invite, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The invitation, with its link unless it is mailed", body = Invited)))]
async fn invite(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    input: Input<Invite>,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        if working.sends_mail() {
            let invitation = working.invite_by_mail(&actor, &account, &input.value.email, input.value.role).await?;
            return answer(201, None, &Invited { invitation, secret: None });
        }
        let invited = working.invite(&actor, &account, &input.value.email, input.value.role).await?;
        answer(201, None, &Invited { invitation: invited.invitation, secret: Some(invited.secret.into()) })
    };
    caller.once(&management, input.request, operation).await
}

/// Withdraws an invitation. Its link stops working.
#[utoipa::path(delete, operation_id = "withdrawInvitation", path = "/v1/accounts/{account}/invitations/{invitation}", tag = "members", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("invitation" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 204, description = "The invitation is withdrawn")))]
async fn withdraw(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, invitation)): PathParam<(AccountId, String)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.withdraw_invitation(&actor, &account, &invitation).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}

/// Lists the open invitations of the calling user.
///
/// The list is empty until mail or an identity provider has proved the user's address.
#[utoipa::path(get, operation_id = "listOwnInvitations", path = "/v1/users/self/invitations", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The invitations", body = Page<Invitation>)))]
async fn list_own(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    Ok(Json(single_page(management.own_invitations(&caller.actor).await?)).into_response())
}

/// Accepts an invitation with its link, as the calling user.
///
/// The invitation must be for the user's own address.
#[utoipa::path(post, operation_id = "acceptInvitationLink", path = "/v1/users/self/invitations/accept", tag = "users", request_body = AcceptLink, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The account that the user joined", body = Joined)))]
async fn accept_link(
    State(management): State<Management>,
    caller: Caller,
    input: Input<AcceptLink>,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let account = working.join_by_link(&actor, input.value.invitation.expose()).await?;
        answer(200, None, &Joined { account })
    };
    caller.once(&management, input.request, operation).await
}

/// Accepts one of the calling user's own invitations.
#[utoipa::path(post, operation_id = "acceptOwnInvitation", path = "/v1/users/self/invitations/{invitation}/accept", tag = "users", security(("bearer" = [])),
    params(("invitation" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The account that the user joined", body = Joined)))]
async fn accept_own(
    State(management): State<Management>,
    caller: Caller,
    PathParam(invitation): PathParam<String>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let account = working.join(&actor, &invitation).await?;
        answer(200, None, &Joined { account })
    };
    caller.once(&management, request, operation).await
}

/// Declines one of the calling user's own invitations.
#[utoipa::path(delete, operation_id = "declineOwnInvitation", path = "/v1/users/self/invitations/{invitation}", tag = "users", security(("bearer" = [])),
    params(("invitation" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 204, description = "The invitation is declined")))]
async fn decline(
    State(management): State<Management>,
    caller: Caller,
    PathParam(invitation): PathParam<String>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.decline_invitation(&actor, &invitation).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}
