//! The keys of the caller's account. No key gives rights that it does not have.

use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use keyward::axum::Guarded;
use keyward::store::{KeyQuery, KeyRecord};
use keyward::{CredentialId, CustomRejection, Guard, Identity, NewKey, PlainKey, Rejection, ScopeSet};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{ApiError, JsonBody};
use crate::{App, KeysManage};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(list).post(create)).route("/{id}", delete(revoke)).route("/{id}/rotate", post(rotate))
}

/// A key without limits in time or place. Its successors and new keys have none either.
struct Unlimited;

impl Guard for Unlimited {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        if caller.endpoints().is_empty() && caller.networks().is_empty() && caller.expires_at().is_none() {
            return Ok(());
        }
        let message = "A key with an end, endpoints or networks cannot manage keys.";
        Err(CustomRejection::new(StatusCode::FORBIDDEN, "LIMITED_KEY", message).into())
    }
}

type Manager = Guarded<(KeysManage, Unlimited)>;

#[derive(Deserialize)]
struct Creation {
    name: String,
    scopes: ScopeSet,
}

#[derive(Deserialize)]
struct Rotation {
    #[serde(default)]
    overlap_seconds: u32,
}

async fn list(caller: Manager, State(app): State<App>) -> Result<Json<Vec<Value>>, ApiError> {
    let query = KeyQuery { account: Some(caller.account().clone()), ..KeyQuery::default() };
    Ok(Json(app.keys.list(&query).await?.keys.iter().map(shown).collect()))
}

async fn create(
    caller: Manager,
    State(app): State<App>,
    JsonBody(new): JsonBody<Creation>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if !caller.scopes().includes(&new.scopes) {
        return Err(ApiError::TooManyRights);
    }
    let new = NewKey::restricted(caller.account().clone(), new.name, new.scopes);
    let issued = app.keys.issue(NewKey { mode: caller.mode(), ..new }).await?;
    Ok((StatusCode::CREATED, Json(with_key(&issued.record, issued.key))))
}

async fn rotate(
    caller: Manager,
    State(app): State<App>,
    Path(id): Path<CredentialId>,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Result<Json<Value>, ApiError> {
    let key = own(&app, &caller, &id).await?;
    if !caller.scopes().includes(&key.scopes) || caller.mode() != key.mode {
        return Err(ApiError::TooManyRights);
    }
    let rotated = app.keys.rotate(&id, Duration::from_secs(rotation.overlap_seconds.into())).await?;
    Ok(Json(with_key(&rotated.record, rotated.key)))
}

async fn revoke(caller: Manager, State(app): State<App>, Path(id): Path<CredentialId>) -> Result<StatusCode, ApiError> {
    own(&app, &caller, &id).await?;
    app.keys.revoke(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn own(app: &App, caller: &Identity, id: &CredentialId) -> Result<KeyRecord, ApiError> {
    let key = app.keys.get(id).await?;
    key.filter(|key| key.account == *caller.account()).ok_or(ApiError::NoSuchKey)
}

fn shown(key: &KeyRecord) -> Value {
    let status = key.status(SystemTime::now().into());
    json!({"id": key.id, "name": key.name, "hint": key.hint, "scopes": key.scopes, "status": status, "last_used_at": key.last_used_at})
}

fn with_key(record: &KeyRecord, key: PlainKey) -> Value {
    let mut shown = shown(record);
    shown["key"] = json!(*key.expose_once());
    shown
}
