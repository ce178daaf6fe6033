use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyward::key::KeyKind;
use keyward::manage::{Actor, AuditEntry, AuditQuery, GithubAlerts, KeyDraft, LeakPolicy};
use keyward::store::KeyStatus;
use keyward::{AccountId, Mode};
use keyward_tests::service::Listening;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::setting::{Setting, everywhere, on_sqlite};

const PLACE: &str = "https://github.com/octocat/hello-world/blob/main/config.py";

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

fn signature(key: &SigningKey, body: &str) -> String {
    use base64::Engine as _;
    let signature: DerSignature = key.sign(body.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(signature.as_bytes())
}

struct Sender {
    server: Listening,
    published: Arc<Mutex<Vec<(&'static str, SigningKey)>>>,
    asked: Arc<Mutex<usize>>,
}

impl Sender {
    async fn start() -> Self {
        let published = Arc::new(Mutex::new(vec![("first", signing_key(1))]));
        let asked = Arc::new(Mutex::new(0));
        let (keys, count) = (Arc::clone(&published), Arc::clone(&asked));
        let publish = async move || {
            *count.lock().unwrap() += 1;
            let keys: Vec<Value> = keys
                .lock()
                .unwrap()
                .iter()
                .map(|(name, key)| {
                    let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
                    json!({"key_identifier": name, "key": pem, "is_current": true})
                })
                .collect();
            axum::Json(json!({"public_keys": keys}))
        };
        let server = Listening::start(Router::new().route("/keys", get(publish))).await;
        Self { server, published, asked }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

struct Receiver {
    server: Listening,
}

impl Receiver {
    async fn start(setting: &Setting, sender: &Sender, policy: LeakPolicy) -> Self {
        let alerts = GithubAlerts::new(policy).public_keys(format!("http://{}/keys", sender.server.address));
        let app = keyward::manage::github_alerts(setting.management.clone(), alerts).unwrap();
        Self { server: Listening::start(keyward::manage::api(setting.management.clone()).merge(app)).await }
    }

    async fn post(&self, fields: &[(&str, &str)], body: impl Into<String>) -> (u16, Value) {
        let mut request = http::Request::post(format!("http://{}/v1/alerts/github", self.server.address))
            .header("content-type", "application/json");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let response = client.request(request.body(Full::from(body.into())).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn alert(&self, name: &str, key: &SigningKey, body: &str) -> (u16, Value) {
        let signature = signature(key, body);
        let fields = [("github-public-key-identifier", name), ("github-public-key-signature", &*signature)];
        self.post(&fields, body).await
    }
}

fn alert_of(tokens: &[&str]) -> String {
    let alerts: Vec<Value> = tokens
        .iter()
        .map(|token| json!({"token": token, "type": "keyward_key", "url": PLACE, "source": "content"}))
        .collect();
    Value::from(alerts).to_string()
}

async fn leaks(setting: &Setting, actor: &Actor, account: &AccountId) -> Vec<AuditEntry> {
    let query = AuditQuery { account: Some(account.clone()), ..AuditQuery::default() };
    let entries = setting.management.audit_log(actor, &query).await.unwrap().items;
    entries.into_iter().filter(|entry| entry.action == "key.leaked").collect()
}

#[tokio::test]
async fn a_key_that_github_has_found_ends_and_its_account_is_told() {
    for setting in everywhere().await {
        for (policy, status) in
            [(LeakPolicy::MarkCompromised, KeyStatus::Compromised), (LeakPolicy::Revoke, KeyStatus::Revoked)]
        {
            let sender = Sender::start().await;
            let receiver = Receiver::start(&setting, &sender, policy).await;
            let (owner, account) = setting.customer(&format!("{policy}@example.com")).await;
            let issued =
                setting.management.create_key(&owner, KeyDraft::secret(account.clone(), "leaked")).await.unwrap();
            let kept = setting.management.create_key(&owner, KeyDraft::secret(account.clone(), "kept")).await.unwrap();
            let plain = issued.key.expose_once();
            let unknown = setting.management.key_format().generate(KeyKind::Secret, Mode::Live).unwrap();
            let body = alert_of(&[&plain, &unknown.expose_once(), "not ours at all"]);
            let (answered, labels) = receiver.alert("first", &signing_key(1), &body).await;
            assert_eq!(answered, 200, "{labels}");
            let said: Vec<_> =
                labels.as_array().unwrap().iter().map(|label| label["label"].as_str().unwrap()).collect();
            assert_eq!(said, ["true_positive", "false_positive", "false_positive"]);
            assert!(!labels.to_string().contains(&**plain), "the answer contains the key");

            assert_eq!(setting.management.key(&owner, &issued.view.id).await.unwrap().status, status);
            assert_eq!(setting.management.key(&owner, &kept.view.id).await.unwrap().status, KeyStatus::Active);
            let entries = leaks(&setting, &owner, &account).await;
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].after.as_ref().unwrap()["found_at"], PLACE);
            assert!(!serde_json::to_string(&entries).unwrap().contains(&**plain));

            // A repeated alert is still a true positive and changes nothing.
            let (answered, labels) = receiver.alert("first", &signing_key(1), &body).await;
            assert_eq!((answered, labels[0]["label"].as_str()), (200, Some("true_positive")));
            let entries = leaks(&setting, &owner, &account).await;
            assert_eq!(entries.len(), 1);
            assert_eq!(sender.asked(), 1);
        }
    }
}

#[tokio::test]
async fn only_what_github_has_signed_counts() {
    let setting = on_sqlite();
    let sender = Sender::start().await;
    let receiver = Receiver::start(&setting, &sender, LeakPolicy::Revoke).await;
    let (owner, account) = setting.customer("ada@example.com").await;
    let issued = setting.management.create_key(&owner, KeyDraft::secret(account, "production")).await.unwrap();
    let body = alert_of(&[&issued.key.expose_once()]);
    let good = signature(&signing_key(1), &body);
    let (name, field) = ("github-public-key-identifier", "github-public-key-signature");
    let other = signature(&signing_key(2), &body);
    let spaced = body.replace("\":", "\": ");
    for (fields, body, status, code) in [
        (&[][..], &*body, 400, "SIGNATURE_MISSING"),
        (&[(name, "first")], &body, 400, "SIGNATURE_MISSING"),
        (&[(field, &*good)], &body, 400, "SIGNATURE_MISSING"),
        (&[(name, "first"), (name, "first"), (field, &good)], &body, 400, "SIGNATURE_MISSING"),
        (&[(name, "first"), (field, &other)], &body, 403, "SIGNATURE_INVALID"),
        (&[(name, "second"), (field, &good)], &body, 403, "SIGNATURE_INVALID"),
        (&[(name, "first"), (field, "bm8gc2lnbmF0dXJl")], &body, 403, "SIGNATURE_INVALID"),
        (&[(name, "first"), (field, "%%%")], &body, 403, "SIGNATURE_INVALID"),
        (&[(name, "first"), (field, "")], &body, 403, "SIGNATURE_INVALID"),
        // The same JSON in different bytes.
        (&[(name, "first"), (field, &good)], &spaced, 403, "SIGNATURE_INVALID"),
    ] {
        let (answered, problem) = receiver.post(fields, body).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{fields:?}");
    }
    for (body, status, code) in
        [("{}", 422, "INVALID_VALUE"), ("[{\"token\": 1}]", 422, "INVALID_VALUE"), ("[", 422, "INVALID_VALUE")]
    {
        let (answered, problem) = receiver.alert("first", &signing_key(1), body).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{body}");
    }
    let (answered, problem) = receiver.post(&[], "x".repeat(1_100_000)).await;
    assert_eq!((answered, problem["code"].as_str()), (413, Some("BODY_TOO_LARGE")));
    assert_eq!(setting.management.key(&owner, &issued.view.id).await.unwrap().status, KeyStatus::Active);
    assert_eq!(receiver.alert("first", &signing_key(1), "[]").await, (200, json!([])));
}

#[tokio::test]
async fn the_senders_keys_may_change_and_made_up_names_do_not_have_it_asked_often() {
    let setting = on_sqlite();
    let sender = Sender::start().await;
    let receiver = Receiver::start(&setting, &sender, LeakPolicy::Revoke).await;
    assert_eq!(receiver.alert("first", &signing_key(1), "[]").await.0, 200);
    for number in 0..20 {
        assert_eq!(receiver.alert(&format!("made up {number}"), &signing_key(1), "[]").await.0, 403);
    }
    assert_eq!(sender.asked(), 1);

    *sender.published.lock().unwrap() = vec![("first", signing_key(1)), ("second", signing_key(2))];
    assert_eq!(receiver.alert("second", &signing_key(2), "[]").await.0, 403, "the keys were fetched again too early");
    setting.clock.advance(Duration::from_secs(60));
    assert_eq!(receiver.alert("second", &signing_key(2), "[]").await.0, 200);
    assert_eq!(
        receiver.alert("second", &signing_key(1), "[]").await.0,
        403,
        "a signature counted under the name of another key"
    );

    // A day later, the first key is withdrawn and no longer valid.
    *sender.published.lock().unwrap() = vec![("second", signing_key(2))];
    assert_eq!(receiver.alert("first", &signing_key(1), "[]").await.0, 200);
    setting.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(receiver.alert("first", &signing_key(1), "[]").await.0, 403);
    assert_eq!(receiver.alert("second", &signing_key(2), "[]").await.0, 200);
    assert_eq!(sender.asked(), 3);
}

#[tokio::test]
async fn a_published_key_of_another_algorithm_stands_in_the_way_of_none() {
    let setting = on_sqlite();
    let other = |pem: &str| json!({"key_identifier": "other", "key": pem, "is_current": true});
    let pem = signing_key(1).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    // An Ed25519 key, and an empty one.
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let first = json!({"key_identifier": "first", "key": pem, "is_current": false});
    for (published, status) in
        [(vec![other(ed25519), first, other("")], 200), (vec![other(ed25519)], 503), (vec![], 503)]
    {
        let keys = json!({"public_keys": &published});
        let server = Listening::start(Router::new().route("/keys", get(async move || axum::Json(keys)))).await;
        let sender = Sender { server, published: Arc::default(), asked: Arc::default() };
        let receiver = Receiver::start(&setting, &sender, LeakPolicy::Revoke).await;
        assert_eq!(receiver.alert("first", &signing_key(1), "[]").await.0, status, "{published:?}");
        let unusable = if status == 200 { 403 } else { 503 };
        assert_eq!(receiver.alert("other", &signing_key(1), "[]").await.0, unusable, "{published:?}");
    }
}

#[tokio::test]
async fn without_the_senders_keys_alerts_are_to_be_sent_again() {
    let setting = on_sqlite();
    let sender = Sender::start().await;
    let receiver = Receiver::start(&setting, &sender, LeakPolicy::Revoke).await;
    drop(sender);
    let (answered, problem) = receiver.alert("first", &signing_key(1), "[]").await;
    assert_eq!((answered, problem["code"].as_str()), (503, Some("SERVICE_UNAVAILABLE")));
    for (url, said) in [("http://example.com/keys", "https"), ("no url", "https"), ("https://", "https")] {
        let alerts = GithubAlerts::new(LeakPolicy::Revoke).public_keys(url);
        let error = keyward::manage::github_alerts(setting.management.clone(), alerts).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
