//! The sessions of a user, in the settings.

use fantoccini::Locator;
use keyward::manage::{Context, PageRequest};
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site};

const PHONE: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

#[needs(browser)]
#[tokio::test]
async fn a_user_ends_one_session_or_all_others() {
    let site = Site::with_owner().await;
    let (browser, other) = (Browser::open(&site).await, Browser::open_beside(&site).await);
    let context = |last| Context::new().address([192, 0, 2, last]).user_agent(PHONE);
    let phone = site.management.sign_in(&context(7), EMAIL, PASSWORD).await.unwrap().session;
    browser.sign_in().await;
    other.sign_in().await;
    site.management.issue_tokens(&Context::new().user_agent("keyward/0.1.0"), EMAIL, PASSWORD).await.unwrap();
    browser.press_in_user_menu("Sessions").await;
    browser.see("Chrome on Android").await;
    browser.see("from 192.0.2.0/24").await;
    let current = browser.text_of(".devices li:first-child").await;
    assert!(current.contains("Chrome on Linux") && current.contains("current"), "{current}");
    assert!(browser.text_of(".devices").await.contains("keyward program"), "the program is not listed");
    browser.picture("sessions").await;
    browser.click_at(Locator::XPath("//li[contains(., 'Android')]//button")).await;
    browser.see("The session is signed out").await;
    assert!(!browser.text_of(".devices").await.contains("Android"));
    assert!(site.management.session(&phone, context(7)).await.is_err());
    other.go("/settings").await;
    other.see("Your sessions").await;

    browser.press("Sign out all others").await;
    browser.see("All other sessions are signed out").await;
    let left = browser.text_of(".devices").await;
    assert!(!left.contains("keyward") && left.matches("since").count() == 1, "{left}");
    assert!(!browser.html().await.contains("Sign out all others"));
    other.go("/settings").await;
    assert_eq!(other.path().await, "/login?to=%2Fsettings");
    browser.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_form_ends_no_session_of_another_user_and_shows_no_token() {
    let site = Site::with_owner().await;
    let new = keyward::manage::NewUser::new("eve@example.com", "Eve", PASSWORD);
    site.management.sign_up(&Context::new(), new).await.unwrap();
    let hostile = "<b>Firefox</b>/1 \u{202e}";
    let of_eve = Context::new().user_agent(hostile);
    let eve = site.management.sign_in(&of_eve, "eve@example.com", PASSWORD).await.unwrap().session;
    let eves = site.management.session(&eve, Context::new()).await.unwrap();
    let id = site.management.own_sessions(&eves, &PageRequest::default()).await.unwrap().items.remove(0).id;
    let mut client = Client::signed_in(&site).await;
    site.owner().await;
    let page = client.get("/settings").await;
    let (own, token) = (page.field("session"), page.field("csrf"));
    let cookie = client.cookies.get("keyward_session").unwrap().clone();
    assert!(!page.body.contains(&cookie) && !cookie.contains(&own), "{own}");
    for id in [id.as_str(), "0123456789abcdef", ""] {
        let answer = client.post("/settings/sessions/end", &[("csrf", &token), ("session", id)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/settings"), "{id}");
    }
    assert!(site.management.session(&eve, Context::new()).await.is_ok(), "another user's session has ended");
    let forged = client.post("/settings/sessions/end", &[("session", &own)]).await;
    assert_eq!(forged.status, 403);
    let page = client.get("/settings").await;
    assert_eq!(page.body.matches("action=\"/settings/sessions/end\"").count(), 1, "the forged form ended a session");
    let answer = client.post("/settings/sessions/end", &[("csrf", &token), ("session", &own)]).await;
    assert_eq!(answer.status, 303);
    assert!(!client.get("/settings").await.body.contains("action=\"/settings/sessions/end\""));

    let mut client = Client::new(&site);
    client.cookies.insert("keyward_session".to_owned(), eve.to_string());
    let page = client.get("/settings").await;
    assert!(page.body.contains("<strong>unknown device</strong>"), "{}", page.body);
}

#[tokio::test]
async fn more_sessions_than_fit_the_page_are_told_and_end_together() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let note = "Only the newest 200 sign-ins";
    let mut oldest = None;
    assert!(!client.get("/settings").await.body.contains(note));
    for _ in 0..201 {
        let session = site.management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        oldest = oldest.or(Some(session));
    }
    let page = client.get("/settings").await;
    assert!(page.body.contains(note) && page.body.contains("Sign out all others"), "{}", page.body);
    assert_eq!(page.body.matches("action=\"/settings/sessions/end\"").count(), 200);
    let oldest = oldest.unwrap();
    assert!(site.management.session(&oldest, Context::new()).await.is_ok());
    let answer = client.post("/settings/sessions/end-others", &[("csrf", &page.field("csrf"))]).await;
    assert_eq!(answer.status, 303);
    assert!(site.management.session(&oldest, Context::new()).await.is_err());
    let page = client.get("/settings").await;
    assert!(page.status == 200 && !page.body.contains(note), "{}", page.body);
}
