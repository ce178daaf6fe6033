use std::time::Duration;

use keyward::NewKey;
use keyward::manage::KeyDraft;
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site, keep_log};

#[needs(browser)]
#[tokio::test]
async fn from_the_first_owner_to_a_revoked_key() {
    keep_log();
    let site = Site::start().await;
    let system = keyward::manage::Actor::system("test", keyward::manage::Context::new());
    let invitation = site.management.invite_first_owner(&system, EMAIL).await.unwrap().secret;
    let browser = Browser::open(&site).await;
    let mut pages = Vec::new();

    browser.go("/keys").await;
    assert_eq!(browser.path().await, "/login");
    browser.go(&format!("/register?invitation={}", *invitation)).await;
    browser.fill("name", "Ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Set password").await;
    browser.see("Your password is set").await;
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("No keys yet").await;
    browser.picture("keys-empty").await;
    let session = browser.cookie("keyward_session").await;

    browser.press("Create your first key").await;
    browser.fill("name", "production server").await;
    browser.choose("mode", "live").await;
    browser.choose("kind", "restricted").await;
    browser.choose("scope", "resources:read").await;
    browser.picture("key-new").await;
    browser.press("Create key").await;
    let key = browser.text_of("#key").await;
    assert!(key.starts_with("kwr_live_"), "{key}");
    assert_eq!(browser.text_of("#env").await, format!("EXAMPLE_API_KEY={key}"));
    assert!(browser.text_of("#curl").await.contains(&format!("Bearer {key}")));
    assert!(!browser.path().await.contains(&key));
    browser.picture("key-made").await;

    // The page warns before leaving until the key was copied.
    let guarded = "return !dispatchEvent(new Event('beforeunload', {cancelable: true}))";
    assert_eq!(browser.run(guarded, vec![]).await, json!(true));
    browser.click("[data-done]").await;
    browser.see("You have not copied the key").await;
    browser.click("[data-copy=key]").await;
    browser.see("Copied.").await;
    assert_eq!(browser.run(guarded, vec![]).await, json!(false));

    assert_eq!(site.call_api(&key).await, 200);
    let stored = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])";
    assert_eq!(browser.run(stored, vec![]).await, json!("[{},{},\"\"]"));

    browser.click("[data-done]").await;
    browser.see("production server").await;
    // The clipboard has the key.
    browser.go("/keys").await;
    browser.click("#q").await;
    browser.keys("\u{e009}v\u{e000}").await;
    let pasted = browser.find("#q").await.prop("value").await.unwrap().unwrap();
    assert_eq!(pasted, key);
    browser.go("/keys").await;
    pages.push(browser.html().await);
    browser.picture("keys").await;

    // Neither going back nor reloading shows the key.
    browser.client.back().await.unwrap();
    browser.client.back().await.unwrap();
    assert!(!browser.html().await.contains(&key));
    browser.client.refresh().await.unwrap();
    assert!(!browser.html().await.contains(&key));

    browser.go("/keys").await;
    browser.press("production server").await;
    browser.see("resources:read").await;
    pages.push(browser.html().await);
    browser.picture("key").await;

    browser.press("Rotate").await;
    browser.picture("key-rotate").await;
    browser.press("Rotate").await;
    browser.see("The old key stays valid until").await;
    let successor = browser.text_of("#key").await;
    assert_ne!(successor, key);
    let successor_page = browser.path().await;
    assert_eq!((site.call_api(&key).await, site.call_api(&successor).await), (200, 200));
    browser.client.refresh().await.unwrap();
    browser.see("Replaces").await;
    assert!(!browser.html().await.contains(&successor));
    site.authenticator.shutdown().await;

    browser.press("Revoke").await;
    browser.see("You can't undo this").await;
    browser.see("in the last 24 hours").await;
    browser.picture("key-revoke").await;
    browser.press("Revoke the key").await;
    browser.see("The key is revoked. Effective").await;
    assert_eq!(browser.path().await, successor_page);
    browser.picture("key-revoked").await;
    browser.client.refresh().await.unwrap();
    assert!(!browser.text().await.contains("Effective"), "the message is shown again after a reload");

    for path in ["/keys?inactive=1", "/usage", "/audit", "/settings", "/members"] {
        browser.go(path).await;
        pages.push(browser.html().await);
    }
    browser.press_in_user_menu("Sign out").await;
    browser.see("You are signed out").await;
    browser.close().await;

    let secrets = [key.as_str(), &successor, PASSWORD, &session, &invitation];
    for page in pages {
        for secret in secrets {
            assert!(!page.contains(secret), "a secret is on a page that can be loaded again");
        }
    }
    site.assert_kept_nowhere(&secrets);
}

