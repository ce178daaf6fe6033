//! The common parts of all pages: header, menus, filters and errors.

use fantoccini::key::Key;
use keyward::manage::{AccountUpdate, Context, DashboardSettings, KeyDraft, NewUser};
use keyward::{AccountId, Timestamp};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};

const OVERFLOW: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[needs(browser)]
#[tokio::test]
async fn the_header_has_one_row_whatever_the_account_is_called() {
    let named = |_| {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 30"><path d="M0 0h120v30H0z"/></svg>"#;
        DashboardSettings::new("Acme Video Ltd").base("/").logo_svg(svg)
    };
    let site = Site::build_with(|management| management, named).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let operator: AccountId = "operator".parse().unwrap();
    let other = site.management.create_account(&owner, &"Customer ".repeat(11)).await.unwrap();
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    for name in [
        "A",
        &"Long ".repeat(14),
        &"X".repeat(100),
        "\u{5d7}\u{5d1}\u{5e8}\u{5d4} \u{5dc}\u{5d3}\u{5d5}\u{5d2}\u{5de}\u{5d4}",
    ] {
        let account = site.management.account(&owner, &operator).await.unwrap();
        let update = AccountUpdate { name: Some(name.trim().to_owned()), ..AccountUpdate::default() };
        site.management.update_account(&owner, &operator, &update, account.version).await.unwrap();
        // With one account the header names it, and with several it has a menu.
        let other = format!("/accounts/{}/keys", other.id);
        for (width, path) in [1_280, 1_030, 900, 390, 320]
            .into_iter()
            .flat_map(|width| [(width, "/accounts/operator/keys"), (width, &other)])
        {
            browser
                .emulate(json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}))
                .await;
            browser.go(path).await;
            assert_eq!(browser.run(OVERFLOW, vec![]).await, json!(0), "{name} at {width} pixels, {path}");
            let height = browser.run("return document.querySelector('.bar').offsetHeight", vec![]).await;
            assert!(
                height.as_u64().unwrap() < 64,
                "{name} at {width} pixels, {path}: the header is {height} pixels high"
            );
        }
    }
    // The operator's pages are in a menu of their own.
    browser.emulate(json!({"width": 1_280, "height": 800, "deviceScaleFactor": 1, "mobile": false})).await;
    browser.press_summary("Operator").await;
    browser.press("Plans").await;
    browser.find("#operator-menu .here").await;
    browser.emulate(json!({"width": 320, "height": 800, "deviceScaleFactor": 1, "mobile": true})).await;
    // On a phone, the pages are behind a button.
    browser.go("/accounts/operator/keys").await;
    browser.press("Menu").await;
    browser.press("Members").await;
    browser.see("Invite a user").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_transparent_logo_has_a_light_plate_in_both_themes() {
    let named = |_| {
        let dark = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 30"><path fill="#111" d="M50 10h20v10H50z"/></svg>"##;
        DashboardSettings::new("Acme Video Ltd").base("/").logo_svg(dark)
    };
    let site = Site::build_with(|management| management, named).await;
    site.add_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    for theme in ["light", "dark"] {
        browser.go("/settings").await;
        browser.choose("theme", theme).await;
        browser.press("Save theme").await;
        browser.find(&format!("html[data-theme={theme}]")).await;
        let plate = "const image = document.querySelector('.brand img'), style = getComputedStyle(image); \
            return [image.complete && image.naturalWidth > 0, style.backgroundColor, parseFloat(style.paddingLeft) > 0]";
        assert_eq!(browser.run(plate, vec![]).await, json!([true, "rgb(255, 255, 255)", true]), "{theme}");
        browser.picture(&format!("logo-{theme}")).await;
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn menus_open_and_close_with_the_keyboard_and_accounts_are_searched() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for number in 1..=7 {
        site.management.create_account(&owner, &format!("Customer {number}")).await.unwrap();
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/accounts/operator/members").await;
    browser.run("document.querySelector('#account-menu > summary').focus()", vec![]).await;
    browser.keys(&char::from(Key::Enter).to_string()).await;
    browser.tab().await;
    browser.keys("customer 7").await;
    let shown =
        "return [...document.querySelectorAll('#account-list li:not([hidden])')].map(e => e.textContent.trim())";
    assert_eq!(browser.run(shown, vec![]).await, json!(["Customer 7"]));
    browser.keys(&char::from(Key::Escape).to_string()).await;
    assert_eq!(browser.run("return document.querySelector('#account-menu').open", vec![]).await, json!(false));
    browser.click("#account-menu > summary").await;
    browser.press("Customer 7").await;
    browser.see("Account Customer 7").await;
    // The theme changes in place.
    browser.press_in_user_menu("Dark").await;
    browser.find("html[data-theme=dark]").await;
    browser.see("Account Customer 7").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_filter_waits_for_its_button_and_keeps_the_focus() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.create_key("first").await;
    browser.go("/keys").await;
    browser.run("document.querySelector('#mode').focus()", vec![]).await;
    browser.keys(&char::from(Key::Down).to_string()).await;
    assert_eq!(browser.focused().await, "mode");
    assert_eq!(browser.path().await, "/accounts/operator/keys");
    browser.press("Filter").await;
    browser.find("#mode option[value=live][selected]").await;
    assert_eq!(browser.path().await, "/accounts/operator/keys?mode=live");
    browser.close().await;
    let mut client = Client::signed_in(&site).await;
    // Without a script, a browser sends the empty fields, too.
    let sent = client.get("/accounts/operator/keys?q=&mode=live&kind=").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/accounts/operator/keys?mode=live"));
}

#[tokio::test]
async fn keys_that_expire_are_counted_in_the_whole_account_without_replaced_ones() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account: AccountId = "operator".parse().unwrap();
    let now = Timestamp::from(std::time::SystemTime::now());
    let day = |days: i64| Some(Timestamp::from_millis(now.as_millis() + days * 86_400_000));
    let mut ids = Vec::new();
    for number in 0..30 {
        let mut draft = KeyDraft::secret(account.clone(), format!("key {number}"));
        draft.expires_at = match number {
            0..3 => day(3),
            3 => day(30),
            _ => None,
        };
        ids.push(site.management.create_key(&owner, draft).await.unwrap().view.id);
    }
    site.management.rotate_key(&owner, &ids[0], std::time::Duration::from_secs(3_600)).await.unwrap();
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/keys").await.body;
    // The successor of the first key expires as early as the key did.
    assert!(page.contains("<a href=\"/accounts/operator/keys?expires=soon\">3 keys expire</a>"), "{page}");
    assert!(page.contains("<span class=\"dim\">1 to 25 of 31 keys</span>"), "{page}");
    let page = client.get("/accounts/operator/keys?expires=soon").await.body;
    assert!(page.contains("<span class=\"dim\">3 keys</span>"), "{page}");
    assert!(!page.contains("key 3<") && page.contains("key 1<") && page.contains("replaces an old key"), "{page}");
}

#[tokio::test]
async fn a_key_is_found_by_its_name_its_id_and_its_last_characters() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account: AccountId = "operator".parse().unwrap();
    let mut client = Client::signed_in(&site).await;
    let wanted = site.management.create_key(&owner, KeyDraft::secret(account.clone(), "wanted")).await.unwrap();
    site.management.create_key(&owner, KeyDraft::secret(account, "other")).await.unwrap();
    let key = wanted.key.expose_once();
    for text in ["WANT", wanted.view.id.as_str(), &key[key.len() - 4..]] {
        let page = client.get(&format!("/accounts/operator/keys?q={text}")).await.body;
        assert!(page.contains(">wanted<") && !page.contains(">other<"), "{text}: {page}");
    }
}

