//! `/v1/keys`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{
    ChangedKey, CreateKey, Effective, IssuedKey, Key, KeyFilter, Page, PageParams, RecentRequest, RevokeKey, RotateKey,
    RotatedKey, RotationPreview, UpdateKey, Usage, UsageParams,
};
use keyward_core::lease::Propagation;
use keyward_core::store::{KeyQuery, Revocation};
use keyward_core::{CredentialId, NewKey, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{account_or_default, check_length, page_request, to_page};
use crate::error::ManagementError;
use crate::service::{KeyChange, KeyDraft, KeyRotation, Management, invalid_cursor, key_filters};
use crate::web::{Caller, Input, NoInput, OptionalInput, PathParam, Problem, QueryParams, Tagged, answer};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show_self))
        .routes(routes!(revoke_self))
        .routes(routes!(show, update))
        .routes(routes!(rotate))
        .routes(routes!(rotation))
        .routes(routes!(revoke))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(usage))
        .routes(routes!(requests))
}

/// Lists keys, the newest first, including revoked and expired ones.
#[utoipa::path(get, operation_id = "listKeys", path = "/v1/keys", tag = "keys", params(KeyFilter), security(("bearer" = [])),
    responses((status = 200, description = "A page of keys", body = Page<Key>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<KeyFilter>,
) -> Result<Response, Problem> {
    check_length("text", 100, filter.text.as_deref())?;
    let page = page_request(filter.after, filter.limit)?;
    let after = page.after.map(|after| after.parse());
    let unused_since = filter.last_used_before.map(|time| time.parse::<Timestamp>()).transpose();
    let expires_before = filter.expires_before.map(|time| time.parse::<Timestamp>()).transpose();
    let (tags, metadata) = key_filters(filter.tags.as_deref(), filter.metadata.as_deref())?;
    let query = KeyQuery {
        tags,
        metadata,
        account: Some(account_or_default(&management, &caller.actor, filter.account).await?),
        user: filter.user,
        mode: filter.mode,
        kind: filter.kind,
        status: filter.status,
        text: filter.text.map(|text| text.replace('\0', "\u{fffd}")),
        unused_since: unused_since.map_err(|error| ManagementError::invalid("last_used_before", error.to_string()))?,
        expires_before: expires_before
            .map_err(|error| ManagementError::invalid("expires_before", error.to_string()))?,
        replaced: filter.replaced,
        after: after.transpose().map_err(|_| invalid_cursor())?,
        limit: page.limit,
        ..KeyQuery::default()
    };
    Ok(Json(to_page(management.keys(&caller.actor, &query).await?, |key| key)).into_response())
}

/// Creates a key. Only this answer contains the key itself.
#[utoipa::path(post, operation_id = "createKey", path = "/v1/keys", tag = "keys", request_body = CreateKey, security(("bearer" = [])),
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
        user: body.user,
        kind: body.kind,
        mode: body.mode,
        endpoints: body.endpoints,
        networks: body.networks,
        metadata: body.metadata,
        tags: body.tags,
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

/// Returns the key that this request presents, whatever its scopes.
#[utoipa::path(get, operation_id = "getOwnKey", path = "/v1/keys/self", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The key", body = Key)))]
async fn show_self(State(management): State<Management>, caller: Caller) -> Result<Response, Problem> {
    let key = management.own_key(&caller.actor).await?;
    Ok(Tagged(key.version, key).into_response())
}

/// Revokes the key that this request presents, whatever its scopes.
#[utoipa::path(post, operation_id = "revokeOwnKey", path = "/v1/keys/self/revoke", tag = "keys", request_body = Option<RevokeKey>, security(("bearer" = [])),
    responses((status = 200, description = "The key is revoked on every node", body = ChangedKey)))]
async fn revoke_self(
    State(management): State<Management>,
    caller: Caller,
    OptionalInput(input): OptionalInput<RevokeKey>,
) -> Result<Response, Problem> {
    let revocation = revocation(input.value)?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { changed(&working.revoke_own_key_with(&actor, &revocation).await?) };
    caller.once(&management, input.request, operation).await
}

/// Returns a key.
#[utoipa::path(get, operation_id = "getKey", path = "/v1/keys/{key}", tag = "keys", security(("bearer" = [])),
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

