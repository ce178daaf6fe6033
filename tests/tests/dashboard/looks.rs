//! axe finds nothing in light and dark colours, on a wide screen and a phone.

use std::fs;
use std::time::Duration;

use keyward::manage::{Actor, Context, EventKind, KeyDraft, Role, WebhookUpdate};
use keyward_needs::needs;
use keyward_tests::program::test_package;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::embedding::{self, Host};
use crate::requests;
use crate::routes::{is_at, pages_of_the_dashboard};
use crate::security::{App, type_code, type_password};
use crate::site::{EMAIL, PASSWORD, Site, add_spans};
use crate::webhooks::Receiver;

pub(crate) fn axe() -> String {
    fs::read_to_string(test_package("axe").join("node_modules/axe-core/axe.min.js")).unwrap()
}

async fn findings(browser: &Browser, axe: &str) -> Value {
    browser.run(axe, vec![]).await;
    let script = "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}) \
        .then((found) => done([found.passes.length, \
        found.violations.map((v) => [v.impact, v.id, v.help, v.nodes.map((n) => n.html + ' ' + n.failureSummary)])]))";
    let mut found = browser.client.execute_async(script, vec![]).await.unwrap();
    assert!(found[0].as_u64().unwrap() >= 10, "axe has checked too little: {found}");
    found[1].take()
}

pub(crate) const SIZES: [(&str, u32); 2] = [("wide", 1_280), ("phone", 320)];

/// Chromium has no window as narrow as a phone. Use the method of its device mode.
pub(crate) async fn emulate(browser: &Browser, width: u32) {
    let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.emulate(metrics).await;
}

pub(crate) async fn choose_theme(browser: &Browser, theme: &str) {
    browser.go("/settings").await;
    browser.choose("theme", theme).await;
    browser.press("Save theme").await;
    browser.find(&format!("html[data-theme={theme}]")).await;
}

pub(crate) async fn look(browser: &Browser, axe: &str, name: &str, theme: &str, size: &str) -> Vec<String> {
    let mut serious = Vec::new();
    let found = findings(browser, axe).await;
    if found != json!([]) {
        serious.push(format!("{name} {theme} {size}: {found:#}"));
    }
    let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let overflow = browser.run(overflow, vec![]).await;
    if overflow != json!(0) {
        serious.push(format!("{name} {theme} {size} is {overflow} pixels too wide"));
    }
    browser.picture(&format!("{size}-{theme}-{name}")).await;
    serious
}

