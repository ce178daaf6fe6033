//! `/v1/keys`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::schema::{KindName, ModeName, StatusName};
use keyward_api_types::{
    ChangedKey, CreateKey, Effective, IssuedKey, Key, Page, RotateKey, RotatedKey, UpdateKey, Usage,
};
use keyward_core::key::KeyKind;
use keyward_core::lease::Propagation;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, CredentialId, Mode, NewKey, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{account_or_default, at_most, listed, page_request};
use crate::error::ManagementError;
use crate::service::{KeyChange, KeyDraft, Management, invalid_cursor};
use crate::web::{Caller, Input, NoInput, PathParam, Problem, QueryParams, Tagged, answer};

pub(super) fn routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show_self))
        .routes(routes!(revoke_self))
        .routes(routes!(show, update))
        .routes(routes!(rotate))
        .routes(routes!(revoke))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(usage))
}

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Of this account; the caller's own without it.
    #[param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    account: Option<AccountId>,
    /// Of this mode alone.
    #[param(value_type = Option<ModeName>)]
    mode: Option<Mode>,
    /// Of this kind alone.
    #[param(value_type = Option<KindName>)]
    kind: Option<KeyKind>,
    /// With this status alone.
    #[param(value_type = Option<StatusName>)]
    status: Option<KeyStatus>,
    /// With this in the name, whatever the case of ASCII letters.
    #[param(max_length = 100)]
    text: Option<String>,
    /// Last used before this, or never.
    #[param(format = DateTime)]
    last_used_before: Option<String>,
    /// Behind this: what the page before gave as `next`.
    #[param(max_length = 300)]
    after: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

/// Lists keys, the newest first; revoked and expired ones among them.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(Filter), security(("bearer" = [])),
    responses((status = 200, description = "A page of keys", body = Page<Key>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<Filter>,
) -> Result<Response, Problem> {
    at_most("text", 100, filter.text.as_deref())?;
    let page = page_request(filter.after, filter.limit)?;
    let after = page.after.map(|after| after.parse());
    let unused_since = filter.last_used_before.map(|time| time.parse::<Timestamp>()).transpose();
    let query = KeyQuery {
        account: Some(account_or_default(&management, &caller.actor, filter.account).await?),
        mode: filter.mode,
        kind: filter.kind,
        status: filter.status,
        text: filter.text.map(|text| text.replace('\0', "\u{fffd}")),
        unused_since: unused_since.map_err(|error| ManagementError::invalid("last_used_before", error.to_string()))?,
        after: after.transpose().map_err(|_| invalid_cursor())?,
        limit: page.limit,
        ..KeyQuery::default()
    };
    Ok(Json(listed(management.keys(&caller.actor, &query).await?, |key| key)).into_response())
}

/// Issues a key. Its answer has the key in plain, this once.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = CreateKey, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The key", body = IssuedKey)))]
async fn create(
    State(management): State<Management>,
    caller: Caller,
    input: Input<CreateKey>,
) -> Result<Response, Problem> {
    let body = input.value;
    let account = account_or_default(&management, &caller.actor, body.account).await?;
    let new = NewKey {
        kind: body.kind,
        mode: body.mode,
        endpoints: body.endpoints,
        networks: body.networks,
        metadata: body.metadata,
        not_before: body.not_before,
        expires_at: body.expires_at,
        ..NewKey::restricted(account, body.name, body.scopes)
    };
    let (management, actor) = (&management, caller.actor.clone());
    let working = management.clone();
    let operation = async move {
        let issued = working.create_key(&actor, KeyDraft::of(body.purpose, new)).await?;
        let version = Some(issued.view.version);
        answer(201, version, &IssuedKey { key: issued.key.expose_once().into(), record: issued.view })
    };
    caller.once(management, input.request, operation).await
}

/// What the key is that this request came with, whatever it was granted.
#[utoipa::path(get, path = "/v1/keys/self", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The key", body = Key)))]
async fn show_self(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    let key = management.own_key(&caller.actor).await?;
    Ok(Tagged(key.version, key).into_response())
}

/// Revokes the key that this request came with, whatever it was granted.
#[utoipa::path(post, path = "/v1/keys/self/revoke", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "It is revoked everywhere", body = ChangedKey)))]
async fn revoke_self(
    State(management): State<Management>,
    caller: Caller,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    caller.once(&management, request, async move { changed(&working.revoke_own_key(&actor).await?) }).await
}

/// A key.
#[utoipa::path(get, path = "/v1/keys/{key}", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The key", body = Key)))]
async fn show(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
) -> Result<Response, Problem> {
    let key = management.key(&caller.actor, &key).await?;
    Ok(Tagged(key.version, key).into_response())
}

/// Changes a key; when this answers, the change holds on every node.
#[utoipa::path(patch, path = "/v1/keys/{key}", tag = "keys", request_body = UpdateKey, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The key", body = ChangedKey)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    input: Input<UpdateKey>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.key_version(&key)).await?;
    let body = input.value;
    let change = KeyChange {
        name: body.name,
        scopes: body.scopes,
        endpoints: body.endpoints,
        networks: body.networks,
        metadata: body.metadata,
        expires_at: body.expires_at,
    };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { changed(&working.update_key(&actor, &key, change, version).await?) };
    caller.once(&management, input.request, operation).await
}

