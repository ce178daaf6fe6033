//! Answers about passkeys over HTTP, which a browser would not give: each wrong one is refused.

use std::sync::Arc;
use std::time::Duration;

use keyward::clock::ManualClock;
use keyward::manage::{Actor, AuditQuery, Context, NewUser};
use keyward_needs::missing;
use keyward_tests::program::skip_part;
use serde_json::Value;

use crate::http::{Answer, Client};
use crate::security_key::{Claim, SecurityKey};
use crate::site::{EMAIL, PASSWORD, Site};

const PAGE: &str = "/settings/second-factor";
const NOT_ACCEPTED: &str = "The passkey was not accepted";

pub(crate) async fn client(site: &Site) -> Client {
    let mut client = Client::at(site.local_url());
    let token = client.get("/login").await.field("csrf");
    let answer = client.post("/login", &[("csrf", &token), ("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303);
    client
}

/// What the page asks the browser.
fn options(page: &Answer, ceremony: &str) -> Value {
    let mark = format!("data-passkey=\"{ceremony}\" data-options=\"");
    let rest = page.body.split(&mark).nth(1).unwrap_or_else(|| panic!("no {ceremony} in {}", page.body));
    let text = rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&#38;", "&").replace("&#60;", "<");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Returns the page that asks for the passkey.
async fn begin(client: &mut Client, name: &str) -> Answer {
    let token = client.get(PAGE).await.field("csrf");
    let path = "/settings/second-factor/passkeys";
    let answer = client.post(path, &[("csrf", &token), ("name", name), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.header("location")), (303, PAGE), "{}", answer.body);
    client.get(PAGE).await
}

async fn confirm(client: &mut Client, page: &Answer, passkey: &str) -> Answer {
    let (token, form_id) = (page.field("csrf"), page.field("form_id"));
    let fields = [("csrf", token.as_str()), ("form_id", &form_id), ("passkey", passkey)];
    client.post("/settings/second-factor/passkeys/confirm", &fields).await
}

/// Returns the recovery codes, if it is the first factor.
pub(crate) async fn register(client: &mut Client, site: &Site, key: &mut SecurityKey, name: &str) -> Vec<String> {
    let page = begin(client, name).await;
    let claim = Claim::honest(&options(&page, "create"), &site.local_url());
    let answer = confirm(client, &page, &key.make(&claim)).await;
    if answer.status == 303 {
        assert_eq!(answer.header("location"), PAGE);
        return Vec::new();
    }
    let codes = answer.body.split("id=\"codes\"").nth(1).unwrap_or_else(|| panic!("{}", answer.body));
    codes.split('>').nth(1).unwrap().split('<').next().unwrap().lines().map(str::to_owned).collect()
}

/// A browser after the password. Returns the page that asks for the passkey.
async fn half(site: &Site) -> (Client, Answer) {
    let mut client = client(site).await;
    let page = client.get("/login/code").await;
    (client, page)
}

async fn answer(client: &mut Client, page: &Answer, passkey: &str) -> Answer {
    let (token, challenge) = (page.field("csrf"), page.field("challenge"));
    client.post("/login/code", &[("csrf", &token), ("challenge", &challenge), ("passkey", passkey)]).await
}

/// The failures in a row end.
async fn sign_in(site: &Site, key: &mut SecurityKey) {
    let (mut client, page) = half(site).await;
    let right = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
    assert_eq!(answer(&mut client, &page, &right).await.status, 303);
}

/// A site on each database.
pub(crate) async fn sites() -> Vec<(Site, Arc<ManualClock>)> {
    let mut sites = vec![Site::with_clock(|management| management).await];
    match missing!(postgresql) {
        None => {
            let clock = Arc::new(ManualClock::at(std::time::SystemTime::now().into()));
            let site = Site::on_postgres(|management| management.clock(Arc::<ManualClock>::clone(&clock))).await;
            sites.push((site, clock));
        }
        Some(reason) => skip_part(reason),
    }
    for (site, _) in &sites {
        site.add_owner().await;
    }
    sites
}

#[tokio::test]
async fn a_new_passkey_is_refused_unless_the_browser_made_it_here() {
    type Change = fn(&mut Claim);
    for (site, clock) in sites().await {
        let mut client = client(&site).await;
        let changes: [(&str, Change); 9] = [
            ("another origin", |claim| claim.origin = "https://evil.example".to_owned()),
            ("another port", |claim| claim.origin = "http://localhost:1".to_owned()),
            ("another scheme", |claim| claim.origin = claim.origin.replace("http:", "https:")),
            ("a frame of another site", |claim| claim.cross_origin = true),
            ("another host", |claim| claim.host = "evil.example".to_owned()),
            ("another challenge", |claim| claim.challenge = "A".repeat(22)),
            ("a sign-in", |claim| claim.kind = "webauthn.get"),
            ("nobody was present", |claim| claim.flags = 0x44),
            ("another id", |claim| claim.id = Some(vec![9; 32])),
        ];
        for (name, change) in changes {
            let page = begin(&mut client, "Key").await;
            let mut claim = Claim::honest(&options(&page, "create"), &site.local_url());
            let right = SecurityKey::new(1).make(&claim);
            change(&mut claim);
            let refused = confirm(&mut client, &page, &SecurityKey::new(1).make(&claim)).await;
            assert_eq!(refused.status, 401, "{name}: {}", refused.body);
            assert!(refused.body.contains("The new passkey was not accepted"), "{name}: {}", refused.body);
            // The challenge counts once.
            let form = client.get(PAGE).await;
            assert!(!form.body.contains("data-passkey"), "{name}");
            let late = client
                .post(
                    "/settings/second-factor/passkeys/confirm",
                    &[("csrf", &form.field("csrf")), ("form_id", &"a".repeat(32)), ("passkey", &right)],
                )
                .await;
            assert_eq!((late.status, late.header("location")), (303, PAGE), "{name}");
        }
        for text in ["", "{}", "null", "[[[[", "\u{0}", "{\"id\":1}", &"[".repeat(10_000), &"x".repeat(20_000)] {
            let page = begin(&mut client, "Key").await;
            assert_eq!(confirm(&mut client, &page, text).await.status, 401, "{text:.20}");
        }
        // Five minutes, and one session.
        let page = begin(&mut client, "Key").await;
        let claim = Claim::honest(&options(&page, "create"), &site.local_url());
        let mut other = self::client(&site).await;
        let form = other.get(PAGE).await;
        assert!(!form.body.contains("data-passkey"));
        let fields =
            [("csrf", form.field("csrf")), ("form_id", "b".repeat(32)), ("passkey", SecurityKey::new(1).make(&claim))];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stolen = other.post("/settings/second-factor/passkeys/confirm", &fields).await;
        assert_eq!((stolen.status, stolen.header("location")), (303, PAGE));
        clock.advance(Duration::from_secs(301));
        let late = confirm(&mut client, &page, &SecurityKey::new(1).make(&claim)).await;
        assert_eq!((late.status, late.header("location")), (303, PAGE));
        assert!(site.management.own_second_factor(&site.owner().await).await.unwrap().is_none());

        let mut key = SecurityKey::new(1);
        assert_eq!(register(&mut client, &site, &mut key, "Key").await.len(), 10);
        // The same authenticator, which a browser would not have asked.
        let page = begin(&mut client, "Twice").await;
        let claim = Claim::honest(&options(&page, "create"), &site.local_url());
        assert_eq!(options(&page, "create")["excludeCredentials"].as_array().unwrap().len(), 1);
        assert_eq!(confirm(&mut client, &page, &key.make(&claim)).await.status, 401);
    }
}

#[tokio::test]
async fn an_answer_signs_in_once_and_only_where_it_was_asked_for() {
    type Change = fn(&mut Claim);
    for (site, clock) in sites().await {
        let mut key = SecurityKey::new(1);
        let mut owner = client(&site).await;
        register(&mut owner, &site, &mut key, "Key").await;
        // A passkey of another user.
        let mut grace = Client::at(site.local_url());
        site.management.sign_up(&Context::new(), NewUser::new("grace@example.com", "Grace", PASSWORD)).await.unwrap();
        let token = grace.get("/login").await.field("csrf");
        grace.post("/login", &[("csrf", &token), ("email", "grace@example.com"), ("password", PASSWORD)]).await;
        let mut foreign = SecurityKey::new(2);
        register(&mut grace, &site, &mut foreign, "Key").await;

        let honest = |page: &Answer| Claim::honest(&options(page, "get"), &site.local_url());
        let changes: [(&str, Change); 9] = [
            ("another origin", |claim| claim.origin = "https://evil.example".to_owned()),
            ("another port", |claim| claim.origin = "http://localhost:1".to_owned()),
            ("a frame of another site", |claim| claim.cross_origin = true),
            ("another host", |claim| claim.host = "evil.example".to_owned()),
            ("another challenge", |claim| claim.challenge = "A".repeat(22)),
            ("a registration", |claim| claim.kind = "webauthn.create"),
            ("nobody was present", |claim| claim.flags = 0x04),
            ("an unknown id", |claim| claim.id = Some(vec![9; 32])),
            ("another signature", |claim| claim.signature_of = Some(vec![1])),
        ];
        for (name, change) in changes {
            let (mut client, page) = half(&site).await;
            let mut claim = honest(&page);
            let right = key.sign(&claim);
            change(&mut claim);
            let refused = answer(&mut client, &page, &key.sign(&claim)).await;
            assert_eq!(refused.status, 401, "{name}: {}", refused.body);
            assert!(refused.body.contains(NOT_ACCEPTED), "{name}: {}", refused.body);
            // The challenge counts once, also after a wrong answer.
            assert_eq!(answer(&mut client, &page, &right).await.status, 401, "{name}");
            sign_in(&site, &mut key).await;
        }
        for text in ["", "{}", "null", "\u{0}", &"[".repeat(10_000), &"x".repeat(20_000)] {
            let (mut client, page) = half(&site).await;
            assert_eq!(answer(&mut client, &page, text).await.status, 401, "{text:.20}");
            sign_in(&site, &mut key).await;
        }

        let (mut client, page) = half(&site).await;
        assert_eq!(answer(&mut client, &page, &foreign.sign(&honest(&page))).await.status, 401, "a foreign passkey");
        let disguised = Claim { id: Some(key.id.clone()), ..honest(&page) };
        let page = client.get("/login/code").await;
        assert_eq!(answer(&mut client, &page, &foreign.sign(&disguised)).await.status, 401, "a foreign key");
        sign_in(&site, &mut key).await;

        // In another browser, for another sign-in of the same one, in a session, and too late.
        let ((mut first, page), (mut second, other)) = (half(&site).await, half(&site).await);
        let stolen = key.sign(&honest(&page));
        let fields =
            [("csrf", other.field("csrf")), ("challenge", page.field("challenge")), ("passkey", stolen.clone())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(second.post("/login/code", &fields).await.status, 401, "another browser");
        let form = owner.get(PAGE).await;
        let fields =
            [("csrf", form.field("csrf")), ("challenge", page.field("challenge")), ("passkey", stolen.clone())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(owner.post("/settings/second-factor/remove", &fields).await.status, 401, "a session");
        let again = first.get("/login").await.field("csrf");
        first.post("/login", &[("csrf", &again), ("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!(answer(&mut first, &page, &stolen).await.status, 401, "another sign-in");
        let (mut late, page) = half(&site).await;
        clock.advance(Duration::from_secs(301));
        let over = answer(&mut late, &page, &key.sign(&honest(&page))).await;
        assert_eq!((over.status, over.header("location")), (303, "/login"), "too late");
        sign_in(&site, &mut key).await;

        let (mut client, page) = half(&site).await;
        let right = key.sign(&honest(&page));
        let mut replay = Client::at(site.local_url());
        replay.cookies.clone_from(&client.cookies);
        let signed_in = answer(&mut client, &page, &right).await;
        assert_eq!((signed_in.status, signed_in.header("location")), (303, "/keys"), "{}", signed_in.body);
        assert_eq!(answer(&mut replay, &page, &right).await.status, 401, "a replay");

        // A copy of the authenticator, whose counter is behind.
        let mut copy = key.clone();
        let (mut client, page) = half(&site).await;
        assert_eq!(answer(&mut client, &page, &key.sign(&honest(&page))).await.status, 303);
        let (mut client, page) = half(&site).await;
        assert_eq!(answer(&mut client, &page, &copy.sign(&honest(&page))).await.status, 401, "a copy");
        site.management.flush_refused().await.unwrap();
        let system = Actor::system("test", Context::new());
        let entries = site.management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
        for action in ["user.check_code", "session.begin", "user.add_second_factor", "user.block_second_factor"] {
            let is_there = entries.iter().any(|entry| entry.action == action);
            assert_eq!(is_there, action != "user.block_second_factor", "{action}");
        }
    }
}

#[tokio::test]
async fn an_answer_signs_in_one_of_many_at_once() {
    for (site, _) in sites().await {
        let mut key = SecurityKey::new(1);
        register(&mut client(&site).await, &site, &mut key, "Key").await;
        let (client, page) = half(&site).await;
        let passkey = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
        let (token, challenge) = (page.field("csrf"), page.field("challenge"));
        let tries = (0..8).map(|_| {
            let mut own = Client::at(site.local_url());
            own.cookies.clone_from(&client.cookies);
            let fields = [("csrf", token.clone()), ("challenge", challenge.clone()), ("passkey", passkey.clone())];
            tokio::spawn(async move {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                own.post("/login/code", &fields).await.status
            })
        });
        let mut signed_in = 0;
        for attempt in tries.collect::<Vec<_>>() {
            signed_in += usize::from(attempt.await.unwrap() == 303);
        }
        assert_eq!(signed_in, 1);
    }
}

#[tokio::test]
async fn wrong_passkeys_and_wrong_codes_are_counted_together() {
    for (site, clock) in sites().await {
        let mut key = SecurityKey::new(1);
        let codes = register(&mut client(&site).await, &site, &mut key, "Key").await;
        let (mut client, mut page) = half(&site).await;
        for attempt in 0..5 {
            if attempt % 2 == 0 {
                assert_eq!(answer(&mut client, &page, "{}").await.status, 401);
            } else {
                let fields = [("csrf", page.field("csrf")), ("code", "000000".to_owned())];
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                assert_eq!(client.post("/login/code", &fields).await.status, 401);
            }
            page = client.get("/login/code").await;
        }
        let right = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
        assert_eq!(answer(&mut client, &page, &right).await.status, 429);
        let fields = [("csrf", page.field("csrf")), ("code", codes[0].clone())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(client.post("/login/code", &fields).await.status, 429);
        clock.advance(Duration::from_secs(61));
        let page = client.get("/login/code").await;
        let right = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
        assert_eq!(answer(&mut client, &page, &right).await.status, 303);
    }
}

#[tokio::test]
async fn a_user_adds_ten_passkeys_with_password_and_names() {
    for (site, clock) in sites().await {
        let mut client = client(&site).await;
        let token = client.get(PAGE).await.field("csrf");
        let path = "/settings/second-factor/passkeys";
        let long = "x".repeat(101);
        for (name, password, status, text) in [
            ("", PASSWORD, 422, "name"),
            (long.as_str(), PASSWORD, 422, "name"),
            ("a\u{202e}b", PASSWORD, 422, "name"),
            ("Key", "a wrong password", 401, "The current password is wrong"),
            ("Key", "", 401, "The current password is wrong"),
        ] {
            let refused = client.post(path, &[("csrf", &token), ("name", name), ("password", password)]).await;
            assert_eq!(refused.status, status, "{name:?}: {}", refused.body);
            assert!(refused.body.contains(text), "{name:?}: {}", refused.body);
        }
        let mut keys: Vec<SecurityKey> = (1..=10).map(SecurityKey::new).collect();
        for (number, key) in keys.iter_mut().enumerate() {
            let codes = register(&mut client, &site, key, &format!("Key {number}")).await;
            assert_eq!(codes.len(), if number == 0 { 10 } else { 0 }, "codes come with the first");
            clock.advance(Duration::from_secs(60));
        }
        let page = client.get(PAGE).await;
        assert!(page.body.contains("as many passkeys as a user can have") && !page.body.contains("passkey-name"));
        let token = page.field("csrf");
        let refused = client.post(path, &[("csrf", &token), ("name", "Key"), ("password", PASSWORD)]).await;
        assert_eq!(refused.status, 422);
        let own = site.management.own_second_factor(&session_of(&site, &client).await).await.unwrap().unwrap();
        assert_eq!((own.has_app, own.passkeys, own.recovery_codes), (false, 10, 10));
        // Each signs in.
        for place in [0, 9] {
            let key = &mut keys[place];
            let (mut client, page) = half(&site).await;
            let right = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
            assert_eq!(answer(&mut client, &page, &right).await.status, 303);
        }
    }
}

async fn session_of(site: &Site, client: &Client) -> Actor {
    site.management.session(&client.cookies["keyward_session"], Context::new()).await.unwrap()
}

#[tokio::test]
async fn an_owner_removes_lost_passkeys_of_a_user() {
    for (site, _) in sites().await {
        let context = Context::new();
        site.management.sign_up(&context, NewUser::new("grace@example.com", "Grace", PASSWORD)).await.unwrap();
        let mut grace = Client::at(site.local_url());
        let token = grace.get("/login").await.field("csrf");
        grace.post("/login", &[("csrf", &token), ("email", "grace@example.com"), ("password", PASSWORD)]).await;
        let mut key = SecurityKey::new(2);
        register(&mut grace, &site, &mut key, "Key").await;
        let actor = session_of(&site, &grace).await;
        let user = actor.user().unwrap().clone();
        let code =
            |result: Result<_, keyward::manage::ManagementError>| result.map_or_else(|error| error.code(), |()| "ok");
        let sign_in = async || code(site.management.sign_in(&context, "grace@example.com", PASSWORD).await.map(drop));
        assert_eq!(sign_in().await, "CODE_REQUIRED");
        site.management.remove_second_factor(&site.owner().await, &user).await.unwrap();
        assert_eq!(sign_in().await, "ok");
        assert_eq!(grace.get(PAGE).await.status, 303, "the sessions end");
    }
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_that_an_account_requires() {
    for (site, _) in sites().await {
        let mut client = client(&site).await;
        let mut key = SecurityKey::new(1);
        register(&mut client, &site, &mut key, "Key").await;
        let (actor, account) = (session_of(&site, &client).await, site.management.operator().clone());
        site.management.require_second_factor(&actor, &account, true).await.unwrap();
        assert_eq!(client.get("/accounts/operator/keys").await.status, 200);
        let page = client.get(PAGE).await;
        let passkey = key.sign(&Claim::honest(&options(&page, "get"), &site.local_url()));
        let fields = [("csrf", page.field("csrf")), ("challenge", page.field("challenge")), ("passkey", passkey)];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let removed = client.post("/settings/second-factor/remove", &fields).await;
        assert_eq!((removed.status, removed.header("location")), (303, "/settings"), "{}", removed.body);
        let closed = client.get("/accounts/operator/keys").await;
        assert_eq!((closed.status, closed.header("location")), (303, PAGE));
    }
}

/// Somebody else may have found the session open, and renamed passkeys so that their owner removes the wrong one.
#[tokio::test]
async fn a_passkey_is_renamed_only_after_a_recent_sign_in() {
    let (site, clock) = Site::with_clock(|management| management.recent_sign_in(Duration::from_secs(60))).await;
    site.add_owner().await;
    let mut first = client(&site).await;
    register(&mut first, &site, &mut SecurityKey::new(1), "Laptop").await;
    let page = first.get(PAGE).await.body;
    let id = page.split("/settings/second-factor/passkeys/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/settings/second-factor/passkeys/{id}");
    let csrf = first.get(&path).await.field("csrf");
    clock.advance(Duration::from_secs(61));
    let answer = first.post(&path, &[("csrf", &csrf), ("name", "Phone")]).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(answer.field("to").replace("&#38;", "&"), format!("{path}?name=Phone"));
    let log = site.management.audit_log(&Actor::system("test", Context::new()), &AuditQuery::default()).await.unwrap();
    assert!(log.items.iter().all(|entry| entry.action != "user.rename_passkey"), "{log:?}");
}
