//! The promises of the notes API, on its real routes and layers.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod keys;
mod limits;
mod refusals;
mod streams;
mod tenants;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use keyward::sqlite::SqliteStore;
use keyward::{AccountRecord, CredentialId, Keys, NewKey};
use notes::App;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Service {
    app: App,
    router: Router,
    keys: Keys,
}

struct Tenant {
    account: String,
    id: CredentialId,
    key: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Service {
    fn start() -> Self {
        let store = SqliteStore::temporary().unwrap();
        let app = App::new(store.clone()).unwrap();
        Self { router: app.router().unwrap(), app, keys: Keys::new(store) }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn call(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(request(key, method, path, &body)).await
    }

    async fn get(&self, key: &str, path: &str) -> Answer {
        self.call(key, "GET", path, Value::Null).await
    }

    async fn sign_up(&self) -> Tenant {
        let answer = self.call("", "POST", "/v1/signup", json!({"name": "Example Ltd"})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        Tenant { account: text("account"), id: text("id").parse().unwrap(), key: text("key") }
    }

    async fn issue(&self, new: NewKey) -> (CredentialId, String) {
        let issued = self.keys.issue(new).await.unwrap();
        (issued.record.id, issued.key.expose_once().to_string())
    }

    async fn restricted(&self, tenant: &Tenant, scopes: &str) -> (CredentialId, String) {
        self.issue(NewKey::restricted(tenant.account.parse().unwrap(), "test", scopes.parse().unwrap())).await
    }

    async fn operator(&self) -> String {
        let account = AccountRecord::new("acct_operator".parse().unwrap(), "Operator");
        self.keys.ensure_account(&account).await.unwrap();
        self.issue(NewKey::restricted(account.id, "operator", "admin:access".parse().unwrap())).await.1
    }
}

impl Tenant {
    fn notes(&self) -> String {
        format!("/v1/accounts/{}/notes", self.account)
    }
}

/// An empty `key` sends no `Authorization` field.
fn request(key: &str, method: &str, path: &str, body: &Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    match body {
        Value::Null => request.body(Body::empty()),
        body => request.header("content-type", "application/json").body(body.to_string().into()),
    }
    .unwrap()
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["x-request-id"], answer.body["request_id"].as_str().unwrap());
}