async fn furnish(site: &Site, receiver: &Receiver) -> (String, String, String) {
    let owner = site.owner().await;
    let account: keyward::AccountId = "operator".parse().unwrap();
    let (mut ids, mut plain) = (Vec::new(), Vec::new());
    for (name, scopes, mode) in [
        ("production server", None, keyward::Mode::Live),
        ("staging", None, keyward::Mode::Test),
        ("nightly export", Some("resources:read"), keyward::Mode::Live),
        ("partner: Acme Ltd", Some("resources:read resources:write"), keyward::Mode::Live),
        ("old laptop", None, keyward::Mode::Test),
    ] {
        let mut draft = KeyDraft::secret(account.clone(), name);
        if let Some(scopes) = scopes {
            (draft.kind, draft.scopes) = (keyward::key::KeyKind::Restricted, scopes.parse().unwrap());
        }
        draft.mode = mode;
        draft.user = owner.user().filter(|_| name == "staging").cloned();
        if name == "nightly export" {
            let now: keyward::Timestamp = std::time::SystemTime::now().into();
            draft.expires_at = Some(now.saturating_add(Duration::from_secs(6 * 24 * 3_600)));
        }
        let issued = site.management.create_key(&owner, draft).await.unwrap();
        ids.push(issued.view.id);
        plain.push(issued.key.expose_once().to_string());
    }
    let service = requests::service(site);
    for path in ["/v1/secrets", "/v1/videos/7", "/elsewhere"] {
        requests::call(&service, &plain[0], path).await;
    }
    let phone = Context::new().address([192, 0, 2, 7]).user_agent("Mozilla/5.0 (Android 10; Mobile) Firefox/133.0");
    site.management.sign_in(&phone, EMAIL, PASSWORD).await.unwrap();
    site.management.issue_tokens(&Context::new().user_agent("keyward/0.1.0"), EMAIL, PASSWORD).await.unwrap();
    let system = Actor::system("test", Context::new());
    let other = keyward::AccountRecord::new("acct_inviting".parse().unwrap(), "Inviting Ltd");
    site.management.import_account(&system, &other).await.unwrap();
    site.management.invite(&system, &other.id, EMAIL, Role::Developer).await.unwrap();
    site.management.set_key_disabled(&owner, &ids[1], true).await.unwrap();
    site.management.revoke_key(&owner, &ids[4]).await.unwrap();
    for (email, role) in [("grace@example.com", Role::Admin), ("linus@example.com", Role::Developer)] {
        let invited = site.management.invite(&owner, &account, email, role).await.unwrap();
        site.management.accept_invitation(&Context::new(), &invited.secret, email, PASSWORD).await.unwrap();
    }
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    for back in 0..30_u64 {
        for (place, id) in ids.iter().enumerate() {
            let wave = 900 + (back * 7_919 + place as u64 * 104_729) % 700;
            let times = wave / (place as u64 * 3 + 1) * if back % 7 < 2 { 1 } else { 2 };
            let refusals = [
                ("insufficient_scope", times / 40),
                ("key_revoked", if place == 4 { times / 9 } else { 0 }),
                ("rate_limit_exceeded", times / 60),
            ];
            let accepted = if place == 4 { 0 } else { times };
            for (outcome, times) in [("accepted", accepted)].into_iter().chain(refusals) {
                if times > 0 {
                    let row = (id.as_str(), (today - back) as i64, outcome, times as i64);
                    connection.execute("INSERT INTO desk_counts VALUES ('operator', ?1, ?2, ?3, ?4)", row).unwrap();
                    add_spans(&connection, (today - back) as i64, id.as_str(), outcome, times as i64);
                    let mode = if place == 1 || place == 4 { "test" } else { "live" };
                    for (unit, start) in [("day", today - back), ("hour", today * 24 - back)] {
                        let row = (unit, start as i64, mode, outcome, times as i64);
                        let sql = "INSERT INTO desk_modes VALUES ('operator', ?1, ?2, ?3, ?4, ?5) \
                            ON CONFLICT DO UPDATE SET times = times + excluded.times";
                        connection.execute(sql, row).unwrap();
                    }
                }
            }
        }
    }
    for (place, id) in ids.iter().enumerate() {
        for (scope, outcome, times) in [
            ("resources:read", "accepted", 9_000),
            ("resources:write", "accepted", 1_200),
            ("resources:write", "insufficient_scope", 800),
            ("a-very-long-resource-of-a-service:an-action-with-a-long-name", "insufficient_scope", 1),
        ] {
            let times = times / (place as i64 + 1);
            for key in [id.as_str(), ""] {
                let sql = "INSERT INTO desk_scopes VALUES ('operator', ?1, ?2, ?3, ?4, ?5) \
                    ON CONFLICT DO UPDATE SET times = times + excluded.times";
                connection.execute(sql, (key, today as i64, scope, outcome, times)).unwrap();
            }
        }
    }
    let plan = keyward::manage::Plan { description: "For teams".to_owned(), ..keyward::manage::Plan::new("Pro") };
    site.management.put_plan(&owner, plan.with_key_limit(100), None).await.unwrap();
    let kinds = [EventKind::KeyRevoked, EventKind::KeyCompromised];
    let issued = site.management.create_webhook(&owner, &account, &receiver.url(), "Alerts", &kinds).await.unwrap();
    let webhook = issued.webhook.id;
    // One delivery in each state.
    for status in [204, 410, 500] {
        receiver.answer(status);
        site.management.test_webhook(&owner, &account, &webhook).await.unwrap();
        site.management.deliver_events().await.unwrap();
        let known = site.management.webhook(&owner, &account, &webhook).await.unwrap();
        let enabled = WebhookUpdate { enabled: Some(true), ..WebhookUpdate::default() };
        site.management.update_webhook(&owner, &account, &webhook, enabled, known.version).await.unwrap();
    }
    let long = format!("https://example.com/{}", "a".repeat(200));
    site.management.create_webhook(&owner, &account, &long, "", &[]).await.unwrap();
    (ids[0].to_string(), owner.user().unwrap().to_string(), webhook)
}

