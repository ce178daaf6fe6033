use axum::Router;
use axum::body::Body;
use http::Request;
use keyward::gateway::{VerifyReach, verify};
use keyward::{AccountRecord, AuthLayer, Authenticator, NewKey};
use keyward_tests::log::Log;
use keyward_tests::service::{Answer, Broken, Demo, call};
use serde_json::{Value, json};
use tracing::Level;

async fn ask(router: &Router, path: &str, caller: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(caller) = caller {
        request = request.header("authorization", format!("Bearer {caller}"));
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

async fn setting() -> Setting {
    let demo = Demo::new().await;
    demo.keys.put_account(&AccountRecord::new(demo.account.clone(), "Example Ltd").with_plan("Pro")).await.unwrap();
    let builder = Authenticator::builder(demo.store.clone()).refuse_secret_keys_in_browsers();
    let authenticator = builder.build().unwrap();
    let router = verify(authenticator.clone(), AuthLayer::from(authenticator), VerifyReach::Own);
    let caller = demo.restricted_key("keys:verify").await;
    Setting { demo, router, caller }
}

#[tokio::test]
async fn verify_gives_the_verdict_of_a_service() {
    let Setting { demo, router, caller } = setting().await;
    let reader = demo.restricted_key("resources:read").await;
    let publishable = demo.issue(NewKey::publishable(demo.account.clone(), "publishable")).await;
    let revoked = demo.keys.issue(NewKey::secret(demo.account.clone(), "revoked")).await.unwrap();
    demo.keys.revoke(&revoked.record.id).await.unwrap();
    let scopes = || "resources:read".parse().unwrap();
    let videos = vec!["GET /v1/videos/*".parse().unwrap()];
    let at_videos =
        demo.issue(NewKey { endpoints: videos, ..NewKey::restricted(demo.account.clone(), "videos", scopes()) }).await;
    let network = vec!["192.0.2.0/24".parse().unwrap()];
    let at_home =
        demo.issue(NewKey { networks: network, ..NewKey::restricted(demo.account.clone(), "home", scopes()) }).await;
    let revoked = revoked.key.expose_once().to_string();

    let mut questions = Vec::new();
    let mut expected = Vec::new();
    for (question, reason, status) in [
        (json!({"key": reader}), "", 200),
        (json!({"key": reader, "scopes": ["resources:read"]}), "", 200),
        (json!({"key": reader, "method": "POST", "path": "/v1/a"}), "", 200),
        (json!({"key": reader, "scopes": ["resources:read", "resources:write"]}), "insufficient_scope", 403),
        (json!({"key": reader, "path": "//v1"}), "ambiguous_target", 400),
        (json!({"key": publishable, "method": "GET"}), "", 200),
        (json!({"key": publishable, "method": "POST"}), "kind_not_allowed", 403),
        (json!({"key": publishable, "browser": true}), "", 200),
        (json!({"key": reader, "browser": true}), "secret_key_in_browser", 403),
        (json!({"key": reader, "browser": false}), "", 200),
        (json!({"key": at_videos, "path": "/v1/videos/1"}), "", 200),
        (json!({"key": at_videos, "path": "/v1/audio/1"}), "endpoint_not_allowed", 403),
        (json!({"key": at_videos}), "endpoint_not_allowed", 403),
        (json!({"key": at_home, "client": "192.0.2.7"}), "", 200),
        (json!({"key": at_home, "client": "198.51.100.7"}), "network_not_allowed", 403),
        (json!({"key": at_home}), "network_not_allowed", 403),
        (json!({"key": revoked}), "key_revoked", 401),
        (json!({"key": ""}), "empty_credential", 401),
        (json!({"key": "nonsense"}), "malformed_key", 401),
        (json!({"key": format!("{reader}, Bearer {reader}")}), "credential_list", 400),
        (json!({"key": format!("{reader} {reader}")}), "white_space_in_credential", 400),
        (json!({"key": format!("{reader}\r\nX: y")}), "control_character", 401),
        (json!({"key": "k".repeat(600)}), "too_long", 401),
    ] {
        let answer = ask(&router, "/v1/verify", Some(&caller), question.to_string()).await;
        let said = json_of(&answer);
        assert_eq!(answer.status, 200, "{question}: {said}");
        assert_eq!(said["valid"], status == 200, "{question}: {said}");
        if status != 200 {
            assert_eq!((said["reason"].as_str().unwrap(), &said["status"]), (reason, &json!(status)), "{question}");
        }
        questions.push(question);
        expected.push(said);
    }
    let said = &expected[0];
    assert_eq!(
        (&said["account"], &said["plan"], &said["kind"]),
        (&json!("acct_1"), &json!("Pro"), &json!("restricted"))
    );
    assert_eq!((&said["mode"], &said["scopes"]), (&json!("live"), &json!(["resources:read"])));

    let answer = ask(&router, "/v1/verify/batch", Some(&caller), Value::from(questions).to_string()).await;
    assert_eq!(
        json_of(&answer),
        Value::from(expected),
        "a batch differs from single questions, or is in another order"
    );
}

#[tokio::test]
async fn verify_refuses_unauthorized_callers_and_bad_questions() {
    let Setting { demo, router, caller } = setting().await;
    let reader = demo.restricted_key("resources:read").await;
    let question = json!({"key": reader}).to_string();
    for path in ["/v1/verify", "/v1/verify/batch"] {
        for (caller, status) in [(None, 401), (Some("nonsense"), 401), (Some(&*reader), 403)] {
            assert_eq!(ask(&router, path, caller, question.clone()).await.status, status, "{path}, {caller:?}");
        }
    }
    for body in odd_bodies(&reader) {
        for (path, body) in [("/v1/verify", body.clone()), ("/v1/verify/batch", [b"[", &body[..], b"]"].concat())] {
            let answer = ask(&router, path, Some(&caller), body.clone()).await;
            let what = format!("{path}, {}: {answer:?}", String::from_utf8_lossy(&body));
            assert_eq!(answer.status, 400, "{what}");
            assert!(!String::from_utf8_lossy(&answer.body).contains(&reader), "{what}");
        }
    }
    let many = |count: usize| Value::from(vec![json!({"key": reader}); count]).to_string();
    let secret = "kw_live_in_the_wrong_place";
    for (path, body, status) in [
        ("/v1/verify", String::new(), 400),
        ("/v1/verify", "{}".to_owned(), 400),
        ("/v1/verify", json!({"key": reader, "keys": []}).to_string(), 400),
        ("/v1/verify", json!({"key": reader, "scopes": secret}).to_string(), 400),
        ("/v1/verify", json!({"key": reader, "scopes": ["resources:*"]}).to_string(), 400),
        ("/v1/verify", json!({"key": "k".repeat(9_000)}).to_string(), 413),
        ("/v1/verify", many(1), 400),
        ("/v1/verify/batch", question.clone(), 400),
        ("/v1/verify/batch", many(0), 200),
        ("/v1/verify/batch", many(100), 200),
        ("/v1/verify/batch", many(101), 413),
    ] {
        let answer = ask(&router, path, Some(&caller), body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains(secret) && !text.contains(&reader), "{text}");
    }
    let untyped = Request::post("/v1/verify").header("authorization", format!("Bearer {caller}"));
    assert_eq!(call(&router, untyped.body(question.into()).unwrap()).await.status, 415);
}

fn odd_bodies(key: &str) -> Vec<Vec<u8>> {
    let texts = [
        format!(r#"{{"key":"{key}","key":"other"}}"#),
        format!(r#"{{"key":"other","key":"{key}"}}"#),
        format!(r#"{{"key":"{key}","scopes":["a:b"],"scopes":[]}}"#),
        format!(r#"{{"key":"{key}","path":"/a","path":"/b"}}"#),
        format!(r#"{{"Key":"{key}"}}"#),
        // serde can read a struct from an array.
        format!(r#"["{key}",null,null,[],null]"#),
        format!(r#"{{"key":["{key}"]}}"#),
        format!(r#"{{"key":"{key}","scopes":null}}"#),
        format!(r#"{{"key":"{key}","scopes":[["a:b"]]}}"#),
        format!(r#"{{"key":"{key}","client":1e400}}"#),
        format!(r#"{{"key":"{key}","client":"127.0.0.1:80"}}"#),
        format!(r#"{{"key":"{key}","method":{}0{}}}"#, "[".repeat(2_000), "]".repeat(2_000)),
        format!(r#"{{"key":"{key}"}} {{}}"#),
        format!(r#"{{"key":"{key}",}}"#),
        format!(r#"{{'key':'{key}'}}"#),
        format!(r#"{{"key":"\ud800{key}"}}"#),
        format!("\u{feff}{{\"key\":\"{key}\"}}"),
        r#"{"key":null}"#.to_owned(),
        "null".to_owned(),
    ];
    let mut bodies: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    bodies.push(format!(r#"{{"key":"{key}"}}"#).encode_utf16().flat_map(u16::to_be_bytes).collect());
    bodies.push([b"{\"key\":\"\xff", key.as_bytes(), b"\"}"].concat());
    bodies
}

#[tokio::test]
async fn an_outage_gives_no_verdict() {
    let Setting { demo, caller, .. } = setting().await;
    let callers = AuthLayer::new(demo.store.clone());
    let router = verify(Authenticator::new(Broken::Unavailable), callers, VerifyReach::Own);
    let question = json!({"key": demo.full_key().await});
    let answer = ask(&router, "/v1/verify", Some(&caller), question.to_string()).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "SERVICE_UNAVAILABLE"));
    assert!(!answer.header("retry-after").is_empty());
    let answer = ask(&router, "/v1/verify/batch", Some(&caller), json!([question]).to_string()).await;
    assert_eq!((&json_of(&answer)[0]["valid"], &json_of(&answer)[0]["status"]), (&json!(false), &json!(503)));
}

#[tokio::test]
async fn no_key_is_in_the_log() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let Setting { demo, router, caller } = setting().await;
    let key = demo.full_key().await;
    for body in [json!({"key": key}), json!({"key": format!("{key}x")}), json!({"key": [key]}), json!({"scopes": key})]
    {
        ask(&router, "/v1/verify", Some(&caller), body.to_string()).await;
    }
    tracing::info!("the log is written");
    let said = log.text();
    assert!(said.contains("the log is written"));
    assert!(!said.contains(&key) && !said.contains(&caller), "{said}");
}
