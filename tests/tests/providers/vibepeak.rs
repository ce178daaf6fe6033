use std::io::{Read, Write};
use std::net::TcpListener;

use keyward_needs::needs;
use keyward_tests::program::{Curled, Program, SOON, eventually};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::json;

const TASK: &str = r#"{"prompt":"a cat"}"#;

fn refused(answer: &Curled, status: u16, code: &str) -> Value {
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{}", answer.text);
    assert!(error["request_id"].as_str().unwrap().starts_with("req_"), "{error}");
    assert_eq!(error["request_id"], answer.header("x-request-id"));
    assert!(!error["message"].as_str().unwrap().is_empty());
    error
}

#[needs(curl)]
#[test]
fn every_error_has_its_code() {
    let service = Program::start("vibepeak", &[]);
    assert_eq!(service.curl("/health", &[]).status, 200);
    for path in ["/v1/tasks", "/v1/tasks/task_1", "/v1/account", "/v1/none", "/", "/health/", "//health"] {
        refused(&service.curl(path, &[]), 401, "MISSING_API_KEY");
    }
    for key in ["nonsense", "vpk_live_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456", "sk_live_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456"] {
        let field = format!("Authorization: Bearer {key}");
        refused(&service.curl("/v1/account", &["--header", &field]), 401, "INVALID_API_KEY");
    }
    refused(&service.call(Some("revoked"), "GET", "/v1/account", &[]), 401, "API_KEY_REVOKED");
    refused(&service.call(Some("expired"), "GET", "/v1/account", &[]), 401, "API_KEY_EXPIRED");
    service.stop();
}

