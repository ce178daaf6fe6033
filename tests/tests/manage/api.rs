use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyward::manage::{Actor, Context, KeyDraft, NewUser, Purpose};
use keyward::{NewKey, ScopeSet};
use keyward_tests::service::Listening;
use serde_json::{Value, json};

use crate::api_rows::ROWS;
use crate::described::promised_headers;
use crate::setting::{PASSWORD, Setting, on_sqlite};

/// Caller, method, path, headers, body; the expected status and problem code, or `""`.
pub(crate) type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

pub(crate) struct Running {
    setting: Setting,
    server: Listening,
    operator: String,
    manager: String,
    reader: String,
    token: String,
    plain: String,
    key: String,
    account: String,
    user: String,
    named: Vec<(&'static str, String)>,
}

struct Answered {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
    text: String,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Running {
    pub(crate) async fn start() -> Self {
        let setting = on_sqlite();
        let management = &setting.management;
        let system = Actor::system("test", Context::new());
        management.create_owner(&system, NewUser::new("operator@example.com", "Operator", PASSWORD)).await.unwrap();
        let (owner, account) = setting.customer("ada@example.com").await;
        let issue = async |draft: KeyDraft| management.create_key(&system, draft).await.unwrap();
        let all = |account: &keyward::AccountId| {
            let new = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(account.clone(), "managing") };
            KeyDraft::of(Purpose::Management, new)
        };
        let operator = issue(all(management.operator())).await.key.expose_once().to_string();
        let manager = issue(all(&account)).await.key.expose_once().to_string();
        let reading = KeyDraft::management(account.clone(), "reading", "accounts:read keys:read".parse().unwrap());
        let reader = issue(reading).await.key.expose_once().to_string();
        let issued = issue(KeyDraft::secret(account.clone(), "production")).await;
        let tokens = management.issue_tokens(&Context::new(), "ada@example.com", PASSWORD).await.unwrap();
        Self {
            server: Listening::start(keyward::manage::api(management.clone())).await,
            operator,
            manager,
            reader,
            token: tokens.access.expose_once().to_string(),
            key: issued.view.id.to_string(),
            plain: issued.key.expose_once().to_string(),
            account: account.to_string(),
            user: owner.user().unwrap().to_string(),
            named: Vec::new(),
            setting,
        }
    }

    async fn send(&self, who: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let path = path.replace("{account}", &self.account).replace("{key}", &self.key).replace("{user}", &self.user);
        let fill = |text: &str| {
            self.named.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
        };
        let (path, body) = (fill(&path), fill(&body.replace("{user}", &self.user)));
        let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let mut request = http::Request::builder().method(method).uri(format!("http://{}{path}", self.server.address));
        let credential = match who {
            "operator" => &self.operator,
            "manager" => &self.manager,
            "reader" => &self.reader,
            "token" => &self.token,
            "plain" => &self.plain,
            name => self.named.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value),
        };
        if !credential.is_empty() {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).unwrap();
        let (head, body) = client.request(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answered { status: head.status.as_u16(), headers: head.headers, body, text }
    }

