//! Pages fit their window, and errors stand at their field.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::put;
use http::Request;
use keyward::axum::{AuthLayer, RecentRequestsLayer};
use keyward::manage::{ApiDescription, Context, KeyDraft, ManagementBuilder, Purpose, Role};
use keyward::tags::Tags;
use keyward::{AccountId, NewKey};
use keyward_needs::needs;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};

const KEYS: &str = "/accounts/operator/keys";

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

async fn resize(browser: &Browser, width: u32) {
    let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.emulate(metrics).await;
}

/// Keys with all that a row can show: long scopes, an old key in use, and one that ends soon. Returns the path of a used key.
async fn furnish(site: &Site) -> String {
    let owner = site.owner().await;
    let scopes = "measurements:read measurements:write subscriptions:read";
    let mut new = NewKey::restricted(operator(), "Warehouse synchronization worker", scopes.parse().unwrap());
    new.tags = Tags::new(["team:warehouse", "nightly"]).unwrap();
    let issued = site.management.create_key(&owner, KeyDraft::of(Purpose::Api, new)).await.unwrap();
    let authenticator = site.management.verifier().unwrap();
    let service = Router::new()
        .route("/v1/measurements/{station}/{measurement}/values", put(async || "stored"))
        .layer(AuthLayer::from(authenticator.clone()))
        .layer(RecentRequestsLayer::new(&authenticator));
    let key = issued.key.expose_once().to_string();
    site.management.set_key_disabled(&owner, &issued.view.id, true).await.unwrap();
    for _ in 0..3 {
        let request = Request::put("/v1/measurements/a/b/values").header("authorization", format!("Bearer {key}"));
        assert_eq!(service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status(), 401);
    }
    site.management.set_key_disabled(&owner, &issued.view.id, false).await.unwrap();
    let old = site.management.create_key(&owner, KeyDraft::secret(operator(), "old")).await.unwrap().view.id;
    site.management.rotate_key(&owner, &old, Duration::from_secs(3_600)).await.unwrap();
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let later = "UPDATE keys SET last_used_at = created_at + 90061000 WHERE name = 'old'";
    connection.execute(later, []).unwrap();
    format!("{KEYS}/{}", issued.view.id)
}

