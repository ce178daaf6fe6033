//! The dashboard: pages on which people sign in and manage their keys, as one router.
//!
//! The pages are made on the server, and every form works without a script; the script adds comfort. A new key is in the
//! answer that made it and nowhere else: no page that can be loaded again has it, and no URL.
//!
//! Sessions are in `__Host-` cookies, which browsers take over HTTPS alone. On `localhost` and loopback addresses the dashboard works
//! in plain text too, with cookies of the same names without that prefix; elsewhere it says that it needs HTTPS. Give requests
//! the [`PeerAddress`](keyward_core::PeerAddress) of their connection, as `keyward-serve` does, or axum's `ConnectInfo`, and name your proxies with
//! [`ManagementBuilder::trusted_proxies`](crate::ManagementBuilder::trusted_proxies).
//!
//! Templates are in `templates/dashboard`, and checked when this is compiled. Each page has a file here, with the structs that its
//! templates are filled from.

mod account;
mod accounts;
mod appearance;
mod assets;
mod audit;
mod failure;
mod form;
mod invitations;
mod keys;
mod login;
mod member;
mod members;
#[cfg(feature = "oidc")]
mod oidc;
mod once;
mod page;
mod register;
mod reset;
mod settings;
mod settings_page;
mod svg;
mod text;
mod usage;
mod users;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use settings::DashboardSettings;

use crate::service::Management;

/// The most that a form may have.
const MAX_BODY: usize = 64 * 1_024;

/// What every page works with.
#[derive(Clone)]
struct App(Arc<(Management, DashboardSettings)>);

impl App {
    fn management(&self) -> &Management {
        &self.0.0
    }

    fn settings(&self) -> &DashboardSettings {
        &self.0.1
    }
}

/// The dashboard of a management service: `/login`, `/register`, `/keys`, `/usage`, `/members`, `/audit`, `/settings` and what they need.
///
/// To be merged into an own router, or nested below the path that [`DashboardSettings::base`] says.
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
    let app = App(Arc::new((management, settings)));
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router.route("/login/oidc", get(oidc::begin)).route("/login/oidc/callback", get(oidc::end));
    router
        .route("/login", get(login::page).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/register", get(register::page).post(register::register))
        .route("/forgot", get(reset::forgot_page).post(reset::forgot))
        .route("/reset", get(reset::page).post(reset::reset))
        // What is about an account has the account in its path.
        .nest("/accounts/{account}", account_pages())
        // Links without an account lead to the one that somebody looked at last.
        .route("/keys", get(accounts::go_home))
        .route("/keys/new", get(accounts::go_home))
        .route("/keys/{id}", get(accounts::go_to_key))
        .route("/usage", get(accounts::go_home))
        .route("/members", get(accounts::go_home))
        .route("/audit", get(accounts::go_home))
        .route("/account", get(accounts::switch))
        .route("/accounts", get(accounts::page))
        .route("/users", get(users::list))
        .route("/users/{id}", get(users::details))
        .route("/users/{id}/disable", post(users::disable))
        .route("/users/{id}/enable", post(users::enable))
        .route("/users/{id}/delete", get(users::confirm).post(users::delete))
        .route("/invitations", get(invitations::page).post(invitations::accept_link))
        .route("/invitations/{id}/accept", post(invitations::accept))
        .route("/invitations/{id}/decline", post(invitations::decline))
        .route("/settings", get(settings_page::page))
        .route("/settings/appearance", get(appearance::page).post(appearance::change))
        .route("/settings/theme", post(settings_page::change_theme))
        .route("/settings/name", post(settings_page::change_name))
        .route("/settings/password", post(settings_page::change_password))
        .route("/dashboard/{asset}", get(assets::serve))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(app.clone(), web::frame))
        .with_state(app)
}

/// The pages about an account.
fn account_pages() -> Router<App> {
    Router::new()
        .route("/keys", get(keys::list::page))
        .route("/keys/new", get(keys::create::page).post(keys::create::create))
        .route("/keys/{id}", get(keys::details::page))
        .route("/keys/{id}/rename", post(keys::change::rename))
        .route("/keys/{id}/disable", post(keys::change::disable))
        .route("/keys/{id}/enable", post(keys::change::enable))
        .route("/keys/{id}/rotate", get(keys::rotate::page).post(keys::rotate::rotate))
        .route("/keys/{id}/revoke", get(keys::revoke::page).post(keys::revoke::revoke))
        .route("/usage", get(usage::page))
        .route("/members", get(members::page).post(members::invite))
        .route("/invitations/{id}/withdraw", post(members::withdraw))
        .route("/members/{id}/role", post(members::change_role))
        .route("/members/{id}/remove", get(members::confirm_removal).post(members::remove))
        .route("/members/{id}/reset", get(reset::confirm).post(reset::create))
        .route("/audit", get(audit::page))
        .route("/settings", get(account::page).post(account::change))
}
