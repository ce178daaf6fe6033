//! `/v1/accounts`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{Account, AccountFilter, CreateAccount, Page, Role, UpdateAccount, Usage, UsageParams};
use keyward_core::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{page_request, single_page, to_page};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{self, Versioned};
use crate::service::{AccountUpdate, Management};
use crate::web::{Caller, Input, NoInput, PathParam, Problem, QueryParams, Tagged, answer, no_content};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete)).routes(routes!(usage))
}

fn view(account: Versioned<records::Account>, role: Option<Role>) -> Account {
    let Versioned { value, version } = account;
    let records::Account { id, name, plan, features, suspended_at, created_at } = value;
    let features = features.into_iter().map(Into::into).collect();
    Account {
        id,
        name,
        plan: plan.map(Into::into),
        features,
        suspended_at,
        created_at,
        lifetimes: None,
        requires_second_factor: None,
        role,
        version,
    }
}

async fn whole(
    management: &Management,
    actor: &Actor,
    account: Versioned<records::Account>,
    role: Option<Role>,
) -> Result<Account, ManagementError> {
    // A key that changes accounts need not be allowed to read them.
    let lifetimes = readable(management.effective_lifetimes(actor, &account.id).await)?;
    let requires_second_factor = readable(management.requires_second_factor(actor, &account.id).await)?;
    Ok(Account { lifetimes, requires_second_factor, ..view(account, role) })
}

fn readable<T>(read: Result<T, ManagementError>) -> Result<Option<T>, ManagementError> {
    match read {
        Err(ManagementError::Forbidden(_) | ManagementError::TestMode(_)) => Ok(None),
        read => read.map(Some),
    }
}

/// Lists the caller's accounts, or every account, for the operator.
#[utoipa::path(get, operation_id = "listAccounts", path = "/v1/accounts", tag = "accounts", params(AccountFilter), security(("bearer" = [])),
    responses((status = 200, description = "A page of accounts", body = Page<Account>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<AccountFilter>,
) -> Result<Response, Problem> {
    let request = page_request(filter.after, filter.limit)?;
    let page = if filter.all {
        to_page(management.accounts(&caller.actor, &request).await?, |account| view(account, None))
    } else {
        request.require_first()?;
        let own = management.own_accounts(&caller.actor).await?;
        single_page(own.into_iter().map(|(account, role)| view(account, role)).collect())
    };
    Ok(Json(page).into_response())
}

/// Creates an account that the calling user owns.
#[utoipa::path(post, operation_id = "createAccount", path = "/v1/accounts", tag = "accounts", request_body = CreateAccount, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The account", body = Account)))]
async fn create(
    State(management): State<Management>,
    caller: Caller,
    input: Input<CreateAccount>,
) -> Result<Response, Problem> {
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let account = working.create_account(&actor, &input.value.name).await?;
        answer(201, Some(account.version), &whole(&working, &actor, account, Some(Role::Owner)).await?)
    };
    caller.once(&management, input.request, operation).await
}

/// Returns an account.
#[utoipa::path(get, operation_id = "getAccount", path = "/v1/accounts/{account}", tag = "accounts", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, description = "The account", body = Account)))]
async fn show(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
) -> Result<Response, Problem> {
    let account = management.account(&caller.actor, &account).await?;
    Ok(Tagged(account.version, whole(&management, &caller.actor, account, None).await?).into_response())
}

/// Updates an account.
#[utoipa::path(patch, operation_id = "updateAccount", path = "/v1/accounts/{account}", tag = "accounts", request_body = UpdateAccount, security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 200, description = "The account", body = Account)))]
async fn update(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    input: Input<UpdateAccount>,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.account_version(&account)).await?;
    let body = input.value;
    let update = AccountUpdate {
        name: body.name,
        plan: body.plan.map(|plan| plan.map(Into::into)),
        features: body.features.map(|features| features.into_iter().map(Into::into).collect()),
        suspended: body.suspended,
    };
    let (working, actor) = (management.clone(), caller.actor.clone());
    let required = body.requires_second_factor;
    let operation = async move {
        let account = match required {
            Some(required) => working.update_with_factor(&actor, &account, &update, required, version).await?,
            None => working.update_account(&actor, &account, &update, version).await?,
        };
        answer(200, Some(account.version), &whole(&working, &actor, account, None).await?)
    };
    caller.once(&management, input.request, operation).await
}

/// Deletes an account for good, for the operator.
#[utoipa::path(delete, operation_id = "deleteAccount", path = "/v1/accounts/{account}", tag = "accounts", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), ("If-Match" = String, Header, pattern = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)$")),
    responses((status = 204, description = "The account is deleted, and no node accepts its keys")))]
async fn delete(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    NoInput(request): NoInput,
) -> Result<Response, Problem> {
    let version = caller.if_match(management.account_version(&account)).await?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        working.delete_account(&actor, &account, version).await?;
        Ok(no_content())
    };
    caller.once(&management, request, operation).await
}

/// Returns the usage of an account's keys, by key, day and outcome.
#[utoipa::path(get, operation_id = "getAccountUsage", path = "/v1/accounts/{account}/usage", tag = "accounts", security(("bearer" = [])),
    params(("account" = String, Path, min_length = 1, max_length = 64), UsageParams),
    responses((status = 200, description = "The usage", body = Usage)))]
async fn usage(
    State(management): State<Management>,
    caller: Caller,
    PathParam(account): PathParam<AccountId>,
    QueryParams(params): QueryParams<UsageParams>,
) -> Result<Json<Usage>, Problem> {
    Ok(Json(management.usage(&caller.actor, &account, params.days.unwrap_or(30)).await?))
}
