use std::time::Duration;

use keyward::lifecycle::Lifetimes;
use keyward::manage::{Actor, Context, KeyDraft, LifetimesOf, Plan, Role};
use keyward_client::PutLifetimes;
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};

const DAY: Duration = Duration::from_secs(86_400);
const KEYS: &str = "/accounts/operator/keys";

fn selected(page: &str) -> &str {
    let before = page.split(" selected>").next().unwrap();
    before.rsplit("value=\"").next().unwrap().split('"').next().unwrap()
}

fn offered(page: &str) -> Vec<&str> {
    let list = page.split("name=\"expires\"").nth(1).unwrap().split("</select>").next().unwrap();
    list.split("<option value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn forms_offer_only_ends_that_are_allowed() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&format!("{KEYS}/new")).await;
    assert_eq!((offered(&page.body), selected(&page.body)), (vec!["7", "30", "90", "365", "never", "on"], "90"));
    let key =
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), "a")).await.unwrap().view;
    let rotate = format!("{KEYS}/{}/rotate", key.id);
    let page = client.get(&rotate).await;
    assert!(page.body.contains("Never (default)"), "{}", page.body);

    let of = LifetimesOf::Account("operator".parse().unwrap());
    let system = Actor::system("test", Context::new());
    let seconds = |days: u32| Some(days * 86_400);
    let quarter = PutLifetimes { default_seconds: seconds(45), maximum_seconds: seconds(90) };
    site.management.put_lifetimes(&system, &of, &quarter, 0).await.unwrap();
    let page = client.get(&format!("{KEYS}/new")).await;
    assert_eq!((offered(&page.body), selected(&page.body)), (vec!["default", "7", "30", "90", "on"], "default"));
    assert!(page.body.contains("In 45 days (default)") && page.body.contains("At most until 2"), "{}", page.body);
    let csrf = page.field("csrf");
    let create = async |client: &mut Client, more: &[(&str, &str)]| {
        let form_id = client.get(&format!("{KEYS}/new")).await.field("form_id");
        let known =
            [("csrf", csrf.as_str()), ("form_id", &form_id), ("name", "b"), ("kind", "secret"), ("mode", "live")];
        client.post(&format!("{KEYS}/new"), &[&known[..], more].concat()).await
    };
    for never in
        [&[("expires", "never")][..], &[("expires", "365")], &[("expires", "on"), ("expires_on", "2999-01-01")]]
    {
        let refused = create(&mut client, never).await;
        assert_eq!(refused.status, 422, "{never:?}");
        assert!(
            refused.body.contains("the maximum lifetime is 90 days, so choose an expiry until 2"),
            "{}",
            refused.body
        );
    }
    for fits in ["default", "90", "latest", ""] {
        let created = create(&mut client, &[("expires", fits)]).await;
        assert_eq!(created.status, 200, "{fits}: {}", created.body);
    }

    // The rotation is previewed, and chosen.
    let page = client.get(&rotate).await;
    assert_eq!((offered(&page.body), selected(&page.body)), (vec!["default", "7", "30", "on"], "default"));
    let preview = site.management.preview_rotation(&owner, &key.id).await.unwrap();
    assert!(page.body.contains(&preview.expires_at.unwrap().to_string()[..10]), "{}", page.body);
    let form_id = page.field("form_id");
    let known = [("csrf", csrf.as_str()), ("form_id", form_id.as_str()), ("overlap", "1h")];
    let refused = client.post(&rotate, &[&known[..], &[("expires", "365")]].concat()).await;
    assert_eq!(
        (refused.status, refused.body.contains("the maximum lifetime is 90 days")),
        (422, true),
        "{}",
        refused.body
    );
    let form_id = refused.field("form_id");
    let known = [("csrf", csrf.as_str()), ("form_id", form_id.as_str()), ("overlap", "1h")];
    assert_eq!(client.post(&rotate, &[&known[..], &[("expires", "7")]].concat()).await.status, 200);
    let successor = site.management.key(&owner, &key.id).await.unwrap().rotated_to.unwrap();
    let successor = site.management.key(&owner, &successor).await.unwrap();
    assert_eq!(successor.expires_at.unwrap().saturating_since(successor.created_at).as_secs().div_ceil(60), 7 * 1_440);

    // An end moves later up to the maximum.
    let path = format!("{KEYS}/{}", successor.id);
    let change = async |client: &mut Client, version: &str, expires: &str| {
        let fields = [("csrf", csrf.as_str()), ("version", version), ("expires", expires), ("confirmed", "1")];
        client.post(&format!("{path}/edit"), &fields).await.status
    };
    assert_eq!(change(&mut client, "1", "365").await, 422);
    assert_eq!(change(&mut client, "1", "soon").await, 422);
    assert_eq!(change(&mut client, "1", "default").await, 303);
    assert!(client.get(&path).await.body.contains("Nothing changed."));
    assert_eq!(change(&mut client, "9", "30").await, 412);
    assert_eq!(change(&mut client, "1", "30").await, 303);
    assert_eq!(change(&mut client, "2", "latest").await, 303);
    assert!(client.get(&path).await.body.contains("The expiry is changed."));
    let changed = site.management.key(&owner, &successor.id).await.unwrap();
    assert_eq!(changed.expires_at, Some(changed.created_at.saturating_add(90 * DAY)));
}

