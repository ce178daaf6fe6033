//! Token introspection (RFC 7662).

use axum::Router;
use axum::body::Body;
use form_urlencoded::Serializer;
use http::Request;
use keyward::gateway::{Introspection, VerifyReach};
use keyward::{AccountRecord, Authenticator, NewKey};
use keyward_tests::log::Log;
use keyward_tests::service::{Answer, Broken, Demo, call};
use serde_json::{Value, json};
use tracing::Level;

const FORM: &str = "application/x-www-form-urlencoded";

fn form(parameters: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn basic(user: &str, password: &str) -> String {
    let pair = format!("{user}:{password}");
    format!("Basic {}", data_encoding(&pair))
}

fn data_encoding(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

async fn send(router: &Router, field: Option<&str>, kind: &str, body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/v1/introspect").header("content-type", kind);
    if let Some(field) = field {
        request = request.header("authorization", field);
    }
    call(router, request.body(body.into()).unwrap()).await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

struct Setting {
    demo: Demo,
    router: Router,
    caller: String,
}

impl Setting {
    async fn new() -> Self {
        let demo = Demo::new().await;
        demo.keys.put_account(&AccountRecord::new(demo.account.clone(), "Example Ltd").with_plan("Pro")).await.unwrap();
        let authenticator = Authenticator::new(demo.store.clone());
        let router = Introspection::new(authenticator.clone(), authenticator, VerifyReach::Own)
            .issuer("https://keys.example.com")
            .scopes(["resources:read".parse().unwrap(), "jobs:write".parse().unwrap()])
            .router();
        let caller = demo.restricted_key("keys:verify").await;
        Self { demo, router, caller }
    }

    async fn ask(&self, parameters: &[(&str, &str)]) -> Value {
        let answer = send(&self.router, Some(&format!("Bearer {}", self.caller)), FORM, form(parameters)).await;
        assert_eq!(answer.status, 200, "{parameters:?}: {answer:?}");
        assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
        json_of(&answer)
    }
}

#[tokio::test]
async fn an_active_key_has_the_members_of_the_standard() {
    let setting = Setting::new().await;
    let expiry = keyward::Timestamp::from_millis(4_000_000_000_999);
    let scopes = "resources:read jobs:*".parse().unwrap();
    let new = NewKey { expires_at: Some(expiry), ..NewKey::restricted(setting.demo.account.clone(), "new", scopes) };
    let issued = setting.demo.keys.issue(new).await.unwrap();
    let key = issued.key.expose_once().to_string();
    let expected = json!({
        "active": true,
        "scope": "jobs:* resources:read jobs:write",
        "client_id": issued.record.id,
        "sub": "acct_1",
        "exp": 4_000_000_000_u64,
        "token_type": "Bearer",
        "iss": "https://keys.example.com",
        "account": "acct_1",
        "mode": "live",
        "kind": "restricted",
        "plan": "Pro",
    });
    for hint in ["", "access_token", "refresh_token", "unknown"] {
        let mut said = setting.ask(&[("token", &key), ("token_type_hint", hint)]).await;
        let sorted = |text: &Value| {
            let mut scopes: Vec<_> = text.as_str().unwrap().split(' ').map(str::to_owned).collect();
            scopes.sort();
            scopes
        };
        assert_eq!(sorted(&said["scope"]), sorted(&expected["scope"]));
        said["scope"] = expected["scope"].clone();
        assert_eq!(said, expected, "{hint:?}");
    }
}

#[tokio::test]
async fn an_inactive_key_gets_no_reason() {
    let setting = Setting::new().await;
    let (demo, account) = (&setting.demo, &setting.demo.account);
    let reader = demo.restricted_key("resources:read").await;
    let publishable = demo.issue(NewKey::publishable(account.clone(), "publishable")).await;
    let revoked = demo.keys.issue(NewKey::secret(account.clone(), "revoked")).await.unwrap();
    demo.keys.revoke(&revoked.record.id).await.unwrap();
    let revoked = revoked.key.expose_once().to_string();
    let secret = || NewKey::secret(account.clone(), "confined");
    let at_videos = demo.issue(NewKey { endpoints: vec!["GET /v1/videos/*".parse().unwrap()], ..secret() }).await;
    let at_home = demo.issue(NewKey { networks: vec!["192.0.2.0/24".parse().unwrap()], ..secret() }).await;
    let other = AccountRecord::new("acct_other".parse().unwrap(), "Other Ltd");
    demo.keys.put_account(&other).await.unwrap();
    let others = demo.issue(NewKey::secret(other.id, "others")).await;
    let long = "k".repeat(600);
    for (parameters, active) in [
        (&[("token", &*reader)][..], true),
        (&[("token", &reader), ("method", "DELETE"), ("path", "/v1/a")], true),
        (&[("token", &reader), ("path", "//v1")], false),
        (&[("token", &publishable)], false),
        (&[("token", &publishable), ("method", "POST")], false),
        (&[("token", &publishable), ("method", "GET")], true),
        (&[("token", &at_videos)], false),
        (&[("token", &at_videos), ("path", "/v1/videos/1")], false),
        (&[("token", &at_videos), ("path", "/v1/audio/1"), ("method", "GET")], false),
        (&[("token", &at_videos), ("path", "/v1/videos/1"), ("method", "GET")], true),
        (&[("token", &at_home)], false),
        (&[("token", &at_home), ("client_ip", "198.51.100.7")], false),
        (&[("token", &at_home), ("client_ip", "192.0.2.7")], true),
        (&[("token", &revoked)], false),
        (&[("token", &others)], false),
        (&[("token", "nonsense")], false),
        (&[("token", &long)], false),
        (&[("token", "ä\u{0}")], false),
    ] {
        let said = setting.ask(parameters).await;
        if active {
            assert_eq!(said["active"], true, "{parameters:?}: {said}");
        } else {
            assert_eq!(said, json!({"active": false}), "{parameters:?}");
        }
    }
}

#[tokio::test]
async fn callers_authenticate_in_one_of_three_ways() {
    let Setting { demo, router, caller } = Setting::new().await;
    let reader = demo.restricted_key("resources:read").await;
    let (bearer, other) = (format!("Bearer {caller}"), format!("Bearer {reader}"));
    let (good, bad) = (basic("resource server", &caller), basic("resource server", "wrong"));
    let encoded = basic("resource%20server", &caller.replace('_', "%5F"));
    let secret = |secret: &str| form(&[("token", &reader), ("client_id", "any"), ("client_secret", secret)]);
    let alone = form(&[("token", &reader)]);
    for (field, body, status, error) in [
        (Some(&*bearer), &alone, 200, ""),
        (Some(&good), &alone, 200, ""),
        (Some(&encoded), &alone, 200, ""),
        (None, &secret(&caller), 200, ""),
        (None, &alone, 401, "invalid_client"),
        (None, &secret(""), 401, "invalid_client"),
        (None, &secret("wrong"), 401, "invalid_client"),
        (Some("Bearer wrong"), &alone, 401, "invalid_token"),
        (Some(&bad), &alone, 401, "invalid_client"),
        (Some(&basic(&caller, "")), &alone, 401, "invalid_client"),
        (Some("Basic ???"), &alone, 401, "invalid_client"),
        (Some("Basic"), &alone, 401, "invalid_client"),
        (Some(&other), &alone, 403, "insufficient_scope"),
        (Some(&basic("any", &reader)), &alone, 403, "insufficient_scope"),
        (None, &secret(&reader), 403, "insufficient_scope"),
        (Some(&bearer), &secret(&caller), 400, "invalid_request"),
        (Some(&good), &secret(&caller), 400, "invalid_request"),
    ] {
        let answer = send(&router, field, FORM, body.clone()).await;
        let said = json_of(&answer);
        assert_eq!(answer.status, status, "{field:?}, {body}: {said}");
        if status == 200 {
            assert_eq!(said["active"], true, "{field:?}: {said}");
            continue;
        }
        assert_eq!(said["error"], error, "{field:?}, {body}: {said}");
        assert_eq!(said["request_id"], answer.header("x-request-id"), "{said}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        let tried_basic = field.is_some_and(|field| field.starts_with("Basic"));
        let has_basic = challenges.iter().any(|challenge| challenge.as_bytes().starts_with(b"Basic "));
        assert_eq!(has_basic, tried_basic && status == 401, "{field:?}: {challenges:?}");
        assert!(status == 400 || !challenges.is_empty(), "{field:?}");
        let text = said.to_string();
        assert!(!text.contains(&reader) && !text.contains(&caller), "{text}");
    }
    let twice = Request::post("/v1/introspect").header("content-type", FORM);
    let twice = twice.header("authorization", &good).header("authorization", &bearer);
    assert_eq!(call(&router, twice.body(alone.into()).unwrap()).await.status, 400);
}

#[tokio::test]
async fn bad_questions_are_named_and_show_no_key() {
    let Setting { demo, router, caller } = Setting::new().await;
    let reader = demo.restricted_key("resources:read").await;
    let field = format!("Bearer {caller}");
    for (kind, body, status, detail) in [
        (FORM, String::new(), 400, "Missing parameter `token`"),
        (FORM, "token=".to_owned(), 400, "Missing parameter `token`"),
        (FORM, format!("token={reader}&token={reader}"), 400, "Repeated parameter `token`"),
        (FORM, format!("token={reader}&client_ip={reader}"), 400, "Invalid parameter `client_ip`"),
        (FORM, format!("token={reader}&x={}", "y".repeat(8_192)), 413, "The body is too long"),
        ("application/json", json!({"token": reader}).to_string(), 415, "Unsupported Content-Type"),
        ("text/plain", format!("token={reader}"), 415, "Unsupported Content-Type"),
    ] {
        let answer = send(&router, Some(&field), kind, body.clone()).await;
        let said = json_of(&answer);
        assert_eq!(answer.status, status, "{said}");
        assert_eq!((&said["error"], &said["code"]), (&json!("invalid_request"), &json!("INVALID_BODY")), "{said}");
        assert!(said["error_description"].as_str().unwrap().starts_with(detail), "{said}");
        assert!(!said.to_string().contains(&reader), "{said}");
        // Only callers learn what is wrong with a question.
        assert_eq!(send(&router, None, kind, body).await.status, 401);
    }
    let with_charset =
        send(&router, Some(&field), "application/x-www-form-urlencoded; charset=UTF-8", form(&[("token", &reader)]));
    assert_eq!(json_of(&with_charset.await)["active"], true);
    let get = Request::get("/v1/introspect").header("authorization", &field).body(Body::empty()).unwrap();
    assert_eq!(call(&router, get).await.status, 405);
}

#[tokio::test]
async fn an_outage_is_503_and_never_inactive() {
    let Setting { demo, caller, .. } = Setting::new().await;
    let body = form(&[("token", &demo.full_key().await)]);
    let (works, fails) = (Authenticator::new(demo.store.clone()), Authenticator::new(Broken::Unavailable));
    for (keys, callers) in [(fails.clone(), works.clone()), (works, fails)] {
        let router = Introspection::new(keys, callers, VerifyReach::Own).router();
        let answer = send(&router, Some(&format!("Bearer {caller}")), FORM, body.clone()).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "SERVICE_UNAVAILABLE"), "{answer:?}");
        let said = json_of(&answer);
        assert!(said["error"] == "temporarily_unavailable" && said["active"].is_null(), "{said}");
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn no_key_is_in_the_log() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let Setting { demo, router, caller } = Setting::new().await;
    let key = demo.full_key().await;
    for field in [Some(format!("Bearer {caller}")), Some(basic("any", &caller)), Some(format!("Basic {caller}")), None]
    {
        for body in
            [form(&[("token", &key)]), form(&[("token", &key), ("client_secret", &caller)]), format!("{key}={key}")]
        {
            send(&router, field.as_deref(), FORM, body).await;
        }
    }
    tracing::info!("the log is written");
    let said = log.text();
    assert!(said.contains("the log is written"));
    assert!(!said.contains(&key) && !said.contains(&caller), "{said}");
}