/// Those after `login` are looked at without a session. A name without a path is a page after a form.
const PAGES: [(&str, &str); 46] = [
    ("keys", "/accounts/operator/keys"),
    ("keys-inactive", "/accounts/operator/keys?inactive=1"),
    ("keys-revoke", "/accounts/operator/keys/selected?action=revoke&id={key}"),
    ("key-new", "/accounts/operator/keys/new?kind=restricted&expires=on"),
    ("key", "/accounts/operator/keys/{key}"),
    ("key-edit", "/accounts/operator/keys/{key}/edit"),
    ("key-requests", "/accounts/operator/keys/{key}/requests"),
    ("key-rotate", "/accounts/operator/keys/{key}/rotate"),
    ("key-revoke", "/accounts/operator/keys/{key}/revoke"),
    ("usage", "/accounts/operator/usage"),
    ("usage-hours", "/accounts/operator/usage?days=1&outcome=key_revoked"),
    ("usage-quarter", "/accounts/operator/usage?days=90&mode=test"),
    ("members", "/accounts/operator/members"),
    ("member-remove", "/accounts/operator/members/{user}/remove"),
    ("member-keys", "/accounts/operator/members/{user}/keys"),
    ("member-reset", "/accounts/operator/members/{user}/reset"),
    ("webhooks", "/accounts/operator/webhooks"),
    ("webhook-new", "/accounts/operator/webhooks/new"),
    ("webhook", "/accounts/operator/webhooks/{webhook}"),
    ("webhook-edit", "/accounts/operator/webhooks/{webhook}/edit"),
    ("webhook-rotate", "/accounts/operator/webhooks/{webhook}/rotate"),
    ("webhook-remove", "/accounts/operator/webhooks/{webhook}/remove"),
    ("webhook-made", ""),
    ("accounts", "/accounts"),
    ("account-new", "/accounts/new"),
    ("account-suspend", "/accounts/operator/suspend"),
    ("account-delete", "/accounts/{customer}/delete"),
    ("plans", "/plans"),
    ("plan", "/plans/Pro"),
    ("plan-remove", "/plans/Pro/remove"),
    ("users", "/users"),
    ("user", "/users/{user}"),
    ("user-delete", "/users/{user}/delete"),
    ("audit", "/accounts/operator/audit"),
    ("account", "/accounts/operator/settings"),
    ("settings", "/settings"),
    ("appearance", "/settings/appearance"),
    ("api", "/settings/api"),
    ("invitations", "/invitations"),
    ("sign-in-link", "/login/link?link=kwl_wrong"),
    ("not-found", "/accounts/operator/keys/key_nobody"),
    ("key-made", ""),
    ("login", "/login"),
    ("register", "/register"),
    ("forgot", "/forgot"),
    ("reset", "/reset"),
];

const FACTOR_PAGES: [(&str, &str); 4] = [
    ("passkey", "/settings/second-factor/passkeys/{passkey}"),
    ("member-factor", "/accounts/operator/members/{user}/second-factor"),
    ("factor", "/settings/second-factor"),
    ("code", "/login/code"),
];

/// Routes that show no page.
const NO_PAGES: [(&str, &str); 14] = [
    ("/dashboard/{asset}", "a file"),
    ("/accounts/{account}/keys/export", "a file"),
    ("/accounts/{account}/usage/export", "a file"),
    ("/accounts/{account}/audit/export", "a file"),
    ("/keys", "leads to the page of an account"),
    ("/keys/new", "leads to the page of an account"),
    ("/keys/{id}", "leads to the page of an account"),
    ("/usage", "leads to the page of an account"),
    ("/members", "leads to the page of an account"),
    ("/webhooks", "leads to the page of an account"),
    ("/audit", "leads to the page of an account"),
    ("/account", "leads to the page of an account"),
    ("/accounts/{account}/keys/test", "leads to the list. A form shows its page"),
    ("/login/oidc", "leads to the identity provider, and the route below it back"),
];

