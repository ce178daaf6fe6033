//! `/v1/keys`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_core::key::KeyKind;
use keyward_core::lease::Propagation;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, Network, NewKey, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{At, Caller, Input, NoInput, Params, Problem, Shown, Tagged, answer};
use super::{Listed, at_most, meant, page_request, present, word, word_or_null};
use crate::desk::{Desk, KeyChange, KeyDraft, KeyView, Usage, not_given_out};
use crate::error::DeskError;
use crate::role::Purpose;

pub(super) fn routes() -> OpenApiRouter<Desk> {
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

/// `live` or `test`.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "for the documentation")]
pub(crate) enum ModeName {
    Live,
    Test,
}

/// What a key may be used for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "for the documentation")]
pub(crate) enum KindName {
    Secret,
    Publishable,
    Restricted,
}

/// Whether a key may be used.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "for the documentation")]
pub(crate) enum StatusName {
    Active,
    Disabled,
    Expired,
    Revoked,
    Compromised,
}

/// A key that is to be issued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    /// Whose it is to be; the caller's own account without it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    #[serde(default)]
    account: Option<AccountId>,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it is for.
    #[serde(default, deserialize_with = "word")]
    purpose: Purpose,
    /// Restricted without it.
    #[schema(value_type = Option<KindName>)]
    #[serde(default, deserialize_with = "word_or_null")]
    kind: Option<KeyKind>,
    /// Live without it.
    #[schema(value_type = Option<ModeName>)]
    #[serde(default, deserialize_with = "word_or_null")]
    mode: Option<Mode>,
    /// What it grants. A restricted key needs at least one.
    #[schema(value_type = Vec<String>, max_items = 64, example = json!(["resources:read"]))]
    #[serde(default)]
    scopes: ScopeSet,
    /// The endpoints that it is confined to.
    #[schema(value_type = Vec<String>, max_items = 50, example = json!(["GET /v1/videos/*"]))]
    #[serde(default)]
    endpoints: Vec<Endpoint>,
    /// The networks that it is confined to.
    #[schema(value_type = Vec<String>, max_items = 50, example = json!(["192.0.2.0/24"]))]
    #[serde(default)]
    networks: Vec<Network>,
    /// Data of the provider's own.
    #[schema(value_type = Object)]
    #[serde(default)]
    metadata: Map<String, Value>,
    /// When it begins; at once without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    not_before: Option<Timestamp>,
    /// When it ends; never without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// What to change in a key. What is left out stays; null takes the end away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateKey {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<Vec<String>>, max_items = 64)]
    scopes: Option<ScopeSet>,
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    endpoints: Option<Vec<Endpoint>>,
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    networks: Option<Vec<Network>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "present")]
    expires_at: Option<Option<Timestamp>>,
}

/// How long both keys work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateKey {
    /// In seconds; 0 ends the old key at once. It never ends later than it would have anyway.
    #[schema(minimum = 0, maximum = 31622400)]
    overlap_seconds: u32,
}

/// A key that was issued. The key itself is here and nowhere else, ever.
#[derive(Serialize, ToSchema)]
struct Issued {
    /// The key, to be copied now.
    key: Shown,
    #[serde(flatten)]
    record: KeyView,
}

/// A key that was rotated.
#[derive(Serialize, ToSchema)]
struct Rotated {
    /// The successor, to be copied now.
    key: Shown,
    #[serde(flatten)]
    record: KeyView,
    /// The old key, with its end.
    predecessor: KeyView,
    effective: Effective,
}

/// A key that was changed, and how the change became true on every node.
#[derive(Serialize, ToSchema)]
struct ChangedKey {
    #[serde(flatten)]
    record: KeyView,
    effective: Effective,
}

/// How a change became true on every node.
#[derive(Serialize, ToSchema)]
struct Effective {
    /// Nodes that have said so.
    confirmed: usize,
    /// Nodes that were waited for until their lease had run out.
    waited_out: usize,
    /// How long it took.
    took_ms: u64,
}

