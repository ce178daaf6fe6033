//! The dashboard: pages on which users sign in and manage their keys, as one router.
//!
//! The server renders the pages, and every form works without a script; the script adds comfort. The response that creates a key is
//! the only one that contains it: no page that can be reloaded has it, and no URL.
//!
//! Sessions are in `__Host-` cookies, which browsers accept over HTTPS only. On `localhost` and loopback addresses, the dashboard
//! also works over plain HTTP, with cookies without that prefix. Elsewhere it asks for HTTPS. Give requests the
//! [`PeerAddress`](keyward_core::PeerAddress) of their connection, as `keyward-serve` does, or axum's `ConnectInfo`, and name your
//! proxies with [`ManagementBuilder::trusted_proxies`](crate::ManagementBuilder::trusted_proxies).
//!
//! `pages` has a file or a folder for each feature: its routes, handlers and templates' structs. Its templates are in the folder of
//! the same name in `templates/dashboard`. The other modules are shared by all pages; a module imports only modules below it:
//!
//! `middleware` > `pages` > `once`, `forms` > `member` > `frame` > `navigation`, `assets`, `flash` > `redirect`, `session`, `links`
//! > `visitor` > `path_params` > `app` > `cookies`, `csrf`, `error`, `form`, `settings`, `site_map`, `svg` > `text`

mod app;
mod assets;
mod cookies;
mod csrf;
mod error;
mod flash;
mod form;
mod forms;
mod frame;
mod links;
mod member;
mod middleware;
mod navigation;
mod once;
mod pages;
mod path_params;
mod redirect;
mod session;
mod settings;
mod site_map;
mod svg;
mod text;
mod visitor;

use axum::Router;
use axum::extract::DefaultBodyLimit;

pub use settings::DashboardSettings;

use app::App;
use site_map::SiteMap;

use crate::service::Management;

/// The largest body of a form.
const MAX_BODY: usize = 64 * 1_024;

/// Creates the dashboard of a management service: `/login`, `/register`, `/keys`, `/usage`, `/members`, `/audit`, `/settings` and
/// related pages.
///
/// Merge it into your router, or nest it below the path that [`DashboardSettings::base`] names.
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
    let app = App::new(management, settings, SiteMap::of(&routes));
    let router = routes.into_iter().fold(Router::new(), |router, route| route.mount(router));
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(app.clone(), middleware::around))
        .with_state(app)
}