#[test]
fn each_page_of_the_dashboard_is_looked_at() {
    let routes = pages_of_the_dashboard();
    let seen = PAGES.iter().chain(&FACTOR_PAGES).map(|(_, path)| *path).filter(|path| !path.is_empty());
    let seen: Vec<&str> = seen.map(|path| path.split('?').next().unwrap()).collect();
    // The most exact route answers.
    let route_of = |path: &str| {
        let matching = routes.iter().filter(|route| is_at(route, path));
        matching.min_by_key(|route| route.matches('{').count()).unwrap_or_else(|| panic!("{path} is no route"))
    };
    let seen: Vec<&String> = seen.into_iter().map(route_of).collect();
    for (route, _) in NO_PAGES {
        assert!(routes.iter().any(|known| known == route), "{route} is no route: remove it from NO_PAGES");
        assert!(!seen.iter().any(|known| *known == route), "{route} is looked at: remove it from NO_PAGES");
    }
    let is_none = |route: &str| NO_PAGES.iter().any(|(known, _)| *known == route) || route.starts_with("/login/oidc/");
    let missing: Vec<_> = routes.iter().filter(|route| !seen.contains(route) && !is_none(route)).collect();
    assert!(missing.is_empty(), "add these to PAGES, or to NO_PAGES with the reason: {missing:#?}");
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_on_any_page_light_or_dark_and_all_of_it_fits_a_phone() {
    let networks = ["127.0.0.0/8".parse().unwrap()];
    let site = Site::calling_its_api(|management| management.webhook_networks(networks).recent_requests()).await;
    site.add_owner().await;
    let receiver = Receiver::start().await;
    let (key, user, webhook) = furnish(&site, &receiver).await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let mut serious = Vec::new();
    for theme in ["light", "dark"] {
        for (name, path) in &PAGES {
            let path = if matches!(*name, "account-delete") {
                path.replace("{customer}", customer.as_str())
            } else {
                (*path).to_owned()
            };
            let path = path.replace("{key}", &key).replace("{user}", &user).replace("{webhook}", &webhook);
            if *name == "keys" {
                browser.sign_in().await;
                choose_theme(&browser, theme).await;
            }
            if *name == "login" {
                browser.press_in_user_menu("Sign out").await;
                browser.find(&format!("html[data-theme={theme}]")).await;
            }
            for (size, width) in SIZES {
                emulate(&browser, width).await;
                if *name == "webhook-made" {
                    browser.go(&format!("/accounts/operator/webhooks/{webhook}/rotate")).await;
                    browser.press("Rotate").await;
                    browser.find("#secret").await;
                } else if path.is_empty() {
                    browser.create_key("shown once").await;
                } else {
                    browser.go(&path).await;
                }
                if matches!(*name, "webhook" | "audit") {
                    browser
                        .run("for (const one of document.querySelectorAll('main details')) one.open = true", vec![])
                        .await;
                }
                serious.extend(look(&browser, &axe, name, theme, size).await);
            }
            emulate(&browser, 1_280).await;
        }
    }
    browser.close().await;
    assert!(serious.is_empty(), "{}", serious.join("\n"));
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_on_the_pages_of_a_second_factor() {
    let (mut app, site) = App::with_site().await;
    let user = app.set_up_member(&site, "grace@example.com").await;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let mut serious = Vec::new();
    browser.sign_in().await;
    for theme in ["light", "dark"] {
        choose_theme(&browser, theme).await;
        for step in
            ["members", "member-factor", "factor", "factor-set-up", "recovery-codes", "factor-on", "code", "code-wrong"]
        {
            match step {
                "members" => browser.go("/accounts/operator/members").await,
                "member-factor" => browser.go(&format!("/accounts/operator/members/{user}/second-factor")).await,
                "factor" => browser.go("/settings/second-factor").await,
                "factor-set-up" => {
                    browser.fill("password", crate::site::PASSWORD).await;
                    browser.press("Set up").await;
                    app.enter(&browser.text_of("#secret").await);
                }
                "recovery-codes" => {
                    browser.fill("code", &app.code()).await;
                    browser.press("Turn on").await;
                    browser.find("#codes").await;
                }
                "factor-on" => {
                    browser.click("a[download]").await;
                    browser.press("Done, I have stored the codes").await;
                    browser.see("You have 10 recovery codes left").await;
                }
                "code" => {
                    browser.press_in_user_menu("Sign out").await;
                    type_password(&browser).await;
                }
                _ => {
                    type_code(&browser, "000000").await;
                    browser.see("The code is wrong or was used before").await;
                }
            }
            for (size, width) in SIZES {
                emulate(&browser, width).await;
                serious.extend(look(&browser, &axe, step, theme, size).await);
            }
            emulate(&browser, 1_280).await;
        }
        type_code(&browser, &app.code()).await;
        browser.find("nav[aria-label=Main]").await;
        browser.go("/settings/second-factor").await;
        browser.find("#remove-code").await.send_keys(&app.code()).await.unwrap();
        browser.click("button.danger").await;
        browser.see("Your second factor is removed").await;
    }
    browser.close().await;
    assert!(serious.is_empty(), "{}", serious.join("\n"));
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_on_the_pages_of_passkeys() {
    let (_app, site) = App::with_site().await;
    let axe = axe();
    let browser = Browser::open_at(site.local_url()).await;
    browser.add_authenticator().await;
    let mut serious = Vec::new();
    browser.sign_in().await;
    for theme in ["light", "dark"] {
        choose_theme(&browser, theme).await;
        for step in ["password-wrong", "passkey-begun", "passkeys", "passkey", "code-wrong", "sign-in", "refused"] {
            match step {
                "password-wrong" => begin_passkey(&browser, "wrong").await,
                "passkey-begun" => begin_passkey(&browser, PASSWORD).await,
                "passkeys" => {
                    browser.press("Create the passkey “Laptop”").await;
                    browser.find("#codes").await;
                    browser.click("a[download]").await;
                    browser.press("Done, I have stored the codes").await;
                    browser.see("You have 10 recovery codes left").await;
                }
                "passkey" => browser.press("Change Laptop").await,
                "code-wrong" => {
                    browser.fill("code", "000000").await;
                    browser.press("Remove passkey").await;
                    browser.see("The code is wrong or was used before").await;
                }
                "sign-in" => {
                    browser.press_in_user_menu("Sign out").await;
                    browser.fill("email", EMAIL).await;
                    browser.fill("password", PASSWORD).await;
                    browser.press("Sign in").await;
                    browser.see("Confirm your sign-in").await;
                }
                _ => {
                    let broken = "const form = document.querySelector('form[data-passkey]'); \
                        form.elements.passkey.value = '{}'; form.requestSubmit()";
                    browser.run(broken, vec![]).await;
                    browser.see("The passkey was not accepted").await;
                }
            }
            for (size, width) in SIZES {
                emulate(&browser, width).await;
                serious.extend(look(&browser, &axe, step, theme, size).await);
            }
            emulate(&browser, 1_280).await;
        }
        browser.press("Use a passkey").await;
        browser.find("nav[aria-label=Main]").await;
        browser.go("/settings/second-factor").await;
        browser.press("Turn off with a passkey").await;
        browser.see("Your second factor is removed").await;
    }
    browser.close().await;
    assert!(serious.is_empty(), "{}", serious.join("\n"));
}

async fn begin_passkey(browser: &Browser, password: &str) {
    browser.go("/settings/second-factor").await;
    browser.find("#passkey-name").await.send_keys("Laptop").await.unwrap();
    browser.find("#passkey-password").await.send_keys(password).await.unwrap();
    browser.press("Add a passkey").await;
    browser.see(if password == PASSWORD { "You have 5 minutes" } else { "The current password is wrong" }).await;
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_on_pages_that_ask_to_sign_in_again() {
    let recent = Duration::from_secs(600);
    let (site, clock) = Site::with_clock(|management| management.recent_sign_in(recent)).await;
    site.add_owner().await;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let mut serious = Vec::new();
    for theme in ["light", "dark"] {
        browser.sign_in().await;
        choose_theme(&browser, theme).await;
        clock.advance(2 * recent);
        browser.go("/accounts/operator/keys/new").await;
        browser.see("sign in again before you create a key").await;
        for (size, width) in SIZES {
            emulate(&browser, width).await;
            serious.extend(look(&browser, &axe, "sign-in-again", theme, size).await);
        }
        emulate(&browser, 1_280).await;
        browser.client.delete_cookie("keyward_session").await.unwrap();
    }
    browser.close().await;
    assert!(serious.is_empty(), "{}", serious.join("\n"));
}

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_is_found_in_a_frame() {
    let host = Host::start().await;
    let site = embedding::site(&[host.origin("localhost")]).await;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let mut serious = Vec::new();
    for theme in ["light", "dark"] {
        let link = embedding::link(&site, "/keys").await;
        host.frame(&browser, "localhost", &site.url(&format!("/login/link?link={link}"))).await;
        browser.find("main a[href$='/keys/new']").await;
        browser.run("location.assign('/settings')", vec![]).await;
        browser.see("Your sessions").await;
        browser.choose("theme", theme).await;
        browser.press("Save theme").await;
        browser.find(&format!("html[data-theme={theme}]")).await;
        for (name, path, css) in [
            ("frame-keys", "/accounts/operator/keys", "main a[href$='/keys/new']"),
            ("frame-key-new", "/accounts/operator/keys/new", "main input[name=name]"),
        ] {
            browser.run("location.assign(arguments[0])", vec![json!(path)]).await;
            browser.find(css).await;
            for (size, width) in SIZES {
                browser.client.clone().enter_parent_frame().await.unwrap();
                browser.run("document.querySelector('iframe').width = arguments[0]", vec![json!(width)]).await;
                browser.find("iframe").await.enter_frame().await.unwrap();
                serious.extend(look(&browser, &axe, name, theme, size).await);
            }
        }
        browser.client.clone().enter_parent_frame().await.unwrap();
    }
    browser.close().await;
    assert!(serious.is_empty(), "{}", serious.join("\n"));
}