#[tokio::test]
async fn errors_keep_the_navigation_and_name_what_is_missing() {
    let site = Site::with_owner().await;
    let context = Context::new();
    site.management.sign_up(&context, NewUser::new("nora@example.com", "Nora", PASSWORD)).await.unwrap();
    let session = site.management.sign_in(&context, "nora@example.com", PASSWORD).await.unwrap().session;
    let mut client = Client::new(&site).with("accept", "text/html,application/xhtml+xml");
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    for (path, text) in [
        ("/users", "This page does not exist"),
        ("/accounts", "This page does not exist"),
        ("/settings/appearance", "This page does not exist"),
        ("/accounts/operator/keys", "This account does not exist"),
        ("/nowhere", "This page does not exist"),
    ] {
        let page = client.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.body.contains(text) && page.body.contains("aria-label=\"Main\""), "{path}: {}", page.body);
    }
    let problem = Client::new(&site).get("/nowhere").await;
    assert_eq!((problem.status, problem.header("content-type")), (404, "application/problem+json"));
}

#[tokio::test]
async fn a_customer_is_offered_only_scopes_that_it_can_grant() {
    let site = Site::with_owner().await;
    let context = Context::new();
    site.management.sign_up(&context, NewUser::new("nora@example.com", "Nora", PASSWORD)).await.unwrap();
    let session = site.management.sign_in(&context, "nora@example.com", PASSWORD).await.unwrap().session;
    let mut client = Client::new(&site);
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    let page = client.get("/keys/new").await;
    let page = client.get(page.header("location")).await.body;
    assert!(page.contains("value=\"keys:write\"") && !page.contains("value=\"plans:write\""), "{page}");
}
