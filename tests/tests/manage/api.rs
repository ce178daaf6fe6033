//! The HTTP API: a test per status per route, over real sockets.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyward::{NewKey, ScopeSet};
use keyward_manage::{Actor, Context, KeyDraft, NewUser, Purpose};
use keyward_tests::service::Listening;
use serde_json::{Value, json};

use crate::setting::{PASSWORD, Setting, on_sqlite};

/// Who asks, the method, the path, headers, the body; the status, and the problem's code if it is one.
pub(crate) type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

/// A running API with an operator's key, a customer's key and token, and a key of the customer's.
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
    /// More credentials and parts of paths and bodies, by name.
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
        let desk = &setting.desk;
        let system = Actor::system("test", Context::new());
        desk.create_owner(&system, NewUser::new("operator@example.com", "Operator", PASSWORD)).await.unwrap();
        let (owner, account) = setting.customer("ada@example.com").await;
        let issue = async |draft: KeyDraft| desk.create_key(&system, draft).await.unwrap();
        let all = |account: &keyward::AccountId| {
            let new = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(account.clone(), "managing") };
            KeyDraft::of(Purpose::Management, new)
        };
        let operator = issue(all(desk.operator())).await.key.expose_once().to_string();
        let manager = issue(all(&account)).await.key.expose_once().to_string();
        let reading = KeyDraft::management(account.clone(), "reading", "accounts:read keys:read".parse().unwrap());
        let reader = issue(reading).await.key.expose_once().to_string();
        let issued = issue(KeyDraft::secret(account.clone(), "production")).await;
        let tokens = desk.issue_tokens(&Context::new(), "ada@example.com", PASSWORD).await.unwrap();
        Self {
            server: Listening::start(keyward_manage::api(desk.clone())).await,
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
        let (path, body) = (fill(&path), fill(body));
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

    /// Each in turn, held to its status and code.
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
            if *status == 401 {
                assert!(!answered.header("www-authenticate").is_empty(), "{said}");
            }
        }
    }

    /// Gives a credential, or a part of paths and bodies, a name.
    pub(crate) fn name(&mut self, name: &'static str, value: impl ToString) {
        self.named.push((name, value.to_string()));
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// A page of a list.
    pub(crate) async fn list(&self, who: &str, path: &str) -> Value {
        self.send(who, "GET", path, NOTHING, "").await.body
    }

    pub(crate) async fn end(self) {
        self.setting.desk.authenticator().unwrap().shutdown().await;
    }
}

pub(crate) const NOTHING: &[(&str, &str)] = &[];
pub(crate) const AT_1: &[(&str, &str)] = &[("if-match", "\"1\"")];
pub(crate) const AT_9: &[(&str, &str)] = &[("if-match", "\"9\"")];
const WEAK: &[(&str, &str)] = &[("if-match", "W/\"1\"")];
const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];

