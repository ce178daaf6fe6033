//! `/v1/plans`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{CreatePlan, Page, Plan, PutPlan, RemovePlan};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::single_page;
use crate::records::{self, Versioned};
use crate::service::Management;
use crate::web::{Caller, Input, NoInput, PathParam, Problem, QueryParams, answer, no_content};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, remove))
}

impl From<Versioned<records::Plan>> for Plan {
    fn from(plan: Versioned<records::Plan>) -> Self {
        let records::Plan { name, description, key_limit, scopes } = plan.value;
        Self { name: name.into(), description, key_limit, scopes, version: plan.version }
    }
}

/// Lists all plans.
#[utoipa::path(get, operation_id = "listPlans", path = "/v1/plans", tag = "plans", security(("bearer" = [])),
    responses((status = 200, description = "The plans", body = Page<Plan>)))]
async fn list(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    let plans = management.plans(&caller.actor).await?;
    Ok(Json(single_page(plans.into_iter().map(Plan::from).collect())).into_response())
}

/// Adds a plan.
#[utoipa::path(post, operation_id = "createPlan", path = "/v1/plans", tag = "plans", request_body = CreatePlan, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The plan", body = Plan)))]
async fn create(
    State(management): State<Management>,
    caller: Caller,
    input: Input<CreatePlan>,
) -> Result<Response, Problem> {
    let body = input.value;
    let plan = records::Plan {
        name: body.name.into(),
        description: body.description,
        key_limit: body.key_limit,
        scopes: body.scopes,
    };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let plan = working.put_plan(&actor, plan, None).await?;
        answer(201, Some(plan.version), &Plan::from(plan))
    };
    caller.once(&management, input.request, operation).await
}

/// Changes a plan.
#[utoipa::path(put, operation_id = "putPlan", path = "/v1/plans/{plan}", tag = "plans", request_body = PutPlan, security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The plan", body = Plan)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    PathParam(name): PathParam<String>,
    input: Input<PutPlan>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.plan_version(&name)).await?;
    let body = input.value;
    let plan = records::Plan {
        name: name.into(),
        description: body.description,
        key_limit: body.key_limit,
        scopes: body.scopes,
    };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let plan = working.put_plan(&actor, plan, Some(version)).await?;
        answer(200, Some(plan.version), &Plan::from(plan))
    };
    caller.once(&management, input.request, operation).await
}

/// Removes a plan. If accounts have it, the answer is `PLAN_IN_USE` with their number, unless `force` is true.
#[utoipa::path(delete, operation_id = "deletePlan", path = "/v1/plans/{plan}", tag = "plans", security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), RemovePlan, ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "The plan is removed")))]
async fn remove(
    State(management): State<Management>,
    caller: Caller,
    PathParam(name): PathParam<String>,
    QueryParams(params): QueryParams<RemovePlan>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.plan_version(&name)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        if params.force == Some(true) {
            working.remove_used_plan(&actor, &name, version).await?;
        } else {
            working.remove_plan(&actor, &name, version).await?;
        }
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}
