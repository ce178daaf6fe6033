//! `/v1/plans`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Listed;
use super::wire::{At, Caller, Input, NoInput, Problem, answer, no_content};
use crate::desk::Desk;
use crate::records::{Plan, Versioned};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, remove))
}

/// A plan that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePlan {
    /// Its name, which identities carry.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What people are told of it.
    #[schema(max_length = 500)]
    #[serde(default)]
    description: String,
    /// How many active keys an account may have.
    #[schema(maximum = 10000)]
    #[serde(default)]
    key_limit: Option<u32>,
}

/// What a plan is from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutPlan {
    #[schema(max_length = 500)]
    #[serde(default)]
    description: String,
    #[schema(maximum = 10000)]
    #[serde(default)]
    key_limit: Option<u32>,
}

/// A plan.
#[derive(Serialize, ToSchema)]
struct PlanView {
    #[serde(flatten)]
    plan: Plan,
    version: u64,
}

fn view(plan: Versioned<Plan>) -> PlanView {
    PlanView { version: plan.version, plan: plan.value }
}

/// Lists the plans.
#[utoipa::path(get, path = "/v1/plans", tag = "plans", security(("bearer" = [])),
    responses((status = 200, description = "The plans", body = Listed<PlanView>)))]
async fn list(State(desk): State<Desk>, caller: Caller) -> Result<Response, Problem> {
    let plans = desk.plans(&caller.actor).await?;
    Ok(Json(Listed::all(plans.into_iter().map(view).collect())).into_response())
}

/// Adds a plan.
#[utoipa::path(post, path = "/v1/plans", tag = "plans", request_body = CreatePlan, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The plan", body = PlanView)))]
async fn create(State(desk): State<Desk>, caller: Caller, input: Input<CreatePlan>) -> Result<Response, Problem> {
    let body = input.value;
    let plan = Plan { name: body.name.into(), description: body.description, key_limit: body.key_limit };
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let plan = working.put_plan(&actor, plan, None).await?;
        answer(201, Some(plan.version), &view(plan))
    };
    caller.once(&desk, input.request, operation).await
}

/// Changes a plan.
#[utoipa::path(put, path = "/v1/plans/{plan}", tag = "plans", request_body = PutPlan, security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The plan", body = PlanView)))]
async fn update(
    State(desk): State<Desk>,
    caller: Caller,
    At(name): At<String>,
    input: Input<PutPlan>,
) -> Result<Response, Problem> {
    let version = caller.if_match(desk.plan_version(&name)).await?;
    let plan = Plan { name: name.into(), description: input.value.description, key_limit: input.value.key_limit };
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let plan = working.put_plan(&actor, plan, Some(version)).await?;
        answer(200, Some(plan.version), &view(plan))
    };
    caller.once(&desk, input.request, operation).await
}

/// Takes a plan away.
#[utoipa::path(delete, path = "/v1/plans/{plan}", tag = "plans", security(("bearer" = [])),
    params(("plan" = String, Path, min_length = 1, max_length = 100), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(desk): State<Desk>,
    caller: Caller,
    At(name): At<String>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(desk.plan_version(&name)).await?;
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        working.remove_plan(&actor, &name, version).await?;
        Ok(no_content())
    };
    caller.once(&desk, request, operation).await
}