    pub(crate) async fn check(&self, rows: &[Row<'_>]) {
        for (who, method, path, headers, body, status, code) in rows {
            let answered = self.send(who, method, path, headers, body).await;
            let said = format!("{who} {method} {path} {body:.100}: {} {}", answered.status, answered.text);
            assert_eq!((answered.status, answered.code()), (*status, *code), "{said}");
            assert!(!answered.header("x-request-id").is_empty(), "{said}");
            if *status >= 400 {
                assert_eq!(answered.header("content-type"), "application/problem+json", "{said}");
                assert_eq!(answered.body["request_id"], answered.header("x-request-id"), "{said}");
            }
            for (name, _) in promised_headers(method, path, *status).into_iter().filter(|(_, always)| *always) {
                assert!(!answered.header(&name).is_empty(), "no {name}: {said}");
            }
            if *status == 401 {
                assert!(!answered.header("www-authenticate").is_empty(), "{said}");
            }
        }
    }

    pub(crate) fn name(&mut self, name: &'static str, value: impl ToString) {
        self.named.push((name, value.to_string()));
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.setting
    }

    pub(crate) async fn list(&self, who: &str, path: &str) -> Value {
        self.send(who, "GET", path, NOTHING, "").await.body
    }

    /// Sends requests until one is too many.
    pub(crate) async fn throttled(&self, who: &str, path: &str, most: usize) {
        for number in 0..=most {
            let answer = self.send(who, "POST", path, NOTHING, "").await;
            if answer.status == 429 {
                let wait: u64 = answer.header("retry-after").parse().unwrap();
                assert!((1..=60).contains(&wait) && answer.code() == "RATE_LIMIT_EXCEEDED", "{}", answer.text);
                return;
            }
            assert_eq!(answer.status, 201, "{number}: {}", answer.text);
        }
        panic!("{path} has no bound");
    }

    pub(crate) async fn end(self) {
        self.setting.management.authenticator().unwrap().shutdown().await;
    }
}

pub(crate) const NOTHING: &[(&str, &str)] = &[];
pub(crate) const AT_1: &[(&str, &str)] = &[("if-match", "\"1\"")];
pub(crate) const AT_9: &[(&str, &str)] = &[("if-match", "\"9\"")];
#[tokio::test]
async fn every_route_has_its_statuses() {
    let running = Running::start().await;
    let long = format!("{{\"name\":\"{}\"}}", "a".repeat(101));
    let huge = format!("{{\"name\":\"{}\"}}", "a".repeat(70_000));
    let too_long = [
        ("manager", "POST", "/v1/keys", NOTHING, long.as_str(), 422, "INVALID_VALUE"),
        ("manager", "POST", "/v1/keys", NOTHING, huge.as_str(), 413, "BODY_TOO_LARGE"),
    ];
    running.check(&too_long).await;
    running.check(ROWS).await;
    running.end().await;
}

#[tokio::test]
async fn a_post_has_one_effect_however_often_it_is_sent() {
    let running = Running::start().await;
    let body = r#"{"name":"twice","scopes":["a:b"]}"#;
    let once: &[(&str, &str)] = &[("idempotency-key", "order-1")];
    let send = || running.send("manager", "POST", "/v1/keys", once, body);
    let (first, second) = tokio::join!(send(), send());
    assert_eq!((first.status, &first.text), (201, &second.text), "a double click created two keys");
    assert!(first.body["key"].as_str().unwrap().starts_with("kwr_live_"));
    assert_eq!((first.header("etag"), first.header("cache-control")), ("\"1\"", "no-store"));
    assert_eq!(send().await.text, first.text);

    let other = running.send("manager", "POST", "/v1/keys", once, r#"{"name":"other","scopes":["a:b"]}"#).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let elsewhere = running.send("token", "POST", "/v1/keys", once, body).await;
    assert_eq!(elsewhere.status, 201, "another caller's idempotency key was taken for this one");
    assert_ne!(elsewhere.body["id"], first.body["id"]);
    let failing: &[(&str, &str)] = &[("idempotency-key", "order-2")];
    assert_eq!(running.send("manager", "POST", "/v1/keys", failing, r#"{"name":"x"}"#).await.status, 422);
    assert_eq!(
        running.send("manager", "POST", "/v1/keys", failing, body).await.status,
        201,
        "the failed request is remembered"
    );
    let bad: &[(&str, &str)] = &[("idempotency-key", "a b")];
    assert_eq!(running.send("manager", "POST", "/v1/keys", bad, body).await.status, 422);
    running.setting.clock.advance(Duration::from_secs(25 * 3_600));
    assert_ne!(send().await.body["id"], first.body["id"], "the idempotency key is remembered for more than a day");
    running.end().await;
}

#[tokio::test]
async fn pages_have_every_key_once() {
    let running = Running::start().await;
    for n in 0..5 {
        let body = json!({"name": format!("key {n}"), "scopes": ["a:b"]}).to_string();
        assert_eq!(running.send("manager", "POST", "/v1/keys", NOTHING, &body).await.status, 201);
    }
    let mut ids = std::collections::BTreeSet::new();
    let mut path = "/v1/keys?limit=2".to_owned();
    loop {
        let page = running.send("manager", "GET", &path, NOTHING, "").await;
        for key in page.body["data"].as_array().unwrap() {
            assert!(ids.insert(key["id"].as_str().unwrap().to_owned()), "listed twice: {key}");
            assert!(key.get("key").is_none() && key.get("digest").is_none());
        }
        match page.body["next"].as_str() {
            Some(next) => path = format!("/v1/keys?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 8);
    running.end().await;
}

/// In better-auth, a field of the body chose the owner of a key (CVE-2025-61928).
#[tokio::test]
async fn whose_a_key_is_comes_from_the_credential_and_not_from_a_body() {
    let running = Running::start().await;
    let before = running.send("reader", "GET", "/v1/keys/{key}", NOTHING, "").await.body;
    for field in
        ["account", "account_id", "accountId", "user", "user_id", "userId", "owner", "created_by", "id", "purpose"]
    {
        for value in [json!("operator"), json!(running.user), json!("management"), json!({"id": "operator"})] {
            let mut create = json!({"name": "x", "scopes": ["a:b"]});
            create[field] = value.clone();
            let made = running.send("manager", "POST", "/v1/keys", NOTHING, &create.to_string()).await;
            match made.status {
                // `purpose` and `user` are legitimate fields, limited by the caller's own rights.
                201 => {
                    assert_eq!(made.body["account"], json!(running.account), "{create}");
                    assert!(field == "purpose" || (field == "user" && value == running.user), "{create}");
                }
                status => assert!((400..=422).contains(&status), "{create}: {}", made.text),
            }
            if field == "user" && value == running.user {
                continue;
            }
            let change = json!({ field: value }).to_string();
            let changed = running.send("manager", "PATCH", "/v1/keys/{key}", AT_1, &change).await;
            assert!([400, 422].contains(&changed.status), "{change}: {}", changed.text);
        }
    }
    assert_eq!(running.send("reader", "GET", "/v1/keys/{key}", NOTHING, "").await.body, before);
    running.end().await;
}

#[tokio::test]
async fn no_secret_is_in_the_database() {
    let running = Running::start().await;
    let once: &[(&str, &str)] = &[("idempotency-key", "secret-1")];
    let body = r#"{"name":"x","scopes":["a:b"]}"#;
    let created =
        running.send("manager", "POST", "/v1/keys", once, body).await.body["key"].as_str().unwrap().to_owned();
    let sign_in = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let tokens = running.send("nobody", "POST", "/v1/tokens", NOTHING, &sign_in).await.body;
    let invite = r#"{"email":"new@example.com","role":"viewer"}"#;
    let invited = running.send("manager", "POST", "/v1/accounts/{account}/invitations", once, invite).await;
    assert_eq!(invited.code(), "IDEMPOTENCY_KEY_REUSED");
    let invited = running.send("manager", "POST", "/v1/accounts/{account}/invitations", NOTHING, invite).await.body;
    let session =
        running.setting.management.sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap().session;
    let secrets = [
        created.as_str(),
        running.manager.as_str(),
        running.plain.as_str(),
        running.token.as_str(),
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
        invited["invitation"].as_str().unwrap(),
        session.as_str(),
        PASSWORD,
    ];
    let file = running.setting.file.clone().unwrap();
    for ending in ["", "-wal"] {
        let bytes = std::fs::read(format!("{}{ending}", file.display())).unwrap_or_default();
        for secret in secrets {
            // Leave the prefix out: the audit log's hints contain it.
            let part = &secret.as_bytes()[secret.len() / 2..];
            assert!(!bytes.windows(part.len()).any(|window| window == part), "a secret is in the database{ending}");
        }
    }
    running.end().await;
}

#[tokio::test]
async fn a_publishable_key_neither_shows_nor_revokes_itself() {
    let running = Running::start().await;
    let body = r#"{"name":"x","kind":"publishable","scopes":["a:b"]}"#;
    let made = running.send("manager", "POST", "/v1/keys", NOTHING, body).await.body;
    let bearer = format!("Bearer {}", made["key"].as_str().unwrap());
    let bearer: &[(&str, &str)] = &[("authorization", &bearer)];
    for (method, path) in [("GET", "/v1/keys/self"), ("POST", "/v1/keys/self/revoke")] {
        let answer = running.send("nobody", method, path, bearer, "").await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("KEY_KIND_NOT_ALLOWED")), "{method} {path}");
    }
    running.end().await;
}

#[tokio::test]
async fn the_api_describes_itself() {
    let running = Running::start().await;
    let described = running.send("nobody", "GET", "/openapi.json", NOTHING, "").await.body;
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(described["paths"].as_object().unwrap().len(), 55);
    let page = running.send("nobody", "GET", "/docs", NOTHING, "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("/v1/keys/{key}/rotate") && !page.text.contains("://cdn"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let style = page.text.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(running.send("nobody", "GET", &format!("/{style}"), NOTHING, "").await.status, 200);
    running.end().await;
}
