//! The recent requests on the page of a key.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use keyward::axum::{AuthLayer, RecentRequestsLayer, Scoped};
use keyward::manage::{Context, KeyChange, KeyDraft, Purpose, Role};
use keyward::{NewKey, PeerAddress};
use keyward_needs::needs;
use tower::ServiceExt;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};
use crate::usage::rows;

keyward::axum::scopes! {
    VideosRead = "videos:read";
}

/// A service with the layer, which shares the store with the pages.
pub(crate) fn service(site: &Site) -> Router {
    let authenticator = site.management.verifier().unwrap();
    Router::new()
        .route("/v1/videos/{id}", get(async || "a video"))
        .route("/v1/secrets", get(async |_: Scoped<VideosRead>| "a secret"))
        .layer(AuthLayer::from(authenticator.clone()))
        .layer(RecentRequestsLayer::new(&authenticator))
}

pub(crate) async fn call(service: &Router, key: &str, path: &str) -> u16 {
    let request = Request::get(path).header("authorization", format!("Bearer {key}"));
    let request = request.extension(PeerAddress(([203, 0, 113, 77], 9).into())).body(Body::empty()).unwrap();
    service.clone().oneshot(request).await.unwrap().status().as_u16()
}

async fn key(site: &Site) -> (String, String) {
    let new = NewKey::restricted("operator".parse().unwrap(), "worker", "jobs:read".parse().unwrap());
    let draft = KeyDraft::of(Purpose::Api, new);
    let issued = site.management.create_key(&site.owner().await, draft).await.unwrap();
    (format!("/accounts/operator/keys/{}", issued.view.id), issued.key.expose_once().to_string())
}

#[tokio::test]
async fn a_service_shows_on_the_page_of_the_key_what_it_asked() {
    let site = Site::build(keyward::manage::ManagementBuilder::recent_requests).await;
    site.add_owner().await;
    let (path, key) = key(&site).await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&path).await.body;
    assert!(page.contains("<h2>Recent requests</h2>\n<p class=\"dim\">No requests are recorded.</p>"), "{page}");

    let service = service(&site);
    assert_eq!(call(&service, &key, "/v1/videos/in-a-path@example.com?token=s3cret-token").await, 200);
    assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
    assert_eq!(call(&service, &key, "/as-a-path@example.com").await, 404);
    let page = client.get(&path).await.body;
    let shown: Vec<String> =
        rows(&page, "Recent requests").iter().map(|row| row.split_once(" | ").unwrap().1.to_owned()).collect();
    assert_eq!(
        shown,
        [
            "OK | GET unknown | 203.0.113.0/24 |",
            "INSUFFICIENT_SCOPE needs videos:read Change access | GET /v1/secrets | 203.0.113.0/24 |",
            "OK | GET /v1/videos/{id} | 203.0.113.0/24 |",
        ]
    );
    site.management
        .set_key_disabled(&site.owner().await, &path.rsplit('/').next().unwrap().parse().unwrap(), true)
        .await
        .unwrap();
    assert_eq!(call(&service, &key, "/v1/videos/7").await, 401);
    for _ in 0..12 {
        call(&service, &key, "/v1/videos/7").await;
    }
    let page = client.get(&path).await.body;
    assert_eq!(rows(&page, "Recent requests").len(), 10);
    assert!(
        rows(&page, "Recent requests")[0].ends_with(" | API_KEY_DISABLED | GET /v1/videos/{id} | 203.0.113.0/24 |"),
        "{page}"
    );
    let link = format!("{path}/requests");
    assert!(page.contains(&format!("<a href=\"{link}\">All recent requests</a>")), "{page}");
    let all = client.get(&link).await.body;
    assert_eq!(rows(&all, "Recent requests").len(), 16);
    site.assert_kept_nowhere(&[&key, "in-a-path@example.com", "s3cret-token", "as-a-path@example.com", "203.0.113.77"]);
}

/// From a refused request to the form that grants the scope.
#[tokio::test]
async fn a_missing_scope_is_named_wherever_the_key_is_looked_at() {
    let site = Site::build(keyward::manage::ManagementBuilder::recent_requests).await;
    site.add_owner().await;
    let (path, key) = key(&site).await;
    let service = service(&site);
    for _ in 0..3 {
        assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
    }
    let mut client = Client::signed_in(&site).await;
    let link = format!("{path}/edit?scope=jobs%3Aread&#38;scope=videos%3Aread");
    let warning = "lacked videos:read. The new key has the same rights, so it is refused too.";
    for (page, text) in [
        (path.clone(), "needs videos:read"),
        (format!("{path}/requests"), "needs videos:read"),
        (format!("{path}/rotate"), warning),
    ] {
        let body = client.get(&page).await.body;
        assert!(body.contains(text) && body.contains(&link), "{page}: {body}");
    }
    let usage = client.get("/accounts/operator/usage").await.body;
    let row = rows(&usage, "Keys with the most refusals").remove(0);
    assert!(row.contains("| 3 | 0 | 100.0 % | The key lacked a scope: 3 Missing: videos:read (3) |"), "{row}");
    let form = client.get(&link.replace("&#38;", "&")).await.body;
    assert!(form.contains("videos:read"), "{form}");

    // A viewer cannot grant it.
    let owner = site.owner().await;
    let invited = site.management.invite(&owner, &"operator".parse().unwrap(), "vera@example.com", Role::Viewer).await;
    let invited = invited.unwrap().secret;
    site.management.accept_invitation(&Context::new(), &invited, "Vera", PASSWORD).await.unwrap();
    let mut viewer = Client::new(&site);
    let token = viewer.get("/login").await.field("csrf");
    viewer.post("/login", &[("csrf", &token), ("email", "vera@example.com"), ("password", PASSWORD)]).await;
    let body = viewer.get(&path).await.body;
    assert!(body.contains("needs videos:read") && !body.contains("Change access"), "{body}");

    // The list and the key's page say that the key is refused.
    assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
    assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
    assert!(client.get("/accounts/operator/keys").await.body.contains("often refused"));
    assert!(client.get(&path).await.body.contains("requests were refused"));

    // The past stays, and nothing is left to change.
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let known = site.management.key(&owner, &id).await.unwrap();
    let change = KeyChange { scopes: Some("jobs:read videos:*".parse().unwrap()), ..KeyChange::default() };
    site.management.update_key(&owner, &id, change, known.version).await.unwrap();
    assert_eq!(call(&service, &key, "/v1/secrets").await, 200);
    let body = client.get(&path).await.body;
    assert!(body.contains("needs videos:read") && !body.contains("edit?scope"), "{body}");
    assert!(!body.contains("requests were refused"), "{body}");
    assert!(!client.get(&format!("{path}/rotate")).await.body.contains("is refused too"), "{body}");
    assert!(!client.get("/accounts/operator/usage").await.body.contains("Missing:"), "{body}");
}

