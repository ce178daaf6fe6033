//! axe finds nothing serious in light and dark colours, on a wide screen and a phone.

use std::fs;
use std::time::Duration;

use keyward::manage::{EventKind, KeyDraft, Role, WebhookUpdate};
use keyward_needs::needs;
use keyward_tests::program::test_package;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::security::{App, type_code, type_password};
use crate::site::Site;
use crate::webhooks::{self, Receiver};

fn axe() -> String {
    fs::read_to_string(test_package("axe").join("node_modules/axe-core/axe.min.js")).unwrap()
}

async fn findings(browser: &Browser, axe: &str) -> Value {
    browser.run(axe, vec![]).await;
    let script = "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}) \
        .then((found) => done([found.passes.length, \
        found.violations.filter((v) => ['serious', 'critical'].includes(v.impact)) \
        .map((v) => [v.id, v.help, v.nodes.map((n) => n.html + ' ' + n.failureSummary)])]))";
    let mut found = browser.client.execute_async(script, vec![]).await.unwrap();
    assert!(found[0].as_u64().unwrap() >= 10, "axe has checked too little: {found}");
    found[1].take()
}

const SIZES: [(&str, u32); 2] = [("wide", 1_280), ("phone", 320)];

/// Chromium has no window as narrow as a phone. Use the method of its device mode.
async fn emulate(browser: &Browser, width: u32) {
    let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500});
    browser.emulate(metrics).await;
}

async fn choose_theme(browser: &Browser, theme: &str) {
    browser.go("/settings").await;
    browser.choose("theme", theme).await;
    browser.press("Save theme").await;
    browser.find(&format!("html[data-theme={theme}]")).await;
}

async fn look(browser: &Browser, axe: &str, name: &str, theme: &str, size: &str) -> Vec<String> {
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
    let mut ids = Vec::new();
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
        ids.push(site.management.create_key(&owner, draft).await.unwrap().view.id);
    }
    site.management.set_key_disabled(&owner, &ids[1], true).await.unwrap();
    site.management.revoke_key(&owner, &ids[4]).await.unwrap();
    for (email, role) in [("grace@example.com", Role::Admin), ("linus@example.com", Role::Developer)] {
        let invited = site.management.invite(&owner, &account, email, role).await.unwrap();
        site.management
            .accept_invitation(&keyward::manage::Context::new(), &invited.secret, email, crate::site::PASSWORD)
            .await
            .unwrap();
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

#[needs(browser, axe)]
#[tokio::test]
async fn nothing_serious_is_found_on_any_page_light_or_dark_and_all_of_it_fits_a_phone() {
    let (site, receiver) = (webhooks::site().await, Receiver::start().await);
    let (key, user, webhook) = furnish(&site, &receiver).await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let axe = axe();
    let browser = Browser::open(&site).await;
    let pages = [
        ("keys", "/accounts/operator/keys".to_owned()),
        ("keys-inactive", "/accounts/operator/keys?inactive=1".to_owned()),
        ("keys-revoke", format!("/accounts/operator/keys/selected?action=revoke&id={key}")),
        ("key-new", "/accounts/operator/keys/new?kind=restricted&expires=on".to_owned()),
        ("key", format!("/accounts/operator/keys/{key}")),
        ("key-edit", format!("/accounts/operator/keys/{key}/edit")),
        ("key-rotate", format!("/accounts/operator/keys/{key}/rotate")),
        ("key-revoke", format!("/accounts/operator/keys/{key}/revoke")),
        ("usage", "/accounts/operator/usage".to_owned()),
        ("usage-hours", "/accounts/operator/usage?days=1&outcome=key_revoked".to_owned()),
        ("usage-quarter", "/accounts/operator/usage?days=90&mode=test".to_owned()),
        ("members", "/accounts/operator/members".to_owned()),
        ("member-remove", format!("/accounts/operator/members/{user}/remove")),
        ("member-keys", format!("/accounts/operator/members/{user}/keys")),
        ("member-reset", format!("/accounts/operator/members/{user}/reset")),
        ("webhooks", "/accounts/operator/webhooks".to_owned()),
        ("webhook-new", "/accounts/operator/webhooks/new".to_owned()),
        ("webhook", format!("/accounts/operator/webhooks/{webhook}")),
        ("webhook-edit", format!("/accounts/operator/webhooks/{webhook}/edit")),
        ("webhook-rotate", format!("/accounts/operator/webhooks/{webhook}/rotate")),
        ("webhook-remove", format!("/accounts/operator/webhooks/{webhook}/remove")),
        ("webhook-made", String::new()),
        ("accounts", "/accounts".to_owned()),
        ("account-new", "/accounts/new".to_owned()),
        ("account-suspend", "/accounts/operator/suspend".to_owned()),
        ("account-delete", format!("/accounts/{customer}/delete")),
        ("plans", "/plans".to_owned()),
        ("plan", "/plans/Pro".to_owned()),
        ("plan-remove", "/plans/Pro/remove".to_owned()),
        ("users", "/users".to_owned()),
        ("user", format!("/users/{user}")),
        ("user-delete", format!("/users/{user}/delete")),
        ("audit", "/accounts/operator/audit".to_owned()),
        ("account", "/accounts/operator/settings".to_owned()),
        ("settings", "/settings".to_owned()),
        ("appearance", "/settings/appearance".to_owned()),
        ("api", "/settings/api".to_owned()),
        ("not-found", "/accounts/operator/keys/key_nobody".to_owned()),
        ("key-made", String::new()),
        ("login", "/login".to_owned()),
        ("register", "/register".to_owned()),
        ("forgot", "/forgot".to_owned()),
        ("reset", "/reset".to_owned()),
    ];
    let mut serious = Vec::new();
    for theme in ["light", "dark"] {
        for (name, path) in &pages {
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
                    browser.go(path).await;
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
async fn nothing_serious_is_found_on_the_pages_of_a_second_factor() {
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
