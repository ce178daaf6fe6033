//! A form says all that is wrong with it, each at its field.

use keyward::manage::{AuditQuery, KeyDraft};
use keyward::store::KeyQuery;
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::passkey_answers;
use crate::site::{PASSWORD, Site};

const KEYS: &str = "/accounts/operator/keys";

/// The ids of the fields that are marked, and whether each has its message and the list a link to it.
fn marked(page: &Answer) -> Vec<&str> {
    let body = &page.body;
    let marked: Vec<&str> =
        body.split("-wrong\">").skip(1).map(|rest| rest.split("</").next().unwrap()).collect::<Vec<_>>();
    assert!(marked.iter().all(|text| !text.is_empty()), "{body}");
    let fields: Vec<&str> =
        body.split("class=\"wrong\" id=\"").skip(1).map(|rest| rest.split("-wrong\"").next().unwrap()).collect();
    let focused = body.matches(" autofocus").count();
    assert_eq!(focused, 1, "{body}");
    if fields.len() > 1 {
        let list = body.split("role=\"alert\">").nth(1).unwrap().split("</ul>").next().unwrap();
        let links: Vec<&str> = list.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(links.len(), fields.len(), "{list}");
        for link in links {
            assert_eq!(body.matches(&format!(" id=\"{link}\"")).count(), 1, "{link}: {body}");
        }
        assert!(list.contains(&format!("Check these {} fields:", fields.len())), "{list}");
    }
    fields
}

/// How many refused attempts the audit log has.
async fn counted(site: &Site, action: &str) -> u64 {
    site.management.flush_refused().await.unwrap();
    let mut logged = site.management.audit_log(&site.owner().await, &AuditQuery::default()).await.unwrap().items;
    logged.retain(|entry| entry.action == action);
    logged.iter().map(|entry| entry.after.as_ref().unwrap()["times"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_form_says_all_that_is_wrong_and_keeps_what_was_typed() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let key =
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), "a")).await.unwrap().view;
    site.management.put_plan(&owner, keyward::manage::Plan::new("Pro"), None).await.unwrap();
    let webhook =
        site.management.create_webhook(&owner, site.management.operator(), "https://example.com/hooks", "", &[]);
    let webhook = webhook.await.unwrap().webhook.id;
    let mut client = Client::signed_in(&site).await;
    let (csrf, new) = (client.get("/settings").await.field("csrf"), format!("{KEYS}/new"));
    let long = "d".repeat(501);
    let (details, edit) = (format!("{KEYS}/{}", key.id), format!("{KEYS}/{}/edit", key.id));
    let (hooks, hook) =
        ("/accounts/operator/webhooks/new".to_owned(), format!("/accounts/operator/webhooks/{webhook}/edit"));
    type Fields<'t> = &'t [(&'t str, &'t str)];
    let forms: [(&str, Fields<'_>, &str); 12] = [
        (
            &new,
            &[
                ("kind", "restricted"),
                ("mode", "live"),
                ("expires", "on"),
                ("endpoints", "PUT"),
                ("networks", "here"),
                ("tags", "a b!"),
            ],
            "name scopes expires_on endpoints networks tags",
        ),
        (
            &new,
            &[("name", "kept"), ("kind", "secret"), ("mode", "live"), ("expires", "on"), ("expires_on", "2020-01-01")],
            "expires_on",
        ),
        (&new, &[("name", "kept"), ("kind", "secret"), ("mode", "live"), ("expires", "soon")], "expires_at"),
        (
            &edit,
            &[("endpoints", "PUT"), ("networks", "here"), ("expires", "on"), ("expires_on", "")],
            "endpoints networks expires_on",
        ),
        (&format!("{details}/rename"), &[("name", ""), ("tags", "a b!")], "name tags"),
        ("/plans", &[("name", ""), ("description", &long), ("key_limit", "many")], "name description key_limit"),
        ("/plans/Pro", &[("description", &long), ("key_limit", "99999")], "description key_limit"),
        (
            "/plans/Pro/lifetimes",
            &[("default_lifetime", "soon"), ("maximum_lifetime", "later")],
            "default_lifetime maximum_lifetime",
        ),
        ("/accounts/operator/limits", &[("requests", "x"), ("window", "60"), ("tasks", "y")], "requests tasks"),
        (&hooks, &[("url", ""), ("description", &long)], "url description"),
        (&hook, &[("url", "http://example.com"), ("description", &long)], "url description"),
        ("/accounts/operator/members", &[("email", "nobody"), ("role", "king")], "email role"),
    ];
    for (path, fields, wrong) in forms {
        let sent = [&[("csrf", csrf.as_str()), ("form_id", "form_1")], fields].concat();
        let answer = client.post(path, &sent).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.body);
        assert_eq!(marked(&answer).join(" "), wrong, "{path}: {}", answer.body);
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let kept =
                [format!("value=\"{value}\""), format!(">{value}</textarea>"), format!("<option value=\"{value}\"")];
            // A choice that does not exist is not offered.
            let is_kept = kept.iter().any(|text| answer.body.contains(text)) || ["soon", "king"].contains(value);
            assert!(is_kept, "{path}: {name}={value} in {}", answer.body);
        }
    }
    let blank = client.post("/plans", &[("csrf", &csrf), ("name", " ")]).await;
    assert!(blank.body.contains("Enter a name."), "{}", blank.body);
}