#[needs(browser)]
#[tokio::test]
async fn tables_of_keys_and_requests_fit_every_width() {
    let site = Site::build(ManagementBuilder::recent_requests).await;
    site.add_owner().await;
    let key = furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let members = "/accounts/operator/members".to_owned();
    for path in [KEYS.to_owned(), format!("{KEYS}?inactive=1"), key.clone(), format!("{key}/requests"), members] {
        browser.go(&path).await;
        for width in [1_280, 1_024, 900, 768, 375, 320] {
            resize(&browser, width).await;
            let hidden =
                "return [...document.querySelectorAll('.table')].map((one) => one.scrollWidth - one.clientWidth)";
            let hidden = browser.run(hidden, vec![]).await;
            let tables = hidden.as_array().unwrap();
            assert!(!tables.is_empty() && tables.iter().all(|one| *one == json!(0)), "{path} at {width}: {hidden}");
            // No column is so narrow that words break into letters, and nothing covers something else.
            let broken = "return [...document.querySelectorAll('.requests td')].flatMap((one, at, all) => { \
                const [box, next] = [one, all[at + 1] ?? one].map((one) => one.getBoundingClientRect()); \
                const covers = next.top < box.bottom - 1 && next.left < box.right - 1 && next.top > box.top + 1; \
                return box.width < 60 || covers || one.scrollWidth > one.clientWidth ? [one.outerHTML] : [] })";
            assert_eq!(browser.run(broken, vec![]).await, json!([]), "{path} at {width}");
        }
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn the_longest_e_mail_address_fits_every_width() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    // The most that RFC 5321 allows.
    let domain = [63, 63, 57].map(|length| "d".repeat(length)).join(".");
    let email = format!("{}@{domain}.com", "l".repeat(64));
    assert_eq!(email.len(), 254);
    let invited = site.management.invite(&owner, &operator(), &email, Role::Developer).await.unwrap();
    let context = Context::new();
    site.management.accept_invitation(&context, &invited.secret, &email[..100], PASSWORD).await.unwrap();
    let user = site.management.user_with_email(&owner, &email).await.unwrap().value.id;
    let other = format!("{}@{domain}.com", "o".repeat(64));
    site.management.invite(&owner, &operator(), &other, Role::Viewer).await.unwrap();
    let session = site.management.sign_in(&context, &email, PASSWORD).await.unwrap().session;
    let actor = site.management.session(&session, context).await.unwrap();
    let mut draft = KeyDraft::secret(operator(), "of a long address");
    draft.user = Some(user.clone());
    let key = site.management.create_key(&actor, draft).await.unwrap().view.id;
    let members = "/accounts/operator/members";
    let paths = [
        members.to_owned(),
        format!("{members}/{user}/remove"),
        format!("{members}/{user}/reset"),
        format!("{members}/{user}/keys"),
        "/users".to_owned(),
        format!("/users/{user}"),
        format!("/users/{user}/delete"),
        "/accounts/operator/audit".to_owned(),
        KEYS.to_owned(),
        format!("{KEYS}/{key}"),
        "/settings".to_owned(),
    ];
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    for path in paths {
        if path == "/settings" {
            browser.client.delete_cookie("keyward_session").await.unwrap();
            browser.go("/login").await;
            browser.fill("email", &email).await;
            browser.fill("password", PASSWORD).await;
            browser.click("main form button").await;
            browser.find("nav[aria-label=Main]").await;
        }
        browser.go(&path).await;
        let is_shown = "return document.body.textContent.includes(arguments[0])";
        assert_eq!(browser.run(is_shown, vec![json!(email[..64])]).await, json!(true), "{path}");
        for width in [1_280, 900, 375, 320] {
            resize(&browser, width).await;
            let wide = "return [document.documentElement.scrollWidth - document.documentElement.clientWidth, \
                ...[...document.querySelectorAll('.table')].map((one) => one.scrollWidth - one.clientWidth)]";
            let wide = browser.run(wide, vec![]).await;
            assert!(wide.as_array().unwrap().iter().all(|one| *one == json!(0)), "{path} at {width}: {wide}");
        }
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_printed_page_has_its_content_and_no_controls() {
    let site = Site::with_owner().await;
    let key = furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    // The width of A4 without its margins, in pixels.
    resize(&browser, 718).await;
    browser.print_media().await;
    for path in [KEYS.to_owned(), key, "/accounts/operator/usage".to_owned(), "/accounts/operator/audit".to_owned()] {
        browser.go(&path).await;
        let controls = "return [...document.querySelectorAll('.top, .button, button, .tabs, .checklist, .filters, summary')] \
            .filter((one) => one.checkVisibility()).map((one) => one.outerHTML)";
        assert_eq!(browser.run(controls, vec![]).await, json!([]), "{path}");
        let beside = "return [...document.querySelectorAll('.table')].map((one) => one.scrollWidth - one.clientWidth)";
        let beside = browser.run(beside, vec![]).await;
        assert!(beside.as_array().unwrap().iter().all(|one| *one == json!(0)), "{path}: {beside}");
        let page = "return [getComputedStyle(document.documentElement).backgroundColor, document.documentElement.scrollWidth <= innerWidth]";
        assert_eq!(browser.run(page, vec![]).await, json!(["rgba(0, 0, 0, 0)", true]), "{path}");
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_phone_sorts_selects_and_has_no_invisible_stops() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for name in ["b", "a", "c"] {
        site.management.create_key(&owner, KeyDraft::secret(operator(), name)).await.unwrap();
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    resize(&browser, 375).await;
    browser.go(KEYS).await;
    let invisible = "return [...document.querySelectorAll('main :is(a, input, select, button, summary)')] \
        .filter((one) => one.checkVisibility({visibilityProperty: true}) && one.tabIndex >= 0) \
        .filter((one) => one.getBoundingClientRect().width < 3).map((one) => one.outerHTML)";
    assert_eq!(browser.run(invisible, vec![]).await, json!([]));
    browser.click("#sort option[value=name]").await;
    browser.press("Filter").await;
    browser.find("#sort option[value=name][selected]").await;
    assert!(browser.text_of("tbody tr th").await.starts_with('a'));
    browser.click(".all input").await;
    browser.see("3 selected:").await;
    // The actions are in sight while a key is selected.
    browser.run("scrollTo(0, 0)", vec![]).await;
    let bottom = "return document.querySelector('.selected').getBoundingClientRect().bottom <= innerHeight";
    assert_eq!(browser.run(bottom, vec![]).await, json!(true));

    browser.press("Menu").await;
    browser.find(".toggle[aria-expanded=true]").await;
    browser.keys("\u{e00c}").await;
    browser.find(".toggle[aria-expanded=false]:focus").await;
    browser.close().await;
}

/// Whether the window shows the message and the field that it is about.
async fn shown(browser: &Browser) -> Value {
    let script = "const inside = (one) => { const box = one.getBoundingClientRect(); \
        return box.top >= 0 && box.bottom <= innerHeight; }; \
        const [message, field] = [document.querySelector('.wrong'), document.activeElement]; \
        return [inside(message), inside(field), field.name, message.textContent]";
    browser.find(".wrong").await;
    // The browser scrolls after it has loaded the page.
    for _ in 0..600 {
        let seen = browser.run(script, vec![]).await;
        if seen[0] == json!(true) && seen[1] == json!(true) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    browser.run(script, vec![]).await
}

#[needs(browser)]
#[tokio::test]
async fn an_error_stands_at_its_field_in_sight() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let scopes = "# Videos\nvideos:read See videos\nvideos:write Change videos".parse().unwrap();
    let description = ApiDescription { scopes: Some(scopes), ..ApiDescription::default() };
    site.management.set_api_description(&owner, &description, 0).await.unwrap();
    let id = site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap().view.id;
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        let create = format!("{KEYS}/new?name=a&kind=restricted");
        for (path, fields, button, field, message) in [
            (create.clone(), vec![], "Create key", "scope", "Scopes: a restricted key needs at least one scope."),
            (create.clone(), vec![("other_scopes", "Nonsense!")], "Create key", "other_scopes", "Scopes: write them"),
            (
                create.clone(),
                vec![("other_scopes", "a:b"), ("networks", "here")],
                "Create key",
                "networks",
                "Networks:",
            ),
            (
                create,
                vec![("other_scopes", "a:b"), ("endpoints", "PUT")],
                "Create key",
                "endpoints",
                "Endpoints: invalid endpoint \"PUT\": expected a method",
            ),
            (format!("{KEYS}/{id}"), vec![("tags", "a b c!")], "Rename", "tags", "Tags:"),
            (format!("{KEYS}/{id}/edit"), vec![("networks", "there")], "Review the change", "networks", "Networks:"),
        ] {
            browser.go(&path).await;
            for (name, text) in fields {
                browser.fill(name, text).await;
            }
            browser.press(button).await;
            if with_script {
                let shown = shown(&browser).await;
                let is_named = shown[3].as_str().unwrap().starts_with(message);
                assert!(shown[0] == json!(true) && shown[1] == json!(true) && is_named, "{path}: {shown}");
                assert_eq!(shown[2], json!(field), "{path}");
            } else {
                assert!(browser.text_of(".wrong").await.starts_with(message), "{path}");
            }
        }
        browser.close().await;
    }
}

#[tokio::test]
async fn a_new_key_has_the_endpoints_of_the_form() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&format!("{KEYS}/new")).await;
    let (csrf, form_id) = (page.field("csrf"), page.field("form_id"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("form_id", &form_id),
        ("name", "reader"),
        ("purpose", "api"),
        ("kind", "secret"),
        ("mode", "test"),
        ("expires", "90"),
        ("endpoints", "GET /v1/videos/*\r\nGET /v1/jobs"),
    ];
    let made = client.post(&format!("{KEYS}/new"), &fields).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let query = keyward::store::KeyQuery { account: Some(operator()), ..Default::default() };
    let keys = site.management.keys(&site.owner().await, &query).await.unwrap().items;
    let endpoints: Vec<_> = keys[0].endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(endpoints, ["GET /v1/videos/*", "GET /v1/jobs"]);
}