#[tokio::test]
async fn the_operator_sets_lifetimes_of_an_account_and_its_owner_sees_them() {
    let configured = Lifetimes { default: Some(90 * DAY), maximum: None };
    let site = Site::build(|management| management.key_lifetimes(configured)).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let account = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    let invited = site.management.invite(&owner, &account, "bob@example.com", Role::Owner).await.unwrap();
    site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
    let mut client = Client::signed_in(&site).await;
    let settings = format!("/accounts/{account}/settings");
    let page = client.get(&settings).await;
    assert!(page.body.contains("Lifetimes of new keys") && page.body.contains("90 days"), "{}", page.body);
    let csrf = page.field("csrf");
    let put = async |client: &mut Client, version: &str, default: &'static str, maximum: &'static str| {
        let parts = |text: &'static str| text.split_at(text.len() - usize::from(text.ends_with(['d', 'h', 's'])));
        let ((default, default_unit), (maximum, maximum_unit)) = (parts(default), parts(maximum));
        let fields = [
            ("csrf", csrf.as_str()),
            ("version", version),
            ("default_lifetime", default),
            ("default_lifetime_unit", default_unit),
            ("maximum_lifetime", maximum),
            ("maximum_lifetime_unit", maximum_unit),
        ];
        client.post(&format!("/accounts/{account}/lifetimes"), &fields).await
    };
    for (default, maximum, said) in [
        ("soon", "", "is no lifetime: expected a whole number such as 90, and a unit"),
        ("", "1s", "Maximum lifetime: 1 second is out of range: expected 1 minute to 36500 days"),
        ("30d", "7d", "Default lifetime: 30 days is longer than the maximum: expected at most 7 days"),
    ] {
        let refused = put(&mut client, "0", default, maximum).await;
        assert_eq!((refused.status, refused.body.contains(said)), (422, true), "{}", refused.body);
    }
    assert_eq!(put(&mut client, "0", "12h", "30d").await.status, 303);
    let page = client.get(&settings).await;
    for text in [
        "The lifetimes are changed.",
        "default 12 hours, maximum 30 days",
        "value=\"12\"",
        "value=\"30\"",
        "<option value=\"h\" selected>",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(put(&mut client, "0", "", "").await.status, 412);

    let mut bob = Client::new(&site);
    let token = bob.get("/login").await.field("csrf");
    bob.post("/login", &[("csrf", &token), ("email", "bob@example.com"), ("password", PASSWORD)]).await;
    let page = bob.get(&settings).await;
    assert!(page.body.contains("30 days") && !page.body.contains("Change lifetimes"), "{}", page.body);
    let csrf = page.field("csrf");
    let loosened = [("csrf", csrf.as_str()), ("version", "1"), ("maximum_lifetime", "365d")];
    assert_eq!(bob.post(&format!("/accounts/{account}/lifetimes"), &loosened).await.status, 403);
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_sets_lifetimes_of_a_plan() {
    let site = Site::with_owner().await;
    let (owner, system) = (site.owner().await, Actor::system("test", Context::new()));
    site.management.put_plan(&owner, Plan::new("Pro & more"), None).await.unwrap();
    let path = "/plans/Pro%20%26%20more";
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go(path).await;
    browser.see("Lifetimes of new keys").await;
    browser.fill("default_lifetime", "60").await;
    browser.fill("maximum_lifetime", "30").await;
    browser.press("Change lifetimes").await;
    browser.see("Default lifetime: 60 days is longer than the maximum: expected at most").await;
    browser.fill("default_lifetime", "12").await;
    browser.click("#default_lifetime_unit option[value=h]").await;
    browser.press("Change lifetimes").await;
    browser.see("The lifetimes are changed.").await;
    browser.see("default 12 hours, maximum 30 days").await;
    browser.close().await;
    let of = LifetimesOf::Plan("Pro & more".into());
    let set = site.management.lifetimes(&system, &of).await.unwrap();
    assert_eq!((set.default_seconds, set.maximum_seconds, set.version), (Some(43_200), Some(30 * 86_400), 1));

    // A viewer of the operator's account sees them, and a customer does not.
    let account = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    for (email, place, role, sees, writes) in [
        ("grace@example.com", site.management.operator().clone(), Role::Viewer, 200, 403),
        ("bob@example.com", account, Role::Owner, 404, 404),
    ] {
        let invited = site.management.invite(&owner, &place, email, role).await.unwrap();
        site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
        let mut other = Client::new(&site);
        let token = other.get("/login").await.field("csrf");
        other.post("/login", &[("csrf", &token), ("email", email), ("password", PASSWORD)]).await;
        let csrf = other.get("/settings").await.field("csrf");
        let page = other.get(path).await;
        assert_eq!((page.status, page.body.contains("30 days")), (sees, sees == 200), "{email}: {}", page.body);
        assert!(!page.body.contains("Change lifetimes"), "{email}: {}", page.body);
        let loosened = [("csrf", csrf.as_str()), ("version", "1"), ("maximum_lifetime", "365d")];
        assert_eq!(other.post(&format!("{path}/lifetimes"), &loosened).await.status, writes, "{email}");
    }
}

#[needs(browser)]
#[tokio::test]
async fn a_person_chooses_when_a_key_and_its_successor_expire() {
    let configured = Lifetimes { default: None, maximum: Some(120 * DAY) };
    let site = Site::build(|management| management.key_lifetimes(configured)).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/keys/new").await;
    browser.see("In 120 days (default)").await;
    let is_shown = "return getComputedStyle(document.querySelector('.expires-on')).display !== 'none'";
    assert_eq!(browser.run(is_shown, vec![]).await, serde_json::json!(false));
    browser.click("main [name=expires] [value=\'on\']").await;
    assert_eq!(browser.run(is_shown, vec![]).await, serde_json::json!(true));
    browser.click("main [name=expires] [value=\'default\']").await;
    let (_, id) = browser.create_key("chosen").await;
    let id = id.parse().unwrap();
    let key = site.management.key(&owner, &id).await.unwrap();
    assert_eq!(key.expires_at.unwrap().saturating_since(key.created_at).as_secs().div_ceil(60), 120 * 1_440);

    browser.go(&format!("{KEYS}/{id}/rotate")).await;
    browser.see("The new key expires").await;
    browser.picture("key-rotate-expiry").await;
    browser.click("main [name=expires] [value=\'30\']").await;
    browser.press("Rotate").await;
    browser.find("#key").await;
    let successor = site.management.key(&owner, &id).await.unwrap().rotated_to.unwrap();
    let key = site.management.key(&owner, &successor).await.unwrap();
    assert_eq!(key.expires_at.unwrap().saturating_since(key.created_at).as_secs().div_ceil(60), 30 * 1_440);

    browser.go(&format!("{KEYS}/{successor}")).await;
    browser.press("Change expiry").await;
    browser.click("main [name=expires] [value=\'latest\']").await;
    browser.press("Review the change").await;
    let latest = key.created_at.saturating_add(120 * DAY);
    for (word, end) in [("removed", key.expires_at.unwrap()), ("added", latest)] {
        browser.see(&format!("{word} {}", end.to_string()[..16].replace('T', " "))).await;
    }
    let before = site.management.key(&owner, &successor).await.unwrap();
    assert_eq!(before.expires_at, key.expires_at, "nothing is changed before it is confirmed");
    browser.press("Change access").await;
    browser.see("The expiry is changed.").await;
    let key = site.management.key(&owner, &successor).await.unwrap();
    assert_eq!(key.expires_at, Some(latest));
    browser.close().await;
}
