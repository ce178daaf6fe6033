//! The table of routes, and all that derives from it.

use argon2::Params;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{COOKIE, HOST};
use http::{Request, StatusCode};
use keyward_sqlite::SqliteStore;
use tower::ServiceExt as _;

use super::routes;
use crate::actor::{Actor, Context};
use crate::dashboard::assets::STYLE_NAME;
use crate::dashboard::site_map::SiteMap;
use crate::dashboard::{DashboardSettings, dashboard};
use crate::records::Plan;
use crate::service::{KeyDraft, Management, NewUser};
use crate::store::SqliteManagementStore;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

struct Site {
    router: Router,
    session: String,
    key: String,
    user: String,
    #[cfg(feature = "webhooks")]
    webhook: String,
}

impl Site {
    async fn start() -> Self {
        let store = SqliteStore::temporary().unwrap();
        let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
            .password_params(Params::new(8, 1, 1, None).unwrap())
            .build()
            .unwrap();
        let system = Actor::system("test", Context::new());
        management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
        let session = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        let owner = management.session(&session, Context::new()).await.unwrap();
        let draft = KeyDraft::secret("operator".parse().unwrap(), "server");
        let key = management.create_key(&owner, draft).await.unwrap().view.id.to_string();
        management.put_plan(&owner, Plan::new("Pro & more"), None).await.unwrap();
        #[cfg(feature = "webhooks")]
        let webhook = {
            let (account, url) = (management.operator().clone(), "https://example.com/hooks");
            management.create_webhook(&owner, &account, url, "", &[]).await.unwrap().webhook.id
        };
        Self {
            #[cfg(feature = "webhooks")]
            webhook,
            router: dashboard(management, DashboardSettings::new("Example API")),
            session: session.to_string(),
            key,
            user: owner.user().unwrap().to_string(),
        }
    }

    fn filled(&self, path: &str) -> String {
        if path == "/account" {
            return "/account?account=operator".to_owned();
        }
        let id = if path.contains("/keys/") { &self.key } else { &self.user };
        #[cfg(feature = "webhooks")]
        let id = if path.contains("/webhooks/") { &self.webhook } else { id };
        let path = path.replace("{plan}", "Pro%20%26%20more");
        path.replace("{account}", "operator").replace("{id}", id).replace("{asset}", &STYLE_NAME)
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let cookie = format!("keyward_session={}", self.session);
        let request = Request::get(path).header(HOST, "localhost").header(COOKIE, cookie).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test]
async fn every_page_of_the_table_is_reachable() {
    let site = Site::start().await;
    for path in routes().iter().filter_map(|route| route.page_path()) {
        let filled = site.filled(path);
        let (status, body) = site.get(&filled).await;
        // Without an identity provider, its pages answer that they do not exist, as that of a second factor that the user lacks.
        let may_be_off = path.starts_with("/login/oidc") || path.ends_with("/second-factor");
        let is_off = may_be_off && body.contains("<h1>Not found</h1>");
        // The operator's own account stays.
        let is_refused = path == "/accounts/{account}/delete" && status == StatusCode::UNPROCESSABLE_ENTITY;
        let is_there = status == StatusCode::OK || status == StatusCode::SEE_OTHER;
        assert!(is_there || is_off || is_refused, "{filled}: {status} {body}");
    }
}

#[tokio::test]
async fn navigation_has_pages_of_the_table_in_order() {
    let site = Site::start().await;
    let routes = routes();
    let pages: Vec<_> = routes.iter().filter_map(|route| route.page_path()).collect();
    let map = SiteMap::of(&routes);
    let labels: Vec<_> = map.entries().iter().map(|entry| entry.label).collect();
    let mut expected =
        vec!["Keys", "Usage", "Members", "Webhooks", "Audit log", "Account", "Accounts", "Plans", "Users", "Settings"];
    expected.retain(|label| cfg!(feature = "webhooks") || *label != "Webhooks");
    assert_eq!(labels, expected);
    let (_, page) = site.get("/settings").await;
    for entry in map.entries() {
        assert!(pages.contains(&entry.path), "{} is no page", entry.path);
        let link = format!("<a href=\"{}\"", site.filled(entry.path));
        assert!(page.contains(&link), "an owner has no link to {}", entry.path);
    }
}

#[tokio::test]
async fn sign_in_leads_to_destinations_of_the_table_only() {
    let site = Site::start().await;
    let routes = routes();
    let map = SiteMap::of(&routes);
    for route in &routes {
        let Some(path) = route.page_path() else { continue };
        let filled = site.filled(path);
        let expected = if route.leads_here() { filled.as_str() } else { "/keys" };
        assert_eq!(map.destination(&filled), expected);
    }
    for (to, gone_to) in [
        ("/keys/new?name=a", "/keys/new?name=a"),
        ("/audit", "/audit"),
        ("//evil.example", "/keys"),
        ("https://evil.example/keys", "/keys"),
        ("/keysevil", "/keys"),
        ("/login", "/keys"),
        ("/keys\\@evil", "/keys"),
        ("/keys\r\nX: y", "/keys"),
    ] {
        assert_eq!(map.destination(to), gone_to, "{to}");
    }
}

#[test]
fn every_form_stands_on_a_page_of_the_table() {
    let routes = routes();
    let pages: Vec<_> = routes.iter().filter_map(|route| route.page_path()).collect();
    for path in routes.iter().filter_map(|route| route.form_path()) {
        assert!(pages.contains(&path), "{path} is no page");
    }
    let map = SiteMap::of(&routes);
    for (sent, page, kept) in [
        ("/accounts/a%2Fb/keys/key_1/rename", "/accounts/a%2Fb/keys/key_1", None),
        ("/accounts/a/keys/new", "/accounts/a/keys/new", None),
        ("/accounts/a/members/user_1/role", "/accounts/a/members", Some(("member", "user_1".to_owned()))),
        ("/settings/theme", "/settings", None),
        ("/logout", "/keys", None),
    ] {
        assert_eq!(map.form_page(sent), (page.to_owned(), kept), "{sent}");
    }
}
