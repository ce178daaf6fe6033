//! Sign-up, and the operator's routes.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use keyward::axum::{AuthRejection, RequireLayer};
use keyward::{AccountId, AccountRecord, CustomRejection, Guard, Identity, NewKey, Rejection};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{JsonBody, invalid_handle};
use crate::{AdminAccess, App};

#[derive(Deserialize)]
pub(crate) struct SignUp {
    name: String,
    handle: Option<String>,
}

impl SignUp {
    /// Returns `team_` and the handle, or a random id. The prefix keeps `acct_operator` out of reach.
    fn account(&self) -> Result<AccountId, CustomRejection> {
        let Some(handle) = &self.handle else { return Ok(AccountId::generate()) };
        let is_plain = (1..=32).contains(&handle.len())
            && handle.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let id = is_plain.then(|| format!("team_{handle}").parse().ok()).flatten();
        id.ok_or_else(|| invalid_handle(handle))
    }
}

/// Creates an account and its first key. `insert_account` refuses a taken id, so the key opens no account of others.
pub(crate) async fn sign_up(
    State(app): State<App>,
    JsonBody(form): JsonBody<SignUp>,
) -> Result<(StatusCode, Json<Value>), AuthRejection> {
    let account = AccountRecord::new(form.account()?, form.name);
    app.keys.insert_account(&account).await?;
    let first = NewKey::restricted(account.id, "first", app.first_scopes);
    let issued = app.keys.issue(first).await?;
    let body = json!({"account": issued.record.account, "id": issued.record.id, "key": *issued.key.expose_once()});
    Ok((StatusCode::CREATED, Json(body)))
}

/// The operator's account. A secret key has all scopes unless it names some, so the scope is not enough.
struct Operator;

impl Guard for Operator {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        caller.require_account("acct_operator")
    }
}

pub(crate) fn admin() -> Router<App> {
    let routes = Router::new().route("/accounts/{account}/plan/{plan}", put(set_plan));
    routes.layer(RequireLayer::of::<(AdminAccess, Operator)>())
}

async fn set_plan(
    State(app): State<App>,
    Path((account, plan)): Path<(AccountId, String)>,
) -> Result<StatusCode, AuthRejection> {
    app.keys.set_plan(&account, Some(&plan)).await?;
    Ok(StatusCode::NO_CONTENT)
}
