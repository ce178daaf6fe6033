use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::{Service, check, request};

const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn open_paths_need_no_key_and_others_do() {
    let service = Service::start();
    for path in ["/health", "/docs/api.md"] {
        assert_eq!(service.get("", path).await.status, 200, "{path}");
    }
    for path in ["/v1/keys", "/v1/signup", "/docs", "/docs/../v1/keys", "/health/"] {
        let refused = service.get("", path).await;
        check(&refused, 401, "MISSING_API_KEY");
        assert!(refused.headers.contains_key("www-authenticate"), "{path}");
    }
}

#[tokio::test]
async fn own_errors_have_the_format_and_the_clients_request_id() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let locked = service.call(&tenant.key, "POST", &tenant.notes(), json!({"text": "kept", "locked": true})).await;
    let path = format!("/v1/notes/{}", locked.body["id"].as_str().unwrap());
    for (method, path, body, status, code) in [
        ("PUT", path.as_str(), json!({"text": "changed"}), 409, "NOTE_LOCKED"),
        ("GET", "/v1/notes/note_0", Value::Null, 404, "NOT_FOUND"),
        ("GET", "/v1/unknown", Value::Null, 404, "NOT_FOUND"),
        ("POST", &tenant.notes(), json!({"txt": ""}), 422, "INVALID_BODY"),
        ("POST", "/v1/keys", json!({"name": "", "scopes": ["notes:read"]}), 422, "INVALID_KEY_SETTINGS"),
    ] {
        let mut request = request(&tenant.key, method, path, &body);
        request.headers_mut().insert("x-request-id", "from-the-client".parse().unwrap());
        let refused = service.send(request).await;
        check(&refused, status, code);
        assert_eq!(refused.headers["x-request-id"], "from-the-client", "{method} {path}");
    }
    assert_eq!(service.get(&tenant.key, &path).await.body["text"], "kept");
}

#[tokio::test]
async fn every_response_has_a_request_id() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    for (key, path) in [(tenant.key.as_str(), tenant.notes()), ("", "/health".into()), ("", "/v1/keys".into())] {
        assert!(service.get(key, &path).await.headers.contains_key("x-request-id"), "{path}");
    }
}

#[tokio::test]
async fn browsers_of_the_own_origin_may_call() {
    let service = Service::start();
    let preflight = Request::builder().method("OPTIONS").uri("/v1/keys").header("origin", ORIGIN);
    let preflight = preflight.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
    let answer = service.send(preflight).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["access-control-allow-origin"]),
        (200, &ORIGIN.parse().unwrap())
    );
    assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));

    // The page can read a refusal, too.
    let mut request = request("", "GET", "/v1/keys", &Value::Null);
    request.headers_mut().insert("origin", ORIGIN.parse().unwrap());
    let refused = service.send(request).await;
    check(&refused, 401, "MISSING_API_KEY");
    assert_eq!(refused.headers["access-control-allow-origin"], ORIGIN);
    assert!(refused.headers["access-control-expose-headers"].to_str().unwrap().contains("x-request-id"));
}
