//! The HTTP API, under `/v1`. Its handlers translate: every rule is the management service's.

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
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{IntoParams, PartialSchema as _};
use utoipa_axum::router::OpenApiRouter;

use crate::service::{self, Management, PageRequest};
use crate::web;

const MAX_BODY: usize = 64 * 1_024;

/// The HTTP API of a management service, under `/v1`, with its description at `/openapi.json` and a page to read it at `/docs`.
///
/// To be merged into an own router, or nested below a path. Who calls is found out in here, so no [`AuthLayer`] stands around it. Give
/// requests the [`PeerAddress`](keyward_core::PeerAddress) of their connection, as `keyward-serve` does, or axum's `ConnectInfo`, so that sign-ins are throttled by
/// address.
///
/// A request that came over plain HTTP for another host than the machine itself is refused with 403 `HTTPS_REQUIRED`: see [`secured`].
///
/// # Panics
/// If the operating system gives no thread; [`Management::authenticator`] called before gives an error instead.
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
    let (open, mut description) = open_routes().split_for_parts();
    let (protected, more) = protected_routes().split_for_parts();
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

/// Puts around other routes what stands around the HTTP API, for those that take the same credentials, such as `/v1/verify`.
///
/// A request that came over plain HTTP is refused with 403 `HTTPS_REQUIRED`, because others could read its key. That goes by what
/// [`ManagementBuilder::trusted_proxies`](crate::ManagementBuilder::trusted_proxies) says of the way that the request took. Requests for `localhost`
/// and loopback addresses are answered over plain HTTP too.
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

/// The description of the HTTP API, as OpenAPI 3.1.
///
/// # Examples
/// ```
/// let description = keyward::manage::openapi();
/// assert!(description.paths.paths.contains_key("/v1/keys"));
/// ```
#[must_use]
pub fn openapi() -> OpenApi {
    let mut description = open_routes().into_openapi();
    description.merge(protected_routes().into_openapi());
    finished(description)
}

fn open_routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new().merge(users::open()).merge(tokens::open())
}

fn protected_routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(tokens::routes())
        .merge(plans::routes())
        .merge(settings::routes())
        .merge(audit::routes())
}

/// What every operation has in common.
fn finished(mut description: OpenApi) -> OpenApi {
    description.info.title = "keyward".to_owned();
    description.info.version = env!("CARGO_PKG_VERSION").to_owned();
    description.info.description = Some(
        "Manages API keys. Send a management key or an access token: `Authorization: Bearer …`. Errors are RFC 9457 problems; programs \
         go by their `code`. Lists give `next`, to be sent as `after`. A POST with an `Idempotency-Key` has one effect, however often \
         it is sent within a day. Updates need the `ETag` that was read, as `If-Match`."
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

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// Behind this: what the page before gave as `next`.
    #[param(max_length = 300)]
    after: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

impl Paging {
    fn request(self) -> Result<PageRequest, web::Problem> {
        page_request(self.after, self.limit)
    }
}

fn page_request(after: Option<String>, limit: Option<u16>) -> Result<PageRequest, web::Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(crate::error::ManagementError::invalid("limit", "1 to 500").into());
    }
    at_most("after", 300, after.as_deref())?;
    Ok(PageRequest { after, limit: limit.into() })
}

fn at_most(field: &'static str, characters: usize, text: Option<&str>) -> Result<(), crate::ManagementError> {
    if text.is_none_or(|text| text.chars().count() <= characters) {
        return Ok(());
    }
    Err(crate::ManagementError::invalid(field, format!("at most {characters} characters")))
}

/// A page of the management service as a page of the API.
fn listed<U, T>(page: service::Page<U>, change: impl FnMut(U) -> T) -> Page<T> {
    let page = page.map(change);
    Page { data: page.items, next: page.next }
}

/// A list that is one page.
fn whole<T>(data: Vec<T>) -> Page<T> {
    Page { data, next: None }
}

/// The account that is meant.
async fn account_or_default(
    management: &Management,
    actor: &crate::Actor,
    account: Option<AccountId>,
) -> Result<AccountId, crate::ManagementError> {
    match account {
        Some(account) => Ok(account),
        None => management.default_account(actor).await,
    }
}
