//! The table of routes, and all that derives from it.

mod exports;
mod leaving;
mod rights;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, COOKIE, HOST};
use http::request::Builder;
use http::{Method, Request, StatusCode};
use keyward_core::clock::{Clock, ManualClock};
use keyward_sqlite::{SqliteLimits, SqliteStore};
use tower::ServiceExt as _;

use super::routes;
use crate::actor::{Actor, Context};
use crate::dashboard::assets::STYLE_NAME;
use crate::dashboard::csrf::token_of;
use crate::dashboard::form::query;
use crate::dashboard::site_map::SiteMap;
use crate::dashboard::{DashboardSettings, dashboard, words};
use crate::records::Plan;
use crate::role::Role;
use crate::service::{KeyDraft, Management, NewUser};
use crate::store::SqliteManagementStore;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

struct Site {
    router: Router,
    session: String,
    key: String,
    user: String,
    customer: String,
    management: Management,
    records: SqliteManagementStore,
    #[cfg(feature = "webhooks")]
    webhook: String,
}

impl Site {
    async fn start() -> Self {
        // Its time stands still, so no sign-in gets too old.
        Self::start_at(Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()))).await
    }

    async fn start_at(clock: Arc<dyn Clock>) -> Self {
        let store = SqliteStore::temporary().unwrap();
        let records = SqliteManagementStore::open(&store).unwrap();
        let management = Management::builder(store.clone(), records.clone())
            .limits(SqliteLimits::new(&store))
            .password_params(Params::new(8, 1, 1, None).unwrap())
            .clock(clock)
            .recent_sign_in(Duration::from_secs(60))
            .build()
            .unwrap();
        let system = Actor::system("test", Context::new());
        management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
        let session = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        let owner = management.session(&session, Context::new()).await.unwrap();
        let draft = KeyDraft::secret("operator".parse().unwrap(), "server");
        let key = management.create_key(&owner, draft).await.unwrap().view.id.to_string();
        let customer = keyward_core::AccountRecord::new("acct_customer".parse().unwrap(), "Customer");
        management.import_account(&system, &customer).await.unwrap();
        management.put_plan(&owner, Plan::new("Pro & more"), None).await.unwrap();
        #[cfg(feature = "webhooks")]
        let webhook = {
            let (account, url) = (management.operator().clone(), "https://example.com/hooks");
            management.create_webhook(&owner, &account, url, "", &[]).await.unwrap().webhook.id
        };
        Self {
            #[cfg(feature = "webhooks")]
            webhook,
            router: dashboard(management.clone(), DashboardSettings::new("Example API")),
            management,
            records,
            session: session.to_string(),
            customer: customer.id.to_string(),
            key,
            user: owner.user().unwrap().to_string(),
        }
    }

    /// Signs a new member in, and returns the session.
    async fn member(&self, account: &str, email: &str, role: Role) -> String {
        let owner = self.management.session(&self.session, Context::new()).await.unwrap();
        let invited = self.management.invite(&owner, &account.parse().unwrap(), email, role).await.unwrap();
        self.management.accept_invitation(&Context::new(), &invited.secret, "Member", PASSWORD).await.unwrap();
        self.management.sign_in(&Context::new(), email, PASSWORD).await.unwrap().session.to_string()
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
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let token = token_of(&self.session).unwrap();
        let fields: Vec<_> = [("csrf", token.as_str())].iter().chain(fields).map(|(n, v)| query(n, v)).collect();
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, fields.join("&")).await
    }

    async fn answer(&self, request: Builder, body: String) -> Response {
        let cookie = format!("keyward_session={}", self.session);
        let request = request.header(HOST, "localhost").header(COOKIE, cookie).body(Body::from(body)).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, request: Builder, body: String) -> (StatusCode, String) {
        let response = self.answer(request, body).await;
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
        // Without an identity provider, its pages answer that they do not exist, as those of a second factor that the user lacks.
        let may_be_off = path.starts_with("/login/oidc") || path.contains("/second-factor");
        let is_off = may_be_off && body.contains("<h1>Not found</h1>");
        // The operator's own account stays.
        let is_refused = path == "/accounts/{account}/delete" && status == StatusCode::UNPROCESSABLE_ENTITY;
        let is_there = status == StatusCode::OK || status == StatusCode::SEE_OTHER;
        assert!(is_there || is_off || is_refused, "{filled}: {status} {body}");
    }
}