/// What every route answers, in this order.
pub(crate) const ROWS: &[Row<'static>] = &[
    // Who it is.
    ("nobody", "GET", "/v1/keys", NOTHING, "", 401, "MISSING_API_KEY"),
    ("nobody", "POST", "/v1/keys", NOTHING, "{}", 401, "MISSING_API_KEY"),
    ("plain", "GET", "/v1/keys", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("plain", "GET", "/v1/keys/self", NOTHING, "", 200, ""),
    ("token", "GET", "/v1/keys/self", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", "/v1/keys/self", NOTHING, "", 200, ""),
    ("token", "GET", "/v1/users/self", NOTHING, "", 200, ""),
    ("manager", "GET", "/v1/users/self", NOTHING, "", 403, "USER_REQUIRED"),
    ("token", "GET", "/v1/users/self/sessions", NOTHING, "", 200, ""),
    // Paths, methods, bodies.
    ("manager", "GET", "/v1/nothing", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "PUT", "/v1/keys", NOTHING, "", 405, "METHOD_NOT_ALLOWED"),
    ("manager", "POST", "/v1/keys", TEXT, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("manager", "POST", "/v1/keys", NOTHING, "{", 400, "INVALID_REQUEST"),
    ("manager", "POST", "/v1/keys", NOTHING, "{}", 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","color":"red"}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","scopes":["nonsense"]}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"a\u0007b","scopes":["a:b"]}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x"}"#, 422, "INVALID_VALUE"),
    (
        "manager",
        "POST",
        "/v1/keys",
        NOTHING,
        r#"{"name":"x","scopes":["a:b"],"expires_at":"2026-01-01T00:00:00Z"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "manager",
        "POST",
        "/v1/keys",
        NOTHING,
        r#"{"name":"x","scopes":["a:b"],"metadata":{"a":"\u0000"}}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "manager",
        "POST",
        "/v1/keys",
        NOTHING,
        r#"{"name":"x","kind":"publishable","purpose":"management","scopes":["keys:read"]}"#,
        422,
        "INVALID_VALUE",
    ),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","mode":"test","scopes":["a:b"]}"#, 403, "ESCALATION"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","account":"operator","scopes":["a:b"]}"#, 404, "NOT_FOUND"),
    ("reader", "POST", "/v1/keys", NOTHING, r#"{"name":"x","scopes":["a:b"]}"#, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","scopes":["a:b"]}"#, 201, ""),
    // Lists.
    (
        "reader",
        "GET",
        "/v1/keys?mode=live&kind=secret&status=active&text=PROD&last_used_before=2030-01-01T00:00:00Z&limit=1",
        NOTHING,
        "",
        200,
        "",
    ),
    ("reader", "GET", "/v1/keys?limit=0", NOTHING, "", 422, "INVALID_VALUE"),
    ("reader", "GET", "/v1/keys?limit=many", NOTHING, "", 400, "INVALID_REQUEST"),
    ("reader", "GET", "/v1/keys?colour=red", NOTHING, "", 400, "INVALID_REQUEST"),
    ("reader", "GET", "/v1/keys?after=nonsense", NOTHING, "", 422, "INVALID_VALUE"),
    ("reader", "GET", "/v1/keys?account=operator", NOTHING, "", 404, "NOT_FOUND"),
    // One key.
    ("reader", "GET", "/v1/keys/{key}", NOTHING, "", 200, ""),
    ("reader", "GET", "/v1/keys/key_unknown", NOTHING, "", 404, "NOT_FOUND"),
    ("reader", "GET", "/v1/keys/%20", NOTHING, "", 404, "NOT_FOUND"),
    ("reader", "GET", "/v1/keys/%FF", NOTHING, "", 404, "NOT_FOUND"),
    ("reader", "GET", "/v1/keys/{key}/usage", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "GET", "/v1/keys/{key}/usage?days=7", NOTHING, "", 200, ""),
    ("manager", "GET", "/v1/keys/{key}/usage?days=0", NOTHING, "", 422, "INVALID_VALUE"),
    ("manager", "PATCH", "/v1/keys/{key}", NOTHING, r#"{"name":"new"}"#, 428, "PRECONDITION_REQUIRED"),
    ("manager", "PATCH", "/v1/keys/{key}", AT_9, r#"{"name":"new"}"#, 412, "PRECONDITION_FAILED"),
    ("manager", "PATCH", "/v1/keys/{key}", WEAK, r#"{"name":"new"}"#, 412, "PRECONDITION_FAILED"),
    ("reader", "PATCH", "/v1/keys/{key}", AT_1, r#"{"name":"new"}"#, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "PATCH", "/v1/keys/{key}", AT_1, r#"{"expires_at":"1999-01-01T00:00:00Z"}"#, 422, "INVALID_VALUE"),
    ("manager", "PATCH", "/v1/keys/{key}", AT_1, r#"{"name":"new"}"#, 200, ""),
    ("manager", "POST", "/v1/keys/{key}/disable", NOTHING, "", 200, ""),
    ("manager", "POST", "/v1/keys/{key}/enable", NOTHING, "", 200, ""),
    ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, r#"{"overlap_seconds":-1}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, r#"{"overlap_seconds":99999999}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, r#"{"overlap_seconds":3600}"#, 201, ""),
    ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, r#"{"overlap_seconds":3600}"#, 409, "KEY_ROTATED"),
    ("reader", "POST", "/v1/keys/{key}/revoke", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("plain", "POST", "/v1/keys/self/revoke", NOTHING, "", 200, ""),
    ("plain", "GET", "/v1/keys/self", NOTHING, "", 401, "API_KEY_REVOKED"),
    ("manager", "POST", "/v1/keys/{key}/revoke", NOTHING, "", 200, ""),
    ("manager", "POST", "/v1/keys/{key}/enable", NOTHING, "", 409, "KEY_ENDED"),
    ("manager", "POST", "/v1/keys/key_unknown/revoke", NOTHING, "", 404, "NOT_FOUND"),
    // Accounts.
    ("reader", "GET", "/v1/accounts", NOTHING, "", 200, ""),
    ("reader", "GET", "/v1/accounts?all=true", NOTHING, "", 404, "NOT_FOUND"),
    ("operator", "GET", "/v1/accounts?all=true&limit=1", NOTHING, "", 200, ""),
    ("manager", "POST", "/v1/accounts", NOTHING, r#"{"name":"New"}"#, 403, "USER_REQUIRED"),
    ("token", "POST", "/v1/accounts", NOTHING, r#"{"name":"New"}"#, 201, ""),
    ("reader", "GET", "/v1/accounts/{account}", NOTHING, "", 200, ""),
    ("reader", "GET", "/v1/accounts/operator", NOTHING, "", 404, "NOT_FOUND"),
    ("reader", "PATCH", "/v1/accounts/{account}", AT_1, r#"{"name":"New"}"#, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "PATCH", "/v1/accounts/{account}", AT_1, r#"{"plan":"Pro"}"#, 403, "INSUFFICIENT_SCOPE"),
    ("operator", "PATCH", "/v1/accounts/{account}", AT_1, r#"{"plan":"Pro"}"#, 422, "INVALID_VALUE"),
    ("manager", "PATCH", "/v1/accounts/{account}", NOTHING, r#"{"name":"New"}"#, 428, "PRECONDITION_REQUIRED"),
    ("manager", "PATCH", "/v1/accounts/{account}", AT_1, r#"{"name":"New"}"#, 200, ""),
    ("manager", "PATCH", "/v1/accounts/{account}", AT_1, r#"{"name":"Newer"}"#, 412, "PRECONDITION_FAILED"),
    ("manager", "GET", "/v1/accounts/{account}/usage", NOTHING, "", 200, ""),
    // Plans.
    ("manager", "GET", "/v1/plans", NOTHING, "", 200, ""),
    ("manager", "POST", "/v1/plans", NOTHING, r#"{"name":"Pro"}"#, 404, "NOT_FOUND"),
    ("operator", "POST", "/v1/plans", NOTHING, r#"{"name":"Pro","key_limit":3}"#, 201, ""),
    ("operator", "POST", "/v1/plans", NOTHING, r#"{"name":"Pro"}"#, 409, "ALREADY_EXISTS"),
    ("operator", "PUT", "/v1/plans/Pro", NOTHING, "{}", 428, "PRECONDITION_REQUIRED"),
    ("operator", "PUT", "/v1/plans/Pro", AT_9, "{}", 412, "PRECONDITION_FAILED"),
    ("operator", "PUT", "/v1/plans/Pro", AT_1, r#"{"key_limit":4}"#, 200, ""),
    ("operator", "DELETE", "/v1/plans/Pro", AT_1, "", 412, "PRECONDITION_FAILED"),
    ("operator", "DELETE", "/v1/plans/Pro", &[("if-match", "\"2\"")], "", 204, ""),
    // Members.
    ("reader", "GET", "/v1/accounts/{account}/members", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "GET", "/v1/accounts/{account}/members", NOTHING, "", 200, ""),
    (
        "manager",
        "POST",
        "/v1/accounts/{account}/invitations",
        NOTHING,
        r#"{"email":"no","role":"admin"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "manager",
        "POST",
        "/v1/accounts/{account}/invitations",
        NOTHING,
        r#"{"email":"b@example.com","role":"king"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "manager",
        "POST",
        "/v1/accounts/{account}/invitations",
        NOTHING,
        r#"{"email":"b@example.com","role":"admin"}"#,
        201,
        "",
    ),
    (
        "manager",
        "POST",
        "/v1/accounts/{account}/invitations",
        NOTHING,
        // The address is a member already.
        r#"{"email":"ada@example.com","role":"admin"}"#,
        409,
        "ALREADY_EXISTS",
    ),
    ("manager", "GET", "/v1/accounts/{account}/members/{user}", NOTHING, "", 200, ""),
    ("manager", "GET", "/v1/accounts/{account}/members/user_unknown", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "PATCH", "/v1/accounts/{account}/members/{user}", AT_1, r#"{"role":"viewer"}"#, 409, "LAST_OWNER"),
    (
        "manager",
        "PATCH",
        "/v1/accounts/{account}/members/{user}",
        NOTHING,
        r#"{"role":"viewer"}"#,
        428,
        "PRECONDITION_REQUIRED",
    ),
    ("manager", "DELETE", "/v1/accounts/{account}/members/{user}", AT_1, "", 409, "LAST_OWNER"),
    // The audit log.
    ("reader", "GET", "/v1/audit-log", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "GET", "/v1/audit-log?limit=2", NOTHING, "", 200, ""),
    ("manager", "GET", "/v1/audit-log?all=true", NOTHING, "", 404, "NOT_FOUND"),
    ("operator", "GET", "/v1/audit-log?all=true", NOTHING, "", 200, ""),
    ("manager", "GET", "/v1/audit-log/verify", NOTHING, "", 404, "NOT_FOUND"),
    ("operator", "GET", "/v1/audit-log/verify", NOTHING, "", 200, ""),
    // Users and tokens.
    (
        "nobody",
        "POST",
        "/v1/users",
        NOTHING,
        r#"{"email":"c@example.com","name":"C","password":"short"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "nobody",
        "POST",
        "/v1/users",
        NOTHING,
        r#"{"email":"ada@example.com","name":"C","password":"long enough for anybody"}"#,
        202,
        "",
    ),
    (
        "nobody",
        "POST",
        "/v1/tokens",
        NOTHING,
        r#"{"email":"ada@example.com","password":"wrong"}"#,
        401,
        "INVALID_CREDENTIALS",
    ),
    ("nobody", "POST", "/v1/tokens/refresh", NOTHING, r#"{"refresh_token":"kwt_x"}"#, 401, "SIGNED_OUT"),
    ("token", "PATCH", "/v1/users/self", NOTHING, r#"{"name":"Ada L."}"#, 428, "PRECONDITION_REQUIRED"),
    ("token", "PATCH", "/v1/users/self", AT_9, r#"{"name":"Ada L."}"#, 412, "PRECONDITION_FAILED"),
    (
        "token",
        "POST",
        "/v1/users/self/password",
        NOTHING,
        r#"{"current":"wrong","new":"long enough for anybody"}"#,
        401,
        "INVALID_CREDENTIALS",
    ),
    ("manager", "POST", "/v1/tokens/sign-out", NOTHING, "{}", 403, "USER_REQUIRED"),
    ("token", "POST", "/v1/tokens/sign-out", NOTHING, "{}", 204, ""),
    ("token", "GET", "/v1/users/self", NOTHING, "", 401, "API_KEY_REVOKED"),
];

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
    assert_eq!((first.status, &first.text), (201, &second.text), "a double click is one key");
    assert!(first.body["key"].as_str().unwrap().starts_with("kwr_live_"));
    assert_eq!((first.header("etag"), first.header("cache-control")), ("\"1\"", "no-store"));
    assert_eq!(send().await.text, first.text);

    let other = running.send("manager", "POST", "/v1/keys", once, r#"{"name":"other","scopes":["a:b"]}"#).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let elsewhere = running.send("token", "POST", "/v1/keys", once, body).await;
    assert_eq!(elsewhere.status, 201, "another caller's idempotency keys are others");
    assert_ne!(elsewhere.body["id"], first.body["id"]);
    let failing: &[(&str, &str)] = &[("idempotency-key", "order-2")];
    assert_eq!(running.send("manager", "POST", "/v1/keys", failing, r#"{"name":"x"}"#).await.status, 422);
    assert_eq!(
        running.send("manager", "POST", "/v1/keys", failing, body).await.status,
        201,
        "what failed is forgotten"
    );
    let bad: &[(&str, &str)] = &[("idempotency-key", "a b")];
    assert_eq!(running.send("manager", "POST", "/v1/keys", bad, body).await.status, 422);
    running.setting.clock.advance(Duration::from_secs(25 * 3_600));
    assert_ne!(send().await.body["id"], first.body["id"], "a day later it is another request");
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
            assert!(ids.insert(key["id"].as_str().unwrap().to_owned()), "twice: {key}");
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

/// As in better-auth, where a field of the body said whose a key was to be (CVE-2025-61928).
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
                // It may say what it is for, within what its maker holds.
                201 => assert_eq!((field, &made.body["account"]), ("purpose", &json!(running.account)), "{create}"),
                status => assert!((400..=422).contains(&status), "{create}: {}", made.text),
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
    let session = running.setting.desk.sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap().session;
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
            // Without its prefix, which is in the audit log's hints.
            let part = &secret.as_bytes()[secret.len() / 2..];
            assert!(!bytes.windows(part.len()).any(|window| window == part), "a secret is in the database{ending}");
        }
    }
    running.end().await;
}

#[tokio::test]
async fn the_api_describes_itself() {
    let running = Running::start().await;
    let described = running.send("nobody", "GET", "/openapi.json", NOTHING, "").await.body;
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(described["paths"].as_object().unwrap().len(), 39);
    let page = running.send("nobody", "GET", "/docs", NOTHING, "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("/v1/keys/{key}/rotate") && !page.text.contains("://cdn"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(running.send("nobody", "GET", "/docs.css", NOTHING, "").await.status, 200);
    running.end().await;
}