#[tokio::test]
async fn a_registration_says_all_that_is_wrong() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let invited = site
        .management
        .invite(&owner, site.management.operator(), "grace@example.com", "viewer".parse().unwrap())
        .await;
    let secret = invited.unwrap().secret.to_string();
    let mut client = Client::new(&site);
    let csrf = client.get("/register").await.field("csrf");
    for (fields, wrong) in [
        (&[("email", "nobody"), ("name", ""), ("password", "short")][..], "email name password"),
        (&[("email", "eve@example.com"), ("name", "Eve"), ("password", "aaaaaaaaaaaaaaaaaaaa")], "password"),
        (&[("email", "nobody"), ("name", "Eve"), ("password", "aaaaaaaaaaaaaaaaaaaa")], "email password"),
        (&[("invitation", secret.as_str()), ("name", " "), ("password", "aaaaaaaaaaaaaaaaaaaa")], "name password"),
        (&[("invitation", secret.as_str()), ("name", " "), ("password", "short")], "name password"),
    ] {
        let answer = client.post("/register", &[&[("csrf", csrf.as_str())], fields].concat()).await;
        assert_eq!((answer.status, marked(&answer).join(" ").as_str()), (422, wrong), "{}", answer.body);
        assert!(!answer.body.contains("aaaaaaaaaaaaaaaaaaaa"), "a page shows no password");
    }
}

#[tokio::test]
async fn both_passwords_of_a_change_are_judged_at_once() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let csrf = client.get("/settings").await.field("csrf");
    let (wrong, weak) = ("not the password", "aaaaaaaaaaaaaaaaaaaa");
    for (current, new, status, fields) in [
        (wrong, "short", 401, "current password"),
        (wrong, weak, 401, "current password"),
        (wrong, "another correct horse battery", 401, "current"),
        (PASSWORD, weak, 422, "password"),
    ] {
        let sent = [("csrf", csrf.as_str()), ("current", current), ("password", new)];
        let answer = client.post("/settings/password", &sent).await;
        assert_eq!((answer.status, marked(&answer).join(" ").as_str()), (status, fields), "{}", answer.body);
        assert!(!answer.body.contains(wrong) && !answer.body.contains(weak), "a page shows no password");
    }
    assert_eq!(
        counted(&site, "user.change_password").await,
        3,
        "each wrong password is counted, whatever the new one is"
    );
}

