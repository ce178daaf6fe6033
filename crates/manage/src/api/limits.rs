//! `/v1/plans/{plan}/limits`, `/v1/accounts/{account}/limits` and `/v1/keys/{key}/limits`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{Limits, PutLimits};
use keyward_core::{AccountId, CredentialId};
use keyward_limits::Subject;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Management;
use crate::web::{Caller, Input, PathParam, Problem, Tagged, answer};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(plan, put_plan))
        .routes(routes!(account, put_account))
        .routes(routes!(key, put_key))
}

/// Returns the limits of a plan.
#[utoipa::path(get, operation_id = "getPlanLimits", path = "/v1/plans/{plan}/limits", tag = "limits", security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100)),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn plan(
    State(management): State<Management>,
    caller: Caller,
    PathParam(plan): PathParam<String>,
) -> Result<Response, Problem> {
    show(&management, &caller, &Subject::Plan(plan.into())).await
}

/// Replaces the limits of a plan, for the operator. They hold for each account with this plan, within a second.
#[utoipa::path(put, operation_id = "putPlanLimits", path = "/v1/plans/{plan}/limits", tag = "limits", request_body = PutLimits, security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn put_plan(
    State(management): State<Management>,
    caller: Caller,
    PathParam(plan): PathParam<String>,
    input: Input<PutLimits>,
) -> Result<Response, Problem> {
    put(management, caller, Subject::Plan(plan.into()), input).await
}

/// Returns the limits of an account, and what is left of its budget.
#[utoipa::path(get, operation_id = "getAccountLimits", path = "/v1/accounts/{account}/limits", tag = "limits", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn account(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
) -> Result<Response, Problem> {
    show(&management, &caller, &Subject::Account(account)).await
}

/// Replaces the limits of an account, for the operator. They replace those of its plan, within a second.
#[utoipa::path(put, operation_id = "putAccountLimits", path = "/v1/accounts/{account}/limits", tag = "limits", request_body = PutLimits, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn put_account(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    input: Input<PutLimits>,
) -> Result<Response, Problem> {
    put(management, caller, Subject::Account(account), input).await
}

/// Returns the limits of a key, and what is left of its budget.
#[utoipa::path(get, operation_id = "getKeyLimits", path = "/v1/keys/{key}/limits", tag = "limits", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn key(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
) -> Result<Response, Problem> {
    show(&management, &caller, &Subject::Key(key)).await
}

/// Replaces the limits of a key. They hold in addition to those of its account, within a second. They hold for all keys of its rotations together. A key cannot change its own, and with limits of its own it changes none.
#[utoipa::path(put, operation_id = "putKeyLimits", path = "/v1/keys/{key}/limits", tag = "limits", request_body = PutLimits, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The limits", body = Limits)))]
async fn put_key(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    input: Input<PutLimits>,
) -> Result<Response, Problem> {
    put(management, caller, Subject::Key(key), input).await
}

async fn show(management: &Management, caller: &Caller, subject: &Subject) -> Result<Response, Problem> {
    let limits = management.limits(&caller.actor, subject).await?;
    Ok(Tagged(limits.version, limits).into_response())
}

async fn put(
    management: Management,
    caller: Caller,
    subject: Subject,
    input: Input<PutLimits>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.limits_version(&subject)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let limits = working.put_limits(&actor, &subject, &input.value, version).await?;
        answer(200, Some(limits.version), &limits)
    };
    caller.once(&management, input.request, operation).await
}
