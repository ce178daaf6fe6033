//! Sign-up, and the operator's routes.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use keyward::axum::{AuthRejection, RequireLayer};
use keyward::{AccountId, AccountRecord, Guard, Identity, NewKey, Rejection};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::JsonBody;
use crate::{AdminAccess, App};

#[derive(Deserialize)]
pub(crate) struct SignUp {
    name: String,
}

/// Creates an account and its first key. The id is new, so the key opens no account of others.
pub(crate) async fn sign_up(
    State(app): State<App>,
    JsonBody(form): JsonBody<SignUp>,
) -> Result<(StatusCode, Json<Value>), AuthRejection> {
    let account = AccountRecord::new(AccountId::generate(), form.name);
    app.keys.ensure_account(&account).await?;
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