#[tokio::test]
async fn the_name_and_the_password_for_a_new_passkey_are_judged_at_once() {
    let site = Site::with_owner().await;
    let mut client = passkey_answers::client(&site).await;
    let csrf = client.get("/settings/second-factor").await.field("csrf");
    for (name, password, status, fields) in [
        ("a\u{202e}b", "not the password", 401, "passkey-name passkey-password"),
        ("", PASSWORD, 422, "passkey-name"),
        ("Laptop", "not the password", 401, "passkey-password"),
    ] {
        let sent = [("csrf", csrf.as_str()), ("name", name), ("password", password)];
        let answer = client.post("/settings/second-factor/passkeys", &sent).await;
        assert_eq!((answer.status, marked(&answer).join(" ").as_str()), (status, fields), "{}", answer.body);
        assert!(!answer.body.contains("not the password"), "a page shows no password");
    }
    assert_eq!(counted(&site, "user.add_second_factor").await, 2, "each wrong password is counted");
}

#[needs(browser)]
#[tokio::test]
async fn a_browser_shows_all_errors_and_the_first_has_the_focus() {
    let site = Site::with_owner().await;
    for with_script in [true, false] {
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.go(&format!("{KEYS}/new")).await;
        browser.fill("networks", "here").await;
        browser.click("#expires option[value=on]").await;
        browser.press("Create key").await;
        browser.see("Check these 3 fields:").await;
        for text in ["Enter a name.", "Date: choose a date in the future.", "Networks:"] {
            browser.see(text).await;
        }
        if with_script {
            let focused = "return [document.activeElement.id, document.querySelector('#networks').value, \
                document.querySelector('#expires_on').getAttribute('aria-invalid')]";
            browser.find("#name:focus").await;
            assert_eq!(browser.run(focused, vec![]).await, json!(["name", "here", "true"]));
        }
        browser.click(".note a[href='#networks']").await;
        browser.find("#networks:focus").await;
        browser.close().await;
    }
}

#[needs(browser)]
#[tokio::test]
async fn a_logo_that_is_too_large_is_said_at_its_field() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let folder = tempfile::tempdir().unwrap();
    for (kib, status) in [(33, "33 KiB are too many"), (5_000, "5000 KiB are too many")] {
        let image = folder.path().join(format!("{kib}.png"));
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(kib * 1_024, 7);
        std::fs::write(&image, bytes).unwrap();
        browser.go("/settings/appearance").await;
        browser.fill("name", "Kept Ltd").await;
        browser.find("#logo").await.send_keys(image.to_str().unwrap()).await.unwrap();
        browser.fill("accent", "red").await;
        browser.press("Save").await;
        browser.see("Check these 2 fields:").await;
        browser.find("#logo:focus").await;
        assert!(browser.text_of("#logo-wrong").await.contains(status), "{kib}");
        let kept = "return [document.querySelector('#name').value, document.querySelector('#accent').value]";
        assert_eq!(browser.run(kept, vec![]).await, json!(["Kept Ltd", "red"]));
    }
    browser.close().await;
}

#[tokio::test]
async fn a_form_without_its_number_is_explained_in_plain_words() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    let key = [("name", "k"), ("kind", "secret"), ("mode", "live")];
    let member = [("email", "bob@example.com"), ("role", "viewer")];
    for (path, fields) in [("/accounts/operator/keys/new", &key[..]), ("/accounts/operator/members", &member)] {
        for number in [None, Some(""), Some("a b"), Some(&*"a".repeat(256))] {
            let sent = [&[("csrf", token.as_str())], fields].concat();
            let sent: Vec<_> = sent.into_iter().chain(number.map(|number| ("form_id", number))).collect();
            let answer = client.post(path, &sent).await;
            assert_eq!(answer.status, 422, "{path} {number:?}: {}", answer.body);
            assert!(answer.body.contains("The form is incomplete. Open its page again"), "{path}: {}", answer.body);
            assert!(!answer.body.contains("dempotency"), "{path} {number:?}: {}", answer.body);
        }
    }
    let keys = site.management.keys(&site.owner().await, &KeyQuery::default()).await.unwrap().items;
    assert_eq!(keys.len(), 0);
}
