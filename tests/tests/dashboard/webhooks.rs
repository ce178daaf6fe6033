use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::extract::State;
use http::StatusCode;
use keyward::manage::{AccountUpdate, Actor, AuditQuery, Context, EventKind, KeyDraft, Role};
use keyward::{AccountId, Identity};
use keyward_needs::needs;
use keyward_tests::service::Listening;

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::site::{PASSWORD, Site, keep_log};

/// Answers each request with a status.
pub(crate) struct Receiver {
    status: Arc<AtomicU16>,
    listening: Listening,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(204));
        let answer =
            async |State(status): State<Arc<AtomicU16>>| StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap();
        let listening = Listening::start(Router::new().fallback(answer).with_state(Arc::clone(&status))).await;
        Self { status, listening }
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.listening.address)
    }
}

/// Webhooks may call this machine.
pub(crate) async fn site() -> Site {
    let site = Site::build(|management| management.webhook_networks(["127.0.0.0/8".parse().unwrap()])).await;
    site.add_owner().await;
    site
}

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

fn secret_of(page: &Answer) -> Option<String> {
    page.body.split("whsec_").nth(1).map(|rest| format!("whsec_{}", rest.split('<').next().unwrap()))
}

/// With what the form of a page has hidden.
async fn send(client: &mut Client, page: &str, to: &str, typed: &[(&str, &str)]) -> Answer {
    let shown = client.get(page).await;
    assert_eq!(shown.status, 200, "{page}: {}", shown.body);
    let hidden: Vec<_> = ["csrf", "form_id", "version"]
        .into_iter()
        .filter(|name| shown.body.contains(&format!("name=\"{name}\" value=\"")))
        .map(|name| (name, shown.field(name)))
        .collect();
    let mut fields: Vec<_> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(typed);
    client.post(to, &fields).await
}

#[tokio::test]
async fn a_webhook_is_created_changed_and_deleted_and_its_secret_shown_once() {
    keep_log();
    let site = site().await;
    let receiver = Receiver::start().await;
    let mut client = Client::signed_in(&site).await;
    let list = "/accounts/operator/webhooks";
    assert!(client.get(list).await.body.contains("No webhooks yet"));

    let new = format!("{list}/new");
    let page = client.get(&new).await;
    let (csrf, form_id, url) = (page.field("csrf"), page.field("form_id"), receiver.url());
    for (url, message) in [
        ("", "URL: expected a URL such as https://example.com/hooks"),
        ("hooks", "is not a URL"),
        ("ftp://example.com/", "is not encrypted"),
        ("https://10.0.0.1/", "is not a public address"),
        ("https://a:b@example.com/", "has a user name or a password"),
    ] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("form_id", "form_wrong"),
            ("url", url),
            ("description", "kept <b>"),
            ("event", "key.revoked"),
        ];
        let refused = client.post(&new, &fields).await;
        assert_eq!(refused.status, 422, "{url}: {}", refused.body);
        let kept = ["value=\"kept &#60;b&#62;\"", "value=\"key.revoked\" checked", "aria-invalid=\"true\"", message];
        for text in kept {
            assert!(refused.body.contains(text), "{url}: no {text} in {}", refused.body);
        }
    }
    let create = [
        ("csrf", csrf.as_str()),
        ("form_id", &form_id),
        ("url", &url),
        ("description", "Alerts"),
        ("event", "key.revoked"),
        ("event", "key.created"),
    ];
    let created = client.post(&new, &create).await;
    assert_eq!((created.status, created.header("cache-control")), (200, "no-store"), "{}", created.body);
    let first = secret_of(&created).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let again = client.post(&new, &create).await;
    assert!(again.body.contains("Already shown") && secret_of(&again).is_none(), "{}", again.body);

    let owner = site.owner().await;
    let known = site.management.webhooks(&owner, &operator()).await.unwrap();
    let webhook = known.iter().find(|webhook| webhook.url == url).unwrap();
    let kinds: Vec<_> = webhook.events.iter().map(|kind| kind.as_str()).collect();
    assert_eq!((webhook.description.as_str(), kinds), ("Alerts", vec!["key.created", "key.revoked"]));
    let one = format!("{list}/{}", webhook.id);

    let edit = format!("{one}/edit");
    let page = client.get(&edit).await.body;
    assert!(
        page.contains("value=\"key.revoked\" checked") && !page.contains("value=\"key.rotated\" checked"),
        "{page}"
    );
    let typed = [("url", url.as_str()), ("description", "Other"), ("event", "key.rotated"), ("enabled", "1")];
    let changed = send(&mut client, &edit, &edit, &typed).await;
    assert_eq!((changed.status, changed.header("location")), (303, one.as_str()), "{}", changed.body);
    let page = client.get(&one).await.body;
    assert!(
        page.contains("The webhook is changed.") && page.contains("Other") && page.contains("key.rotated"),
        "{page}"
    );
    let stale = [&typed[..], &[("csrf", csrf.as_str()), ("version", "1")]].concat();
    let refused = client.post(&edit, &stale).await;
    assert_eq!(refused.status, 412);
    assert!(refused.body.contains("Another user changed this"), "{}", refused.body);

    let rotate = format!("{one}/rotate");
    let rotated = send(&mut client, &rotate, &rotate, &[]).await;
    let second = secret_of(&rotated).unwrap();
    assert!(second != first && rotated.body.contains("The previous secrets also sign until"), "{}", rotated.body);
    assert!(client.get(&one).await.body.contains("Previous secrets"));
    for wrong in ["soon", "604801"] {
        let refused = send(&mut client, &rotate, &rotate, &[("overlap", wrong)]).await;
        assert!(refused.status == 422 && secret_of(&refused).is_none(), "{wrong}: {}", refused.body);
    }
    let third = send(&mut client, &rotate, &rotate, &[("overlap", "0")]).await;
    assert!(secret_of(&third).is_some() && !third.body.contains("also sign until"), "{}", third.body);
    assert!(!client.get(&one).await.body.contains("Previous secrets"));

    let secrets = [first.strip_prefix("whsec_").unwrap(), second.strip_prefix("whsec_").unwrap()];
    for path in [list, &new, &one, &edit, &rotate, &format!("{one}/remove"), "/accounts/operator/audit"] {
        let page = client.get(path).await.body;
        assert!(!secrets.iter().any(|secret| page.contains(secret)), "{path} shows a secret");
    }
    let remove = format!("{one}/remove");
    let removed = send(&mut client, &remove, &remove, &[]).await;
    assert_eq!((removed.status, removed.header("location")), (303, list));
    assert!(client.get(list).await.body.contains("The webhook is deleted."));
    assert_eq!(client.get(&one).await.status, 404);
    let entries = site.management.audit_log(&owner, &AuditQuery::default()).await.unwrap().items;
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    for action in ["webhook.create", "webhook.update", "webhook.rotate_secret", "webhook.remove"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
}

