//! `/v1/accounts/{account}/webhooks`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{
    CreateWebhook, Delivery, IssuedWebhook, Page, PageParams, RotateWebhookSecret, UpdateWebhook, Webhook,
};
use keyward_core::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{page_request, single_page, to_page};
use crate::service::{self, Management};
use crate::web::{Caller, Input, NoInput, OptionalInput, PathParam, Problem, QueryParams, Tagged, answer, no_content};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, remove))
        .routes(routes!(rotate_secret))
        .routes(routes!(test))
        .routes(routes!(list_deliveries))
        .routes(routes!(redeliver))
}

impl From<service::IssuedWebhook> for IssuedWebhook {
    fn from(issued: service::IssuedWebhook) -> Self {
        Self { webhook: issued.webhook, secret: issued.secret.into() }
    }
}

/// Lists the webhooks of an account.
#[utoipa::path(get, operation_id = "listWebhooks", path = "/v1/accounts/{account}/webhooks", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The webhooks", body = Page<Webhook>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
) -> Result<Response, Problem> {
    Ok(Json(single_page(management.webhooks(&caller.actor, &account).await?)).into_response())
}

/// Creates a webhook and its secret.
///
/// Needs `webhooks:write` and the scopes that show what its events show, such as `keys:read`. A webhook of the operator's account receives the events of all accounts.
#[utoipa::path(post, operation_id = "createWebhook", path = "/v1/accounts/{account}/webhooks", tag = "webhooks", request_body = CreateWebhook, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The webhook with its secret", body = IssuedWebhook)))]
async fn create(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    input: Input<CreateWebhook>,
) -> Result<Response, Problem> {
    let (working, actor, new) = (management.clone(), caller.actor.clone(), input.value);
    let operation = async move {
        let issued = working.create_webhook(&actor, &account, &new.url, &new.description, &new.events).await?;
        answer(201, Some(issued.webhook.version), &IssuedWebhook::from(issued))
    };
    caller.once(&management, input.request, operation).await
}

/// Returns a webhook.
#[utoipa::path(get, operation_id = "getWebhook", path = "/v1/accounts/{account}/webhooks/{webhook}", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The webhook", body = Webhook)))]
async fn show(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
) -> Result<Response, Problem> {
    let webhook = management.webhook(&caller.actor, &account, &webhook).await?;
    Ok(Tagged(webhook.version, webhook).into_response())
}

/// Changes a webhook.
#[utoipa::path(patch, operation_id = "updateWebhook", path = "/v1/accounts/{account}/webhooks/{webhook}", tag = "webhooks", request_body = UpdateWebhook, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The webhook", body = Webhook)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
    input: Input<UpdateWebhook>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.webhook_version(&account, &webhook)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let webhook = working.update_webhook(&actor, &account, &webhook, input.value, version).await?;
        answer(200, Some(webhook.version), &webhook)
    };
    caller.once(&management, input.request, operation).await
}

/// Removes a webhook. Its pending deliveries are not sent.
#[utoipa::path(delete, operation_id = "deleteWebhook", path = "/v1/accounts/{account}/webhooks/{webhook}", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "The webhook is removed")))]
async fn remove(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.webhook_version(&account, &webhook)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.remove_webhook(&actor, &account, &webhook, version).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}

/// Gives a webhook a new secret.
///
/// During the overlap, by default a day, the previous secrets sign, too.
#[utoipa::path(post, operation_id = "rotateWebhookSecret", path = "/v1/accounts/{account}/webhooks/{webhook}/secrets/rotate", tag = "webhooks", request_body = Option<RotateWebhookSecret>, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The webhook with its new secret", body = IssuedWebhook)))]
async fn rotate_secret(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
    OptionalInput(input): OptionalInput<RotateWebhookSecret>,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let overlap = input.value.overlap_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let operation = async move {
        let issued = working.rotate_webhook_secret(&actor, &account, &webhook, overlap).await?;
        answer(201, Some(issued.webhook.version), &IssuedWebhook::from(issued))
    };
    caller.once(&management, input.request, operation).await
}

/// Sends a `webhook.test` event to a webhook.
///
/// An account has 60 tests and redeliveries a minute.
#[utoipa::path(post, operation_id = "testWebhook", path = "/v1/accounts/{account}/webhooks/{webhook}/test", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The delivery", body = Delivery)))]
async fn test(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { answer(201, None, &working.test_webhook(&actor, &account, &webhook).await?) };
    caller.once(&management, request, operation).await
}

/// Lists the deliveries of a webhook, the newest first.
#[utoipa::path(get, operation_id = "listDeliveries", path = "/v1/accounts/{account}/webhooks/{webhook}/deliveries", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        PageParams),
    responses((status = 200, description = "A page of deliveries", body = Page<Delivery>)))]
async fn list_deliveries(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook)): PathParam<(AccountId, String)>,
    QueryParams(page): QueryParams<PageParams>,
) -> Result<Response, Problem> {
    let page = page_request(page.after, page.limit)?;
    let deliveries = management.deliveries(&caller.actor, &account, &webhook, &page).await?;
    Ok(Json(to_page(deliveries, |delivery| delivery)).into_response())
}

/// Sends a delivery again, with the same id.
///
/// An account has 60 tests and redeliveries a minute.
#[utoipa::path(post, operation_id = "redeliver", path = "/v1/accounts/{account}/webhooks/{webhook}/deliveries/{delivery}/redeliver", tag = "webhooks", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("webhook" = String, Path, min_length = 1, max_length = 64),
        ("delivery" = String, Path, min_length = 1, max_length = 64), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The delivery", body = Delivery)))]
async fn redeliver(
    State(management): State<Management>,
    caller: Caller,
    PathParam((account, webhook, delivery)): PathParam<(AccountId, String, String)>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move { answer(200, None, &working.redeliver(&actor, &account, &webhook, &delivery).await?) };
    caller.once(&management, request, operation).await
}
