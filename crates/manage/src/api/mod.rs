//! The HTTP API. Handlers translate HTTP; the management service has every rule.

mod accounts;
mod audit;
mod docs;
mod invitations;
mod keys;
mod members;
mod plans;
mod settings;
mod tokens;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use keyward_api_types::{Page, Problem};
use keyward_axum::AuthLayer;
use keyward_core::AccountId;
use serde_json::Value;
use utoipa::PartialSchema as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
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
    let authenticator = management.authenticator().expect("a thread can be had");
    let (open, mut description) = open_router().split_for_parts();
    let (protected, more) = protected_router().split_for_parts();
    description.merge(more);
    let described: Value = serde_json::to_value(finished(description)).unwrap_or_default();
    let page = docs::page(&described);
    Router::new()
        .merge(open)
        .merge(protected.layer(AuthLayer::from(authenticator)))
        .route("/openapi.json", get(async move || axum::Json(described)))
        .route("/docs", get(async move || page))
        .route("/docs.css", get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], docs::STYLE)))
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
#[must_use]
pub fn openapi() -> OpenApi {
    let mut description = open_router().into_openapi();
    description.merge(protected_router().into_openapi());
    finished(description)
}

fn open_router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().merge(users::open_router()).merge(tokens::open_router())
}

fn protected_router() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .merge(accounts::router())
        .merge(members::router())
        .merge(invitations::router())
        .merge(users::router())
        .merge(keys::router())
        .merge(tokens::router())
        .merge(plans::router())
        .merge(settings::router())
        .merge(audit::router())
}

fn finished(mut description: OpenApi) -> OpenApi {
    description.info.title = "keyward".to_owned();
    description.info.version = env!("CARGO_PKG_VERSION").to_owned();
    description.info.description = Some(
        "Manages API keys. Send a management key or an access token: `Authorization: Bearer …`. Errors are RFC 9457 \
         problems with a stable `code`. Send the `next` of a page as `after` to get the next one. A POST with an \
         `Idempotency-Key` takes effect once, even if it is sent again within a day. Updates need the current `ETag` \
         as `If-Match`."
            .to_owned(),
    );
    description.info.license = None;
    let components = description.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A management key or an access token"))
        .build();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    let problem = Response::builder()
        .description("A problem")
        .content(
            "application/problem+json",
            Content::builder()
                .schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))))
                .example(Some(web::example()))
                .build(),
        )
        .build();
    for item in description.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten();
        for operation in operations {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
        }
    }
    description
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