#[needs(browser)]
#[tokio::test]
async fn a_revoked_key_is_refused_and_an_old_one_that_is_used_is_told() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let (key, id) = browser.create_key("worker").await;
    assert_eq!(site.call_api(&key).await, 200);

    browser.go(&format!("/accounts/operator/keys/{id}/rotate")).await;
    browser.choose("overlap", "1h").await;
    browser.press("Rotate").await;
    let successor = browser.text_of("#key").await;
    // Uses are recorded in the background.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(site.call_api(&key).await, 200);
    let mut seen = false;
    for _ in 0..100 {
        browser.go(&format!("/accounts/operator/keys/{id}")).await;
        seen = browser.text().await.contains("The old key is still in use");
        if seen {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(seen);
    browser.picture("old-key-still-used").await;

    browser.go(&format!("/accounts/operator/keys/{id}/revoke")).await;
    browser.press("Revoke the key").await;
    browser.see("Effective everywhere after").await;
    assert_eq!((site.call_api(&key).await, site.call_api(&successor).await), (401, 200));
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn two_tabs_that_revoke_the_same_key_are_both_told() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let (_, id) = browser.create_key("shared").await;
    browser.go(&format!("/accounts/operator/keys/{id}/revoke")).await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second).await.unwrap();
    browser.go(&format!("/accounts/operator/keys/{id}/revoke")).await;
    browser.press("Revoke the key").await;
    browser.see("The key is revoked.").await;
    browser.client.switch_to_window(first).await.unwrap();
    browser.press("Revoke the key").await;
    browser.see("The key was already revoked").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_double_click_makes_one_key_with_a_script_and_without() {
    // A double click takes up to two seconds, so the time stands still.
    let (site, _) = Site::with_owner_and_clock().await;
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.go("/keys/new").await;
        browser.fill("name", "clicked twice").await;
        let button = browser.find(".new-key .actions button").await;
        let (a, b) = (button.clone(), button);
        // The page may be gone before the second click.
        a.click().await.unwrap();
        let _ = b.click().await;
        browser.see("you won't see it again").await;
        assert!(browser.text_of("#key").await.starts_with("kw_test_"));
        browser.close().await;
    }
    let owner = site.owner().await;
    let query = keyward::store::KeyQuery { account: Some("operator".parse().unwrap()), ..Default::default() };
    assert_eq!(site.management.keys(&owner, &query).await.unwrap().items.len(), 2);
}

