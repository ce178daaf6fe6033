//! The HTTP API. Handlers translate HTTP; the management service has every rule.

mod accounts;
mod audit;
mod describe;
mod docs;
mod invitations;
mod keys;
mod lifetimes;
mod limits;
mod members;
mod plans;
mod settings;
mod sign_in_links;
mod tokens;
mod users;
#[cfg(feature = "webhooks")]
mod webhooks;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use keyward_api_types::Page;
use keyward_axum::AuthLayer;
use keyward_core::AccountId;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::service::{self, Management, PageRequest};
use crate::web;

const MAX_BODY: usize = 64 * 1_024;

/// Returns the HTTP API of a management service, under `/v1`. `/openapi.json` describes it, and `/docs` shows that description.
///
/// It authenticates its callers, so put no [`AuthLayer`] around it. To limit sign-ins by address, it needs the
/// [`PeerAddress`](keyward_core::PeerAddress) of each connection, or axum's `ConnectInfo`. It refuses plain HTTP as [`secured`] does.
///
/// # Panics
/// If the operating system provides no thread. [`Management::authenticator`] returns an error instead.
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let app: Router = Router::new().merge(keyward::manage::api(management));
/// # let _ = app;
/// # Ok(()) }
/// ```
pub fn api(management: Management) -> Router {
    router(management, describe::complete)
}

/// Returns the same as [`api`]. Its description also has the routes of `keyward-gateway`: `/v1/verify`, `/v1/verify/batch`, `/v1/introspect` and
/// `/forward-auth`.
///
/// For a server that merges these routes, as `keyward serve` does.
///
/// # Panics
/// As [`api`].
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let keys = management.verifier()?;
/// let app: Router = keyward::manage::api_with_gateway(management).merge(keyward::gateway::forward_auth(keys));
/// # let _ = app;
/// # Ok(()) }
/// ```
pub fn api_with_gateway(management: Management) -> Router {
    router(management, |handlers| {
        let mut described = describe::complete(handlers);
        describe::add_gateway(&mut described);
        described
    })
}

fn router(management: Management, describe: impl FnOnce(&OpenApi) -> Value) -> Router {
    let authenticator = management.authenticator().expect("a thread can be had");
    let (open, mut description) = open_router().split_for_parts();
    let (protected, more) = protected_router().split_for_parts();
    description.merge(more);
    let described = describe(&description);
    let docs = docs::router(&described);
    Router::new()
        .merge(open)
        .merge(protected.layer(AuthLayer::from(authenticator)))
        .route("/openapi.json", get(async move || axum::Json(described)))
        .merge(docs)
        .method_not_allowed_fallback(web::other_method)
        .fallback(web::no_such_path)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(management.clone(), web::request_context))
        .with_state(management)
}

/// Adds the request id, the origin and the HTTPS rule of the HTTP API to other routes that take the same credentials.
///
/// Plain HTTP is refused with 403 `HTTPS_REQUIRED`, except to `localhost` and loopback addresses.
/// [`ManagementBuilder::trusted_proxies`](crate::ManagementBuilder::trusted_proxies) decides which forwarded fields count.
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let own = Router::new().route("/v1/reports", get(async || "a report"));
/// let app: Router = keyward::manage::api(management.clone()).merge(keyward::manage::secured(&management, own));
/// # let _ = app;
/// # Ok(()) }
/// ```
pub fn secured(management: &Management, routes: Router) -> Router {
    routes.layer(axum::middleware::from_fn_with_state(management.clone(), web::request_context))
}

/// Returns the description of the HTTP API, as OpenAPI 3.1.
///
/// # Examples
/// ```
/// let description = keyward::manage::openapi();
/// assert!(description.paths.paths.contains_key("/v1/keys"));
/// ```
///
/// # Panics
/// If `utoipa` cannot read the description. A test rules that out.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut handlers = open_router().into_openapi();
    handlers.merge(protected_router().into_openapi());
    serde_json::from_value(describe::complete(&handlers)).expect("the description is OpenAPI")
}

fn open_router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().merge(users::open_router()).merge(tokens::open_router())
}

fn protected_router() -> OpenApiRouter<Management> {
    let router = OpenApiRouter::new()
        .merge(accounts::router())
        .merge(members::router())
        .merge(invitations::router())
        .merge(users::router())
        .merge(keys::router())
        .merge(tokens::router())
        .merge(plans::router())
        .merge(lifetimes::router())
        .merge(limits::router())
        .merge(settings::router())
        .merge(sign_in_links::router())
        .merge(audit::router());
    #[cfg(feature = "webhooks")]
    let router = router.merge(webhooks::router());
    router
}

fn page_request(after: Option<String>, limit: Option<u16>) -> Result<PageRequest, ManagementError> {
    let limit = limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(ManagementError::invalid("limit", format!("{limit} is out of range: expected 1 to 500")));
    }
    check_length("after", 300, after.as_deref())?;
    Ok(PageRequest { after, limit: limit.into() })
}

fn check_length(field: &'static str, max: usize, text: Option<&str>) -> Result<(), ManagementError> {
    let length = text.map_or(0, |text| text.chars().count());
    if length <= max {
        return Ok(());
    }
    Err(ManagementError::invalid(field, format!("{length} characters are too many: expected at most {max}")))
}

fn to_page<U, T>(page: service::Page<U>, change: impl FnMut(U) -> T) -> Page<T> {
    let page = page.map(change);
    Page { data: page.items, next: page.next }
}

fn single_page<T>(data: Vec<T>) -> Page<T> {
    Page { data, next: None }
}

async fn account_or_default(
    management: &Management,
    actor: &Actor,
    account: Option<AccountId>,
) -> Result<AccountId, ManagementError> {
    match account {
        Some(account) => Ok(account),
        None => management.default_account(actor).await,
    }
}