#[tokio::test]
async fn a_webhook_of_an_ended_key_is_shown_and_taken_over() {
    let site = site().await;
    let (owner, account) = (site.owner().await, operator());
    let draft = KeyDraft::management(account.clone(), "hooks", "webhooks:* keys:read".parse().unwrap());
    let key = site.management.create_key(&owner, draft).await.unwrap().view.id;
    let by = Actor::of_identity(&Identity::api_key(key.clone(), account.clone()), Context::new());
    let (url, kinds) = ("https://example.com/hooks", [EventKind::KeyRevoked]);
    let webhook = site.management.create_webhook(&by, &account, url, "", &kinds).await.unwrap().webhook.id;
    let (list, one) = ("/accounts/operator/webhooks", format!("/accounts/operator/webhooks/{webhook}"));
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&one).await.body;
    assert!(page.contains(&format!("<code>key {key}</code>")) && !page.contains("Take over"), "{page}");
    site.management.revoke_key(&owner, &key).await.unwrap();
    assert!(client.get(list).await.body.contains("key inactive"));
    let page = client.get(&one).await.body;
    for text in ["This webhook gets no events", "Take over", "key inactive"] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    let taken = send(&mut client, &one, &format!("{one}/enable"), &[]).await;
    assert_eq!((taken.status, taken.header("location")), (303, one.as_str()), "{}", taken.body);
    let page = client.get(&one).await.body;
    assert!(page.contains("Set up by") && !page.contains("Take over") && !page.contains("key inactive"), "{page}");

    let system = Actor::system("test", Context::new());
    let version = site.management.account(&system, &account).await.unwrap().version;
    let update = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
    site.management.update_account(&system, &account, &update, version).await.unwrap();
    assert!(client.get(&one).await.body.contains("gets no events while the account is suspended"));
}