#[test]
fn keys_have_the_providers_format() {
    let service = Program::start("vibepeak", &[]);
    for name in ["free", "starter", "plus", "pro", "max", "test", "revoked", "expired"] {
        let prefix = if name == "test" { "vpk_test_" } else { "vpk_live_" };
        let random = service.credential(name).strip_prefix(prefix).unwrap();
        assert!(random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn plan_without_access_is_403_until_an_upgrade() {
    let service = Program::start("vibepeak", &[]);
    for (name, plan) in [("free", "Free"), ("starter", "Starter")] {
        let error = refused(&service.call(Some(name), "GET", "/v1/account", &[]), 403, "PLAN_REQUIRED");
        assert_eq!(error["message"], "API access requires a Plus, Pro or Max plan. Please upgrade your subscription.");
        assert_eq!(error["details"], json!({"current_plan": plan, "required_plans": ["Plus", "Pro", "Max"]}));
        refused(&service.call(Some(name), "POST", "/v1/tasks", &json(TASK)), 403, "PLAN_REQUIRED");
    }
    let upgrade = json(r#"{"account":"free","plan":"Pro"}"#);
    assert_eq!(service.curl("/v1/admin/plan", &upgrade).status, 200);
    let account = service.call(Some("free"), "GET", "/v1/account", &[]).json();
    assert_eq!((&account["plan"], &account["concurrent_tasks"]), (&"Pro".into(), &3.into()));
    service.stop();
}

#[needs(curl)]
#[test]
fn each_plan_runs_as_many_tasks_at_once_as_it_says() {
    let service = Program::start("vibepeak", &[]);
    for (name, plan, limit) in [("plus", "Plus", 1), ("pro", "Pro", 3), ("max", "Max", 5)] {
        for _ in 0..limit {
            assert_eq!(service.call(Some(name), "POST", "/v1/tasks", &json(TASK)).status, 202, "{plan}");
        }
        let answer = service.call(Some(name), "POST", "/v1/tasks", &json(TASK));
        let error = refused(&answer, 429, "CONCURRENCY_LIMIT_EXCEEDED");
        assert_eq!(error["details"], json!({"limit": limit, "in_flight": limit, "plan": plan}));
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
        assert_eq!(service.call(Some(name), "GET", "/v1/account", &[]).json()["tasks_in_flight"], limit);
    }
    eventually("a task has ended and another one starts", || {
        service.call(Some("plus"), "POST", "/v1/tasks", &json(TASK)).status == 202
    });
    service.stop();
}

#[needs(curl)]
#[test]
fn test_task_is_a_free_sample_and_live_task_is_charged() {
    let service = Program::start("vibepeak", &[]);
    let credits = || service.call(Some("plus"), "GET", "/v1/account", &[]).json()["credits"].as_i64().unwrap();
    let run = |name: &str, livemode: bool| {
        let begun = service.call(Some(name), "POST", "/v1/tasks", &json(TASK));
        let task = begun.json();
        assert_eq!((begun.status, &task["livemode"]), (202, &livemode.into()), "{}", begun.text);
        let id = task["id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("task_"));
        let mut done = Value::Null;
        eventually("the task is completed", || {
            done = service.call(Some(name), "GET", &format!("/v1/tasks/{id}"), &[]).json();
            done["status"] == "completed"
        });
        assert_eq!(done["livemode"], livemode);
        (id, done)
    };
    let before = credits();
    let (test_id, done) = run("test", false);
    assert_eq!((&done["result"]["watermarked"], &done["credits_charged"]), (&true.into(), &0.into()));
    assert_eq!(credits(), before);
    let (live_id, done) = run("plus", true);
    assert_eq!((&done["result"]["watermarked"], &done["credits_charged"]), (&false.into(), &10.into()));
    assert_eq!(credits(), before - 10);
    // A task is invisible in the other mode and to other accounts.
    refused(&service.call(Some("plus"), "GET", &format!("/v1/tasks/{test_id}"), &[]), 404, "NOT_FOUND");
    refused(&service.call(Some("test"), "GET", &format!("/v1/tasks/{live_id}"), &[]), 404, "NOT_FOUND");
    refused(&service.call(Some("pro"), "GET", &format!("/v1/tasks/{live_id}"), &[]), 404, "NOT_FOUND");
    service.stop();
}

#[needs(curl)]
#[test]
fn both_modes_validate_alike_except_for_scenarios() {
    let service = Program::start("vibepeak", &[]);
    for name in ["plus", "test"] {
        for body in [
            r#"{"prompt":""}"#,
            "nonsense",
            r#"{"prompt":1}"#,
            r#"{"other":1}"#,
            r#"{"webhook_url":"http://192.0.2.1/"}"#,
        ] {
            refused(&service.call(Some(name), "POST", "/v1/tasks", &json(body)), 400, "INVALID_REQUEST");
        }
    }
    let failure = json(r#"{"test_scenario":"failure"}"#);
    refused(&service.call(Some("plus"), "POST", "/v1/tasks", &failure), 400, "INVALID_REQUEST");
    let task = service.call(Some("test"), "POST", "/v1/tasks", &failure).json();
    eventually("the task has failed", || {
        let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
        service.call(Some("test"), "GET", &path, &[]).json()["status"] == "failed"
    });
    service.stop();
}

#[needs(curl)]
#[test]
fn a_webhook_is_delivered_and_its_signature_holds() {
    let service = Program::start("vibepeak", &[]);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let body = json!({"prompt": "a cat", "webhook_url": hook}).to_string();
    let task = service.call(Some("test"), "POST", "/v1/tasks", &json(&body)).json();
    let (mut connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(SOON)).unwrap();
    let mut request = String::new();
    let mut buffer = [0; 4_096];
    while !request.ends_with('}') {
        let read = connection.read(&mut buffer).unwrap();
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let (head, payload) = request.split_once("\r\n\r\n").unwrap();
    let headers: http::HeaderMap = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let account = service.call(Some("plus"), "GET", "/v1/account", &[]).json();
    let webhook = Webhook::new(account["webhook_secret"].as_str().unwrap()).unwrap();
    webhook.verify(payload.as_bytes(), &headers).unwrap();
    let told: Value = serde_json::from_str(payload).unwrap();
    assert_eq!((&told["type"], &told["data"]["id"]), (&"task.completed".into(), &task["id"]));
    assert_eq!(told["data"]["livemode"], false);
    service.stop();
}
