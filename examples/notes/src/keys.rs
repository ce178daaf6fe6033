//! The keys of the caller's account. `for_caller` refuses other accounts' keys, and rights that the caller does not have.

use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use keyward::axum::{AuthRejection, Scoped};
use keyward::store::{KeyQuery, KeyRecord};
use keyward::{CredentialId, NewKey, PlainKey, ScopeSet};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::JsonBody;
use crate::{App, KeysManage};

type Answer<T> = Result<T, AuthRejection>;

pub(crate) fn routes() -> Router<App> {
    let one = Router::new().route("/{id}", delete(revoke)).route("/{id}/rotate", post(rotate));
    one.route("/", get(list).post(create))
}

type Manager = Scoped<KeysManage>;

#[derive(Deserialize)]
struct Creation {
    name: String,
    scopes: ScopeSet,
}

async fn list(caller: Manager, app: State<App>) -> Answer<Json<Vec<Value>>> {
    let page = app.keys.for_caller(&caller).list(&KeyQuery::default()).await?;
    Ok(Json(page.keys.iter().map(shown).collect()))
}

async fn create(
    caller: Manager,
    app: State<App>,
    JsonBody(new): JsonBody<Creation>,
) -> Answer<(StatusCode, Json<Value>)> {
    let new = NewKey::restricted(caller.account().clone(), new.name, new.scopes);
    let issued = app.keys.for_caller(&caller).issue(NewKey { mode: caller.mode(), ..new }).await?;
    Ok((StatusCode::CREATED, Json(with_key(&issued.record, issued.key))))
}

/// Creates the key's successor. The old key ends at once.
async fn rotate(caller: Manager, app: State<App>, Path(id): Path<CredentialId>) -> Answer<Json<Value>> {
    let rotated = app.keys.for_caller(&caller).rotate(&id, Duration::ZERO).await?;
    Ok(Json(with_key(&rotated.record, rotated.key)))
}

async fn revoke(caller: Manager, app: State<App>, Path(id): Path<CredentialId>) -> Answer<StatusCode> {
    app.keys.for_caller(&caller).revoke(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(key: &KeyRecord) -> Value {
    let status = key.status(SystemTime::now().into());
    json!({"id": key.id, "name": key.name, "hint": key.hint, "scopes": key.scopes, "status": status})
}

fn with_key(record: &KeyRecord, key: PlainKey) -> Value {
    let mut shown = shown(record);
    shown["key"] = json!(*key.expose_once());
    shown
}
