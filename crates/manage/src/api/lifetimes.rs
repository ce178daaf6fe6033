//! `/v1/plans/{plan}/lifetimes` and `/v1/accounts/{account}/lifetimes`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{Lifetimes, PutLifetimes};
use keyward_core::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::records::LifetimesOf;
use crate::service::Management;
use crate::web::{Caller, Input, PathParam, Problem, Tagged, answer};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(plan, put_plan)).routes(routes!(account, put_account))
}

/// Returns the lifetimes of new keys that a plan sets.
#[utoipa::path(get, operation_id = "getPlanLifetimes", path = "/v1/plans/{plan}/lifetimes", tag = "limits", security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100)),
    responses((status = 200, description = "The lifetimes", body = Lifetimes)))]
async fn plan(
    State(management): State<Management>,
    caller: Caller,
    PathParam(plan): PathParam<String>,
) -> Result<Response, Problem> {
    show(&management, &caller, &LifetimesOf::Plan(plan.into())).await
}

/// Replaces the lifetimes of new keys that a plan sets, for the operator. Keys that exist keep their expiry.
#[utoipa::path(put, operation_id = "putPlanLifetimes", path = "/v1/plans/{plan}/lifetimes", tag = "limits", request_body = PutLifetimes, security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The lifetimes", body = Lifetimes)))]
async fn put_plan(
    State(management): State<Management>,
    caller: Caller,
    PathParam(plan): PathParam<String>,
    input: Input<PutLifetimes>,
) -> Result<Response, Problem> {
    put(management, caller, LifetimesOf::Plan(plan.into()), input).await
}

/// Returns the lifetimes of new keys that an account sets, and those that hold for it.
#[utoipa::path(get, operation_id = "getAccountLifetimes", path = "/v1/accounts/{account}/lifetimes", tag = "limits", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The lifetimes", body = Lifetimes)))]
async fn account(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
) -> Result<Response, Problem> {
    show(&management, &caller, &LifetimesOf::Account(account)).await
}

/// Replaces the lifetimes of new keys that an account sets, for the operator. Keys that exist keep their expiry.
#[utoipa::path(put, operation_id = "putAccountLifetimes", path = "/v1/accounts/{account}/lifetimes", tag = "limits", request_body = PutLifetimes, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The lifetimes", body = Lifetimes)))]
async fn put_account(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    input: Input<PutLifetimes>,
) -> Result<Response, Problem> {
    put(management, caller, LifetimesOf::Account(account), input).await
}

async fn show(management: &Management, caller: &Caller, of: &LifetimesOf) -> Result<Response, Problem> {
    let lifetimes = management.lifetimes(&caller.actor, of).await?;
    Ok(Tagged(lifetimes.version, lifetimes).into_response())
}

async fn put(
    management: Management,
    caller: Caller,
    of: LifetimesOf,
    input: Input<PutLifetimes>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.lifetimes_version(&of)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let lifetimes = working.put_lifetimes(&actor, &of, &input.value, version).await?;
        answer(200, Some(lifetimes.version), &lifetimes)
    };
    caller.once(&management, input.request, operation).await
}