#[tokio::test]
async fn only_roles_that_may_see_webhooks_have_their_pages() {
    let site = site().await;
    let system = Actor::system("test", Context::new());
    let account = site.management.create_account(&system, "Example Ltd").await.unwrap().value.id;
    let url = "https://example.com/hooks";
    let webhook = site.management.create_webhook(&system, &account, url, "", &[]).await.unwrap().webhook;
    let other = site.management.create_webhook(&system, &operator(), url, "", &[]).await.unwrap().webhook;
    let list = format!("/accounts/{account}/webhooks");
    let one = format!("{list}/{}", webhook.id);
    for (role, sees, writes) in [
        (Role::Owner, true, true),
        (Role::Admin, true, true),
        (Role::Developer, false, false),
        (Role::Viewer, false, false),
    ] {
        let email = format!("{role}@example.com");
        let invited = site.management.invite(&system, &account, &email, role).await.unwrap();
        site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
        let session = site.management.sign_in(&Context::new(), &email, PASSWORD).await.unwrap().session;
        let actor = site.management.session(&session, Context::new()).await.unwrap();
        // The pages show what the service allows.
        assert_eq!(site.management.webhooks(&actor, &account).await.is_ok(), sees, "{role}");
        let mut client = Client::new(&site);
        client.cookies.insert("keyward_session".to_owned(), session.to_string());
        let page = client.get(&format!("/accounts/{account}/keys")).await;
        let (csrf, link) = (client.get("/settings").await.field("csrf"), format!("href=\"{list}\""));
        assert_eq!((page.status, page.body.contains(&link)), (200, sees), "{role}: {}", page.body);
        for (path, may) in [
            (list.clone(), sees),
            (one.clone(), sees),
            (format!("{list}/new"), writes),
            (format!("{one}/edit"), writes),
            (format!("{one}/rotate"), writes),
            (format!("{one}/remove"), writes),
        ] {
            assert_eq!(client.get(&path).await.status, if may { 200 } else { 403 }, "{role}: {path}");
        }
        if !writes {
            for path in ["test", "redeliver", "redeliver-failed", "enable", "disable", "edit", "rotate", "remove"] {
                let fields = [("csrf", csrf.as_str()), ("form_id", "form_1"), ("version", "1"), ("url", url)];
                assert_eq!(client.post(&format!("{one}/{path}"), &fields).await.status, 403, "{role}: {path}");
            }
            let fields = [("csrf", csrf.as_str()), ("form_id", "form_2"), ("url", url)];
            assert_eq!(client.post(&format!("{list}/new"), &fields).await.status, 403, "{role}");
        }
        // A webhook of another account is not found below this one, and that account neither.
        let foreign = if sees { 404 } else { 403 };
        assert_eq!(client.get(&format!("{list}/{}", other.id)).await.status, foreign, "{role}");
        assert_eq!(client.get(&format!("/accounts/operator/webhooks/{}", other.id)).await.status, 404, "{role}");
    }
    assert_eq!(site.management.webhooks(&system, &account).await.unwrap(), [webhook]);
}

#[needs(browser)]
#[tokio::test]
async fn deliveries_are_shown_and_sent_again_with_a_script_and_without() {
    for with_script in [true, false] {
        let site = site().await;
        let receiver = Receiver::start().await;
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.press("Webhooks").await;
        browser.press("Create your first webhook").await;
        browser.fill("url", &receiver.url()).await;
        browser.fill("description", "Alerts <script>window.ran = 1</script>").await;
        browser.choose("event", "key.created").await;
        browser.press("Create webhook").await;
        let secret = browser.text_of("#secret").await;
        assert!(secret.starts_with("whsec_"), "{secret}");
        if with_script {
            browser.press("Copy").await;
            browser.see("Copied.").await;
        }
        browser.press("Done, I have stored the secret").await;
        browser.see("No deliveries in the last 30 days.").await;
        browser.see("Alerts <script>").await;

        let deliver = async || site.management.deliver_events().await.unwrap();
        receiver.answer(500);
        browser.press("Send a test").await;
        browser.see("A test event is on its way.").await;
        deliver().await;
        browser.client.refresh().await.unwrap();
        browser.see("status 500").await;
        browser.see("pending").await;
        browser.see("Every attempt has failed since").await;

        receiver.answer(410);
        browser.click("tbody form button").await;
        browser.see("The delivery is sent again.").await;
        deliver().await;
        browser.client.refresh().await.unwrap();
        browser.see("The server disabled this webhook: the receiver answered 410 Gone.").await;
        browser.see("status 410").await;
        browser.press("Enable").await;
        browser.see("The webhook is enabled.").await;
        receiver.answer(204);
        browser.press("Send all undelivered again").await;
        browser.see("1 delivery is sent again.").await;
        deliver().await;
        browser.client.refresh().await.unwrap();
        browser.see("delivered").await;
        browser.see("status 204").await;
        assert_eq!(browser.run("return window.ran === undefined", vec![]).await, true);
        browser.press("Edit").await;
        browser.fill("description", "Other").await;
        browser.press("Save").await;
        browser.see("The webhook is changed.").await;
        browser.press("Rotate secret").await;
        browser.press("Rotate").await;
        assert_ne!(browser.text_of("#secret").await, secret);
        browser.press("Done, I have stored the secret").await;
        if with_script {
            browser.see("You have not copied the secret").await;
            browser.press("Done, I have stored the secret").await;
        }
        browser.press("Disable").await;
        browser.see("The webhook is disabled.").await;
        browser.press("Delete").await;
        browser.press("Delete the webhook").await;
        browser.see("No webhooks yet").await;
        browser.close().await;
    }
}

#[tokio::test]
async fn customers_are_offered_no_events_about_the_whole_server() {
    let site = site().await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
    let mut client = Client::signed_in(&site).await;
    for (account, is_operator) in [(operator(), true), (customer, false)] {
        let page = client.get(&format!("/accounts/{account}/webhooks/new")).await;
        for (event, is_of_server) in [
            ("key.revoked", false),
            ("member.added", false),
            ("webhook.disabled", false),
            ("user.deleted", true),
            ("plan.removed", true),
        ] {
            let is_offered = page.body.contains(&format!("value=\"{event}\""));
            assert_eq!(is_offered, is_operator || !is_of_server, "{account}: {event}");
        }
    }
}