#[tokio::test]
async fn the_list_names_the_refused_keys_that_still_lack_a_scope() {
    let site = Site::with_owner().await;
    let service = service(&site);
    let mut paths = Vec::new();
    for _ in 0..3 {
        let (path, key) = key(&site).await;
        for _ in 0..5 {
            assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
        }
        paths.push(path);
    }
    let mut client = Client::signed_in(&site).await;
    let list = client.get("/accounts/operator/keys").await.body;
    assert_eq!(rows(&client.get("/accounts/operator/usage").await.body, "Keys with the most refusals").len(), 3);
    let refused = |list: &str| list.matches(">often refused</a>").count();
    assert_eq!(refused(&list), 3, "{list}");
    for (path, scopes) in [(&paths[0], "videos:read"), (&paths[1], "videos:write")] {
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        let change = KeyChange { scopes: Some(scopes.parse().unwrap()), ..KeyChange::default() };
        site.management.update_key(&site.owner().await, &id, change, 1).await.unwrap();
    }
    let list = client.get("/accounts/operator/keys").await.body;
    assert_eq!(refused(&list), 2, "{list}");
    let usage = client.get("/accounts/operator/usage").await.body;
    let missing = rows(&usage, "Keys with the most refusals");
    assert_eq!(missing.iter().filter(|row| row.contains("Missing: videos:read (5)")).count(), 2, "{missing:?}");
}

#[tokio::test]
async fn without_the_option_nothing_is_recorded_or_shown() {
    let site = Site::with_owner().await;
    let (path, key) = key(&site).await;
    assert_eq!(call(&service(&site), &key, "/v1/videos/7").await, 200);
    let page = Client::signed_in(&site).await.get(&path).await.body;
    assert!(!page.contains("Recent requests"), "{page}");
}

#[needs(browser)]
#[tokio::test]
async fn recent_requests_fit_a_phone_and_lead_to_all() {
    let site = Site::build(keyward::manage::ManagementBuilder::recent_requests).await;
    site.add_owner().await;
    let (path, key) = key(&site).await;
    let service = service(&site);
    for number in 0..18 {
        call(&service, &key, if number % 3 == 0 { "/v1/secrets" } else { "/v1/videos/7" }).await;
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go(&path).await;
    browser.see("INSUFFICIENT_SCOPE").await;
    // A newcomer rotates a key that lacks a scope, and its successor is refused, too.
    browser.see("The most frequent reason: The key lacked a scope.").await;
    let seen = "const table = document.querySelector('.table[aria-label=\"Recent requests\"]').getBoundingClientRect(); \
        return [...document.querySelectorAll('.table td .badge.refused, .table td .badge')] \
        .every((badge) => badge.getBoundingClientRect().right <= table.right)";
    assert_eq!(browser.run(seen, vec![]).await, true, "an outcome is cut off");
    browser.picture("recent-requests").await;
    browser.press("All recent requests").await;
    browser.see("At most 200 requests").await;
    assert_eq!(browser.run("return document.querySelectorAll('tbody tr').length", vec![]).await, 18);
    browser.press("Only refused").await;
    browser.find("[aria-current=true][href$='refused=1']").await;
    assert_eq!(browser.run("return document.querySelectorAll('tbody tr').length", vec![]).await, 6);
    browser.go(&path).await;
    // The actions come before what a phone has to scroll past, and the warning leads to the form with the missing scope.
    let phone = serde_json::json!({"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": true});
    browser.emulate(phone).await;
    browser.go(&path).await;
    let first = "const top = (css) => document.querySelector(css).getBoundingClientRect().top; \
        const requests = top('.requests'); \
        return ['/rotate', '/edit', '/revoke'].every((end) => { \
            const link = document.querySelector(`.head a[href$='${end}']`).getBoundingClientRect(); \
            return link.height > 0 && link.bottom < requests && link.bottom < 800; })";
    assert_eq!(browser.run(first, vec![]).await, true, "an action is below the requests or the first screen");
    browser.click("p.note a[href*='/edit?scope=']").await;
    browser.find("main form[action$='/edit']").await;
    let chosen = "return document.querySelector('#other_scopes').value";
    assert_eq!(browser.run(chosen, vec![]).await, "jobs:read videos:read");
    browser.close().await;
}