/// A browser shows its built-in page for an answer without a body.
#[tokio::test]
async fn every_other_method_gets_a_page_that_leads_back() {
    let site = Site::start().await;
    let pages: Vec<_> = routes().iter().filter_map(|route| route.page_path().map(|path| site.filled(path))).collect();
    for route in routes() {
        let path = site.filled(route.path());
        let has_page = route.page_path().is_some();
        let allowed = match (has_page, route.takes_forms()) {
            (true, true) => "GET,HEAD,POST",
            (true, false) => "GET,HEAD",
            (false, _) => Method::POST.as_str(),
        };
        let read = [Method::GET, Method::HEAD, Method::OPTIONS];
        for method in read.into_iter().chain([Method::POST, Method::PUT, Method::PATCH, Method::DELETE]) {
            if allowed.split(',').any(|known| known == method.as_str()) {
                continue;
            }
            let response = site.answer(Request::builder().method(&method).uri(&path), String::new()).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(response.headers()[ALLOW], allowed, "{method} {path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/html", "{method} {path}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8_lossy(&body);
            if method == Method::HEAD {
                assert_eq!(body, "", "{method} {path}");
                continue;
            }
            assert!(body.contains("<h1>Nothing was done</h1>") && body.contains("<nav "), "{method} {path}: {body}");
            let back = body.split("class=\"button\" href=\"").nth(1).unwrap().split('"').next().unwrap();
            let back = back.split('?').next().unwrap();
            assert!(pages.iter().any(|page| page == back), "{method} {path} leads back to {back}");
        }
    }
    let visitor = Site { session: String::new(), ..site };
    let (status, body) = visitor.get("/logout").await;
    assert!(status == StatusCode::METHOD_NOT_ALLOWED && body.contains("href=\"/keys\""), "{status} {body}");
}

/// A page that asks for the password again names what the user was about to do.
#[tokio::test]
async fn a_page_that_asks_to_sign_in_again_gives_its_reason() {
    let (long_ago, some_reason) = (words::sign_in::long_ago(None), words::sign_in::long_ago(Some("…")));
    let beginning = some_reason.split('…').next().unwrap();
    let mut asking = Vec::new();
    for route in routes() {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let site = Site::start_at(Arc::<ManualClock>::clone(&clock)).await;
        clock.advance(Duration::from_secs(3_600));
        let path = site.filled(route.path());
        let path = if path.ends_with("/delete") { path.replace("operator", &site.customer) } else { path };
        let fields = [
            ("action", "enable"),
            ("id", site.key.as_str()),
            ("form_id", "0123456789abcdef"),
            ("name", "a"),
            ("kind", "secret"),
            ("mode", "live"),
            ("role", "viewer"),
            ("version", "1"),
            ("account_id", site.customer.as_str()),
        ];
        let answers = [site.get(&path).await, site.post(&path, &fields).await];
        let asked: Vec<_> = answers.iter().filter(|(_, body)| body.contains(beginning)).collect();
        for (status, body) in &asked {
            assert_eq!(*status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(!body.contains(&long_ago), "{path} asks to sign in again and gives no reason");
        }
        if !asked.is_empty() {
            asking.push(path);
        }
    }
    assert!(asking.len() >= 18, "only these pages asked: {asking:#?}");
}

#[tokio::test]
async fn navigation_has_pages_of_the_table_in_order() {
    let site = Site::start().await;
    let routes = routes();
    let pages: Vec<_> = routes.iter().filter_map(|route| route.page_path()).collect();
    let map = SiteMap::of(&routes);
    let labels: Vec<_> = map.entries().iter().map(|entry| entry.label).collect();
    let of_account = ["Keys", "Usage", "Members", "Webhooks", "Audit log", "Account"];
    let of_operator = ["Accounts", "Plans", "Users", "Your API", "Appearance"];
    let mut expected = [&of_account[..], &of_operator, &["Settings"]].concat();
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