/// Issues a successor of a key, and lets the old one end. Its answer has the new key in plain, this once.
#[utoipa::path(post, path = "/v1/keys/{key}/rotate", tag = "keys", request_body = RotateKey, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The successor", body = RotatedKey)))]
async fn rotate(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    input: Input<RotateKey>,
) -> Result<Response, Problem> {
    let overlap = Duration::from_secs(input.value.overlap_seconds.into());
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let rotated = working.rotate_key(&actor, &key, overlap).await?;
        let effective = Effective::from(&rotated.propagation);
        let version = Some(rotated.view.version);
        let key = rotated.key.expose_once().into();
        answer(201, version, &RotatedKey { key, record: rotated.view, predecessor: rotated.predecessor, effective })
    };
    caller.once(&management, input.request, operation).await
}

/// Revokes a key for good; when this answers, no node accepts it any more.
#[utoipa::path(post, path = "/v1/keys/{key}/revoke", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is revoked everywhere", body = ChangedKey)))]
async fn revoke(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    caller.once(&management, request, async move { changed(&working.revoke_key(&actor, &key).await?) }).await
}

/// Refuses a key for now.
#[utoipa::path(post, path = "/v1/keys/{key}/disable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is refused everywhere", body = ChangedKey)))]
async fn disable(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    caller
        .once(&management, request, async move { changed(&working.set_key_disabled(&actor, &key, true).await?) })
        .await
}

/// Accepts a disabled key again.
#[utoipa::path(post, path = "/v1/keys/{key}/enable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is accepted", body = ChangedKey)))]
async fn enable(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    caller
        .once(&management, request, async move { changed(&working.set_key_disabled(&actor, &key, false).await?) })
        .await
}

/// How many days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    /// The last so many days, today among them; 30 without it.
    #[param(minimum = 1, maximum = 366)]
    pub(super) days: Option<u32>,
}

/// How a key was used, by day and outcome.
#[utoipa::path(get, path = "/v1/keys/{key}/usage", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), Days),
    responses((status = 200, description = "Counts", body = Usage)))]
async fn usage(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    QueryParams(days): QueryParams<Days>,
) -> Result<Json<Usage>, Problem> {
    Ok(Json(management.key_usage(&caller.actor, &key, days.days.unwrap_or(30)).await?))
}

fn changed((record, propagation): &(Key, Propagation)) -> Result<crate::Answer, ManagementError> {
    answer(200, Some(record.version), &ChangedKey { record: record.clone(), effective: propagation.into() })
}