impl From<&Propagation> for Effective {
    fn from(propagation: &Propagation) -> Self {
        Self {
            confirmed: propagation.confirmed.len(),
            waited_out: propagation.waited_out.len(),
            took_ms: u64::try_from(propagation.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Lists keys, the newest first; revoked and expired ones among them.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(Filter), security(("bearer" = [])),
    responses((status = 200, description = "A page of keys", body = Listed<KeyView>)))]
async fn list(State(desk): State<Desk>, caller: Caller, Params(filter): Params<Filter>) -> Result<Response, Problem> {
    at_most("text", 100, filter.text.as_deref())?;
    let page = page_request(filter.after, filter.limit)?;
    let after = page.after.map(|after| after.parse());
    let unused_since = filter.last_used_before.map(|time| time.parse::<Timestamp>()).transpose();
    let query = KeyQuery {
        account: Some(meant(&desk, &caller.actor, filter.account).await?),
        mode: filter.mode,
        kind: filter.kind,
        status: filter.status,
        text: filter.text.map(|text| text.replace('\0', "\u{fffd}")),
        unused_since: unused_since.map_err(|error| DeskError::invalid("last_used_before", error.to_string()))?,
        after: after.transpose().map_err(|_| not_given_out())?,
        limit: page.limit,
        ..KeyQuery::default()
    };
    Ok(Json(Listed::of(desk.keys(&caller.actor, &query).await?, |key| key)).into_response())
}

/// Issues a key. Its answer has the key in plain, this once.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = CreateKey, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The key", body = Issued)))]
async fn create(State(desk): State<Desk>, caller: Caller, input: Input<CreateKey>) -> Result<Response, Problem> {
    let body = input.value;
    let account = meant(&desk, &caller.actor, body.account).await?;
    let new = NewKey {
        kind: body.kind.unwrap_or(KeyKind::Restricted),
        mode: body.mode.unwrap_or(Mode::Live),
        endpoints: body.endpoints,
        networks: body.networks.into_iter().map(Into::into).collect(),
        metadata: body.metadata,
        not_before: body.not_before,
        expires_at: body.expires_at,
        ..NewKey::restricted(account, body.name, body.scopes)
    };
    let (desk, actor) = (&desk, caller.actor.clone());
    let working = desk.clone();
    let operation = async move {
        let issued = working.create_key(&actor, KeyDraft::of(body.purpose, new)).await?;
        let version = Some(issued.view.version);
        answer(201, version, &Issued { key: Shown(issued.key.expose_once()), record: issued.view })
    };
    caller.once(desk, input.request, operation).await
}

/// What the key is that this request came with, whatever it was granted.
#[utoipa::path(get, path = "/v1/keys/self", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The key", body = KeyView)))]
async fn show_self(State(desk): State<Desk>, caller: Caller) -> Result<Response, Problem> {
    let key = desk.own_key(&caller.actor).await?;
    Ok(Tagged(key.version, key).into_response())
}

/// Revokes the key that this request came with, whatever it was granted.
#[utoipa::path(post, path = "/v1/keys/self/revoke", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "It is revoked everywhere", body = ChangedKey)))]
async fn revoke_self(State(desk): State<Desk>, caller: Caller, NoInput(request): NoInput) -> Result<Response, Problem> {
    let (working, actor) = (desk.clone(), caller.actor.clone());
    caller.once(&desk, request, async move { changed(&working.revoke_own_key(&actor).await?) }).await
}

/// A key.
#[utoipa::path(get, path = "/v1/keys/{key}", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The key", body = KeyView)))]
async fn show(State(desk): State<Desk>, caller: Caller, At(key): At<CredentialId>) -> Result<Response, Problem> {
    let key = desk.key(&caller.actor, &key).await?;
    Ok(Tagged(key.version, key).into_response())
}

/// Changes a key; when this answers, the change holds on every node.
#[utoipa::path(patch, path = "/v1/keys/{key}", tag = "keys", request_body = UpdateKey, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The key", body = ChangedKey)))]
async fn update(
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    input: Input<UpdateKey>,
) -> Result<Response, Problem> {
    let version = caller.if_match(desk.key_version(&key)).await?;
    let body = input.value;
    let change = KeyChange {
        name: body.name,
        scopes: body.scopes,
        endpoints: body.endpoints,
        networks: body.networks.map(|networks| networks.into_iter().map(Into::into).collect()),
        metadata: body.metadata,
        expires_at: body.expires_at,
    };
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move { changed(&working.update_key(&actor, &key, change, version).await?) };
    caller.once(&desk, input.request, operation).await
}

/// Issues a successor of a key, and lets the old one end. Its answer has the new key in plain, this once.
#[utoipa::path(post, path = "/v1/keys/{key}/rotate", tag = "keys", request_body = RotateKey, security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The successor", body = Rotated)))]
async fn rotate(
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    input: Input<RotateKey>,
) -> Result<Response, Problem> {
    let overlap = Duration::from_secs(input.value.overlap_seconds.into());
    let (working, actor) = (desk.clone(), caller.actor.clone());
    let operation = async move {
        let rotated = working.rotate_key(&actor, &key, overlap).await?;
        let effective = Effective::from(&rotated.propagation);
        let version = Some(rotated.view.version);
        let key = Shown(rotated.key.expose_once());
        answer(201, version, &Rotated { key, record: rotated.view, predecessor: rotated.predecessor, effective })
    };
    caller.once(&desk, input.request, operation).await
}

/// Revokes a key for good; when this answers, no node accepts it any more.
#[utoipa::path(post, path = "/v1/keys/{key}/revoke", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is revoked everywhere", body = ChangedKey)))]
async fn revoke(
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (desk.clone(), caller.actor.clone());
    caller.once(&desk, request, async move { changed(&working.revoke_key(&actor, &key).await?) }).await
}

/// Refuses a key for now.
#[utoipa::path(post, path = "/v1/keys/{key}/disable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is refused everywhere", body = ChangedKey)))]
async fn disable(
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (desk.clone(), caller.actor.clone());
    caller.once(&desk, request, async move { changed(&working.set_key_disabled(&actor, &key, true).await?) }).await
}

/// Accepts a disabled key again.
#[utoipa::path(post, path = "/v1/keys/{key}/enable", tag = "keys", security(("bearer" = [])),
    params(("key" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is accepted", body = ChangedKey)))]
async fn enable(
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (desk.clone(), caller.actor.clone());
    caller.once(&desk, request, async move { changed(&working.set_key_disabled(&actor, &key, false).await?) }).await
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
    State(desk): State<Desk>,
    caller: Caller,
    At(key): At<CredentialId>,
    Params(days): Params<Days>,
) -> Result<Json<Usage>, Problem> {
    Ok(Json(desk.key_usage(&caller.actor, &key, days.days.unwrap_or(30)).await?))
}

fn changed((record, propagation): &(KeyView, Propagation)) -> Result<crate::Answer, DeskError> {
    answer(200, Some(record.version), &ChangedKey { record: record.clone(), effective: propagation.into() })
}