#[needs(browser)]
#[tokio::test]
async fn everything_works_without_a_script() {
    let site = Site::with_owner().await;
    let browser = Browser::open_without_script(&site).await;
    browser.sign_in().await;
    browser.go("/keys/new").await;
    browser.fill("name", "no script").await;
    browser.press("Create key").await;
    let key = browser.text_of("#key").await;
    assert_eq!(site.call_api(&key).await, 200);
    browser.picture("key-made-without-script").await;
    browser.press("Done, I have stored the key").await;
    browser.see("no script").await;
    browser.press("Disable").await;
    browser.see("Disable 1 key?").await;
    assert_eq!(site.call_api(&key).await, 200, "nothing is disabled before it is confirmed");
    browser.press("Disable the key").await;
    browser.see("The key is disabled").await;
    assert_eq!(site.call_api(&key).await, 401);
    browser.press("Enable").await;
    browser.see("The key is enabled").await;
    assert_eq!(site.call_api(&key).await, 200);
    browser.fill("name", "another name").await;
    browser.press("Rename").await;
    browser.see("The name is changed").await;
    browser.press("Revoke").await;
    browser.press("Revoke the key").await;
    browser.see("Effective everywhere").await;
    assert_eq!(site.call_api(&key).await, 401);
    browser.go("/settings").await;
    browser.choose("theme", "dark").await;
    browser.press("Save theme").await;
    browser.find("html[data-theme=dark]").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn names_are_shown_as_they_are_and_run_nowhere() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    for name in [
        "<script>window.ran = 1</script><img src=x onerror='window.ran=1'>",
        "\"><b>bold",
        "🔑 schlüssel",
        "مفتاح الإنتاج abc",
    ] {
        let owner = site.owner().await;
        let new = NewKey::secret("operator".parse().unwrap(), name);
        let id = site.management.create_key(&owner, KeyDraft::of(Default::default(), new)).await.unwrap().view.id;
        for path in [
            "/keys".to_owned(),
            format!("/accounts/operator/keys/{id}"),
            format!("/accounts/operator/keys/{id}/revoke"),
            "/audit".to_owned(),
        ] {
            browser.go(&path).await;
            let shown =
                "return [...document.querySelectorAll('bdi')].some((name) => name.textContent === arguments[0])";
            assert_eq!(browser.run(shown, vec![json!(name)]).await, json!(true), "{name} on {path}");
            assert_eq!(browser.run("return window.ran === undefined", vec![]).await, json!(true), "{name} on {path}");
            assert_eq!(
                browser.run("return document.querySelectorAll('main img, main b, main script').length", vec![]).await,
                json!(0)
            );
        }
    }
    browser.go("/keys").await;
    browser.picture("names").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn filters_are_in_the_url_and_inactive_keys_behind_a_link() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account: keyward::AccountId = "operator".parse().unwrap();
    for number in 0..30 {
        let mut draft = KeyDraft::secret(account.clone(), format!("key {number}"));
        if number % 2 == 0 {
            draft.mode = keyward::Mode::Test;
        }
        let id = site.management.create_key(&owner, draft).await.unwrap().view.id;
        if number < 3 {
            site.management.revoke_key(&owner, &id).await.unwrap();
        }
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.see("Show inactive (3)").await;
    let rows = async || browser.client.find_all(fantoccini::Locator::Css("tbody tr")).await.unwrap().len();
    assert_eq!(rows().await, 25);
    browser.press("Next page").await;
    browser.see("Previous page").await;
    assert_eq!(rows().await, 2);

    browser.go("/keys").await;
    browser.click("#mode option[value=test]").await;
    browser.press("Filter").await;
    browser.find("#mode option[value=test][selected]").await;
    assert_eq!(browser.path().await, "/accounts/operator/keys?mode=test");
    assert_eq!(rows().await, 13);
    browser.press("Show inactive (2)").await;
    browser.see("Hide inactive (2)").await;
    assert_eq!(rows().await, 15);
    browser.fill("q", "key 10").await;
    browser.keys("\u{e007}").await;
    browser.find("#q[value='key 10']").await;
    assert_eq!(rows().await, 1);
    browser.go("/keys?status=revoked").await;
    assert_eq!(rows().await, 3);
    browser.go("/keys?q=nothing").await;
    browser.see("No keys match the filter").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn an_empty_account_shows_first_steps_that_tick_themselves() {
    let site = Site::with_owner().await;
    let browser = Browser::open_without_script(&site).await;
    browser.sign_in().await;
    let done = async || browser.client.find_all(fantoccini::Locator::Css(".checklist .done")).await.unwrap().len();
    browser.see("First steps").await;
    assert_eq!(done().await, 0);
    browser.picture("first-steps").await;
    let (key, _) = browser.create_key("first").await;
    browser.go("/keys").await;
    assert_eq!(done().await, 1);
    assert_eq!(site.call_api(&key).await, 200);
    site.authenticator.shutdown().await;
    site.management.flush_usage().await.unwrap();
    let owner = site.owner().await;
    let account = "operator".parse().unwrap();
    site.management.invite(&owner, &account, "grace@example.com", keyward::manage::Role::Admin).await.unwrap();
    browser.go("/keys").await;
    assert_eq!(done().await, 3);
    browser.see("Set up expiry notices").await;
    browser.picture("first-steps-ticked").await;
    browser.press("Hide").await;
    browser.see("Download as CSV").await;
    assert!(!browser.text().await.contains("First steps"));
    browser.close().await;
}

/// The number of keys says nothing about the other steps.
#[tokio::test]
async fn first_steps_stay_until_they_are_done_or_hidden() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for number in 0..30 {
        let name = format!("key {number}");
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), name)).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    let list = "/accounts/operator/keys";
    let done = |page: &str| page.matches("<li class=\"done\">").count();
    let page = client.get(list).await;
    assert!(page.body.contains("First steps") && done(&page.body) == 1, "{}", page.body);
    // An old key was used, which is not on the first page.
    let sql = "UPDATE keys SET last_used_at = created_at + 1 WHERE name = 'key 0'";
    rusqlite::Connection::open(site.store.path()).unwrap().execute(sql, []).unwrap();
    let page = client.get(list).await;
    assert!(page.body.contains("First steps") && done(&page.body) == 2, "{}", page.body);
    assert!(!client.get(&format!("{list}?q=key+3")).await.body.contains("First steps"), "a search has its own result");
    let csrf = page.field("csrf");
    assert_eq!(client.post(&format!("{list}/checklist"), &[("csrf", &csrf)]).await.status, 303);
    assert!(!client.get(list).await.body.contains("First steps"));
}
