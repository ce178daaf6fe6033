//! The keys of the caller's account. No caller gives rights that it does not have.

use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use keyward::axum::{AuthRejection, Guarded};
use keyward::store::{KeyQuery, KeyRecord};
use keyward::{CredentialId, Guard, Identity, NewKey, PlainKey, Rejection, ScopeSet};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{JsonBody, forbidden, no_such};
use crate::{App, KeysManage};

type Answer<T> = Result<T, AuthRejection>;

pub(crate) fn routes() -> Router<App> {
    let one = Router::new().route("/{id}", delete(revoke)).route("/{id}/rotate", post(rotate));
    one.route("/", get(list).post(create))
}

/// A key without end, endpoints and networks, because new keys have none.
struct Unlimited;

impl Guard for Unlimited {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        let unlimited = caller.endpoints().is_empty() && caller.networks().is_empty() && caller.expires_at().is_none();
        let refusal = || forbidden("A key with an end, endpoints or networks cannot manage keys.").into();
        unlimited.then_some(()).ok_or_else(refusal)
    }
}

type Manager = Guarded<(KeysManage, Unlimited)>;

#[derive(Deserialize)]
struct Creation {
    name: String,
    scopes: ScopeSet,
}

async fn list(caller: Manager, app: State<App>) -> Answer<Json<Vec<Value>>> {
    let query = KeyQuery { account: Some(caller.account().clone()), ..KeyQuery::default() };
    let page = app.keys.list(&query).await?;
    Ok(Json(page.keys.iter().map(shown).collect()))
}

async fn create(
    caller: Manager,
    app: State<App>,
    JsonBody(new): JsonBody<Creation>,
) -> Answer<(StatusCode, Json<Value>)> {
    covers(&caller, &new.scopes)?;
    let new = NewKey::restricted(caller.account().clone(), new.name, new.scopes);
    let issued = app.keys.issue(NewKey { mode: caller.mode(), ..new }).await?;
    Ok((StatusCode::CREATED, Json(with_key(&issued.record, issued.key))))
}

/// Creates the key's successor. The old key ends at once.
async fn rotate(caller: Manager, app: State<App>, Path(id): Path<CredentialId>) -> Answer<Json<Value>> {
    let key = own(&app, &caller, &id).await?;
    covers(&caller, &key.scopes)?;
    let rotated = app.keys.rotate(&id, Duration::ZERO).await?;
    Ok(Json(with_key(&rotated.record, rotated.key)))
}

async fn revoke(caller: Manager, app: State<App>, Path(id): Path<CredentialId>) -> Answer<StatusCode> {
    own(&app, &caller, &id).await?;
    app.keys.revoke(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn covers(caller: &Identity, scopes: &ScopeSet) -> Result<(), Rejection> {
    let refusal = || forbidden("Your key cannot give scopes that it does not have.").into();
    caller.scopes().includes(scopes).then_some(()).ok_or_else(refusal)
}

/// Finds a key of the caller's account and mode.
async fn own(app: &App, caller: &Identity, id: &CredentialId) -> Answer<KeyRecord> {
    let key = app.keys.get(id).await?;
    let own = key.filter(|key| key.account == *caller.account() && key.mode == caller.mode());
    Ok(own.ok_or_else(|| no_such("key"))?)
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
