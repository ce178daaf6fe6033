//! Sign-up, and the operator's routes.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json, Router};
use keyward::axum::RequireLayer;
use keyward::{AccountId, AccountRecord, Guard, Identity, NewKey, Rejection};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{ApiError, JsonBody};
use crate::{AdminAccess, App};

#[derive(Deserialize)]
pub(crate) struct SignUp {
    name: String,
}

/// Creates an account and its first key. The new id belongs to no other account.
pub(crate) async fn sign_up(
    State(app): State<App>,
    JsonBody(form): JsonBody<SignUp>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let scopes = "notes:* exports:create keys:manage".parse()?;
    let account = AccountRecord::new(AccountId::generate(), form.name);
    app.keys.ensure_account(&account).await?;
    let issued = app.keys.issue(NewKey::restricted(account.id, "first", scopes)).await?;
    let body = json!({"account": issued.record.account, "id": issued.record.id, "key": *issued.key.expose_once()});
    Ok((StatusCode::CREATED, Json(body)))
}

/// The operator's account. A customer's secret key has all scopes, so a scope is not enough.
struct Operator;

impl Guard for Operator {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        caller.require_account("acct_operator")
    }
}

pub(crate) fn admin() -> Router<App> {
    Router::new()
        .route("/accounts/{account}/plan", put(set_plan))
        .route("/accounts/{account}/suspend", post(suspend))
        .layer(RequireLayer::of::<(AdminAccess, Operator)>())
}

#[derive(Deserialize)]
struct NewPlan {
    plan: Option<String>,
}

async fn set_plan(
    State(app): State<App>,
    Path(account): Path<AccountId>,
    JsonBody(new): JsonBody<NewPlan>,
) -> Result<StatusCode, ApiError> {
    app.keys.set_plan(&account, new.plan.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn suspend(State(app): State<App>, Path(account): Path<AccountId>) -> Result<StatusCode, ApiError> {
    app.keys.suspend_account(&account).await?;
    Ok(StatusCode::NO_CONTENT)
}
