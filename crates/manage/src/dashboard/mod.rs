//! The dashboard. Only the response that creates a key contains it.

mod app;
mod assets;
mod compression;
mod cookies;
mod csrf;
mod csv;
mod days;
mod error;
#[cfg(feature = "webhooks")]
mod example_client;
mod exports;
mod flash;
mod form;
mod forms;
mod frame;
mod links;
mod member;
mod middleware;
mod multipart;
mod navigation;
mod once;
mod pages;
mod passkeys;
mod path_params;
mod redirect;
mod security_headers;
mod session;
mod settings;
mod site_map;
mod svg;
mod text;
mod themes;
mod to_end;
mod visitor;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;

pub(crate) use compression::compressed;
pub(crate) use cookies::chosen_theme;
pub use settings::DashboardSettings;

use app::App;
use site_map::SiteMap;

use crate::service::Management;

const MAX_BODY: usize = 64 * 1_024;

/// Creates the dashboard of a management service. Merge it into your router, or nest it below [`DashboardSettings::base`].
///
/// Plain HTTP works only on `localhost` and loopback addresses. Requests need the [`PeerAddress`](keyward_core::PeerAddress) of their
/// connection, or axum's `ConnectInfo`. [`ManagementBuilder::trusted_proxies`](crate::ManagementBuilder::trusted_proxies) names your
/// proxies.
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::manage::{DashboardSettings, Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let app: Router = Router::new().merge(keyward::manage::dashboard(management, DashboardSettings::new("Example API")));
/// # let _ = app;
/// # Ok(()) }
/// ```
pub fn dashboard(management: Management, settings: DashboardSettings) -> Router {
    let routes = pages::routes();
    let answers_unknown_paths = settings.answers_unknown_paths;
    management.set_pages(settings.name.clone(), settings.url("/keys"));
    management.list_scopes(&settings.scopes);
    let app = App::new(management, settings, SiteMap::of(&routes));
    let mut router = routes.into_iter().fold(Router::new(), |router, route| route.mount(router));
    router = router.method_not_allowed_fallback(pages::error::other_method);
    if answers_unknown_paths {
        router = router.fallback(pages::error::unknown_path);
    }
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(app.clone(), middleware::around))
        .with_state(app)
}