/// Changes a key. The change holds on every node when this answers.
#[utoipa::path(patch, operation_id = "updateKey", path = "/v1/keys/{key}", tag = "keys", request_body = UpdateKey, security(("bearer" = [])),
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
        tags: body.tags,
        expires_at: body.expires_at,
        user: body.user,
    };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { changed(&working.update_key(&actor, &key, change, version).await?) };
    caller.once(&management, input.request, operation).await
}

/// Returns the expiry that the successor of a key would get now, and the latest that a rotation can choose.
#[utoipa::path(get, operation_id = "previewRotation", path = "/v1/keys/{key}/rotation", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The preview", body = RotationPreview)))]
async fn rotation(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
) -> Result<Json<RotationPreview>, Problem> {
    Ok(Json(management.preview_rotation(&caller.actor, &key).await?))
}

/// Creates the successor of a key and ends the old key later.
///
/// Only this answer contains the new key itself.
#[utoipa::path(post, operation_id = "rotateKey", path = "/v1/keys/{key}/rotate", tag = "keys", request_body = RotateKey, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The successor", body = RotatedKey)))]
async fn rotate(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    input: Input<RotateKey>,
) -> Result<Response, Problem> {
    let RotateKey { overlap_seconds, expires_at } = input.value;
    let rotation = KeyRotation { overlap: Duration::from_secs(overlap_seconds.into()), expires_at };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let rotated = working.rotate_key_with(&actor, &key, rotation).await?;
        let effective = Effective::from(&rotated.propagation);
        let version = Some(rotated.view.version);
        let key = rotated.key.expose_once().into();
        answer(201, version, &RotatedKey { key, record: rotated.view, predecessor: rotated.predecessor, effective })
    };
    caller.once(&management, input.request, operation).await
}

/// Revokes a key for good. No node accepts it any more when this answers.
#[utoipa::path(post, operation_id = "revokeKey", path = "/v1/keys/{key}/revoke", tag = "keys", request_body = Option<RevokeKey>, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The key is revoked on every node", body = ChangedKey)))]
async fn revoke(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    OptionalInput(input): OptionalInput<RevokeKey>,
) -> Result<Response, Problem> {
    let revocation = revocation(input.value)?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { changed(&working.revoke_key_with(&actor, &key, &revocation).await?) };
    caller.once(&management, input.request, operation).await
}

/// Disables a key.
#[utoipa::path(post, operation_id = "disableKey", path = "/v1/keys/{key}/disable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The key is disabled on every node", body = ChangedKey)))]
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

/// Enables a disabled key.
#[utoipa::path(post, operation_id = "enableKey", path = "/v1/keys/{key}/enable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The key is enabled on every node", body = ChangedKey)))]
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

/// Returns the usage of a key, by day and outcome.
#[utoipa::path(get, operation_id = "getKeyUsage", path = "/v1/keys/{key}/usage", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), UsageParams),
    responses((status = 200, description = "The usage", body = Usage)))]
async fn usage(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    QueryParams(params): QueryParams<UsageParams>,
) -> Result<Json<Usage>, Problem> {
    Ok(Json(management.key_usage(&caller.actor, &key, params.days.unwrap_or(30)).await?))
}

/// Lists the last requests of a key, the newest first.
///
/// At most 200 of the last 30 days, if the server or a service records them. Otherwise, the list is empty.
#[utoipa::path(get, operation_id = "listKeyRequests", path = "/v1/keys/{key}/requests", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), PageParams),
    responses((status = 200, description = "A page of requests", body = Page<RecentRequest>)))]
async fn requests(
    State(management): State<Management>,
    caller: Caller,
    PathParam(key): PathParam<CredentialId>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problem> {
    let page = page_request(params.after, params.limit)?;
    Ok(Json(to_page(management.key_requests(&caller.actor, &key, &page).await?, |request| request)).into_response())
}

pub(super) fn revocation(body: RevokeKey) -> Result<Revocation, ManagementError> {
    let revocation = Revocation::new(body.reason);
    let noted = revocation.with_note(body.note.as_deref().unwrap_or_default());
    noted.map_err(|error| ManagementError::invalid("note", error.to_string()))
}

fn changed((record, propagation): &(Key, Propagation)) -> Result<crate::Answer, ManagementError> {
    answer(200, Some(record.version), &ChangedKey { record: record.clone(), effective: propagation.into() })
}
