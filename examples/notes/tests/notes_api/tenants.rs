use axum::body::Body;
use axum::http::Request;
use keyward::NewKey;
use keyward::axum::TestAuthLayer;
use keyward::testing::TestIdentity;
use serde_json::json;
use tower::ServiceExt as _;

use crate::{Service, check};

#[tokio::test]
async fn each_account_sees_its_own_notes_only() {
    let service = Service::start();
    let (a, b) = (service.sign_up().await, service.sign_up().await);
    let note = service.call(&a.key, "POST", &a.notes(), json!({"text": "secret"})).await;
    assert_eq!(note.status, 201);
    let path = format!("/v1/notes/{}", note.body["id"].as_str().unwrap());

    check(&service.get(&b.key, &a.notes()).await, 403, "ACCOUNT_NOT_ALLOWED");
    check(&service.call(&b.key, "POST", &a.notes(), json!({"text": "x"})).await, 403, "ACCOUNT_NOT_ALLOWED");
    check(&service.get(&b.key, &path).await, 404, "NOT_FOUND");
    check(&service.call(&b.key, "PUT", &path, json!({"text": "x"})).await, 404, "NOT_FOUND");
    assert_eq!(service.get(&b.key, &b.notes()).await.body, json!([]));
    assert_eq!(service.get(&a.key, &a.notes()).await.body, json!([note.body]));
    assert_eq!(service.get(&a.key, &path).await.body["text"], "secret");
}

#[tokio::test]
async fn a_taken_handle_opens_no_account() {
    let service = Service::start();
    let sign_up = async |handle: &str| {
        service.call("", "POST", "/v1/signup", json!({"name": "Example Ltd", "handle": handle})).await
    };
    let first = sign_up("example").await;
    assert_eq!((first.status.as_u16(), &first.body["account"]), (201, &json!("team_example")));
    let second = sign_up("example").await;
    check(&second, 409, "ACCOUNT_EXISTS");
    assert!(second.body.get("key").is_none(), "{}", second.body);
    let keys = service.get(first.body["key"].as_str().unwrap(), "/v1/keys").await.body;
    assert_eq!(keys.as_array().unwrap().len(), 1);

    for handle in ["", "Example", "a/b", "a_b", "é", &"a".repeat(33)] {
        check(&sign_up(handle).await, 422, "INVALID_HANDLE");
    }
    // No handle leads to the operator's account, even before that account exists.
    assert_eq!(sign_up("operator").await.body["account"], "team_operator");
}

#[tokio::test]
async fn a_missing_scope_is_named_in_the_challenge() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let (_, reader) = service.restricted(&tenant, "notes:read").await;
    assert_eq!(service.get(&reader, &tenant.notes()).await.status, 200);

    // The body is invalid, too, but the scope comes first.
    let refused = service.call(&reader, "POST", &tenant.notes(), json!([])).await;
    check(&refused, 403, "INSUFFICIENT_SCOPE");
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(r#"scope="notes:write""#), "{challenge}");
}

#[tokio::test]
async fn only_the_operator_sets_plans() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let path = format!("/v1/admin/accounts/{}/plan/Pro", tenant.account);
    let put = |key: String| {
        let (service, path) = (&service, &path);
        async move { service.call(&key, "PUT", path, json!(null)).await }
    };
    let (_, of_all_scopes) = service.issue(NewKey::secret(tenant.account.parse().unwrap(), "secret")).await;
    check(&put(tenant.key.clone()).await, 403, "INSUFFICIENT_SCOPE");
    check(&put(of_all_scopes).await, 403, "ACCOUNT_NOT_ALLOWED");
    assert_eq!(put(service.operator().await).await.status, 204);
    let account = service.keys.get_account(&tenant.account.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(account.plan.as_deref(), Some("Pro"));

    let operator = service.operator().await;
    let nobody = service.call(&operator, "PUT", "/v1/admin/accounts/acct_none/plan/Pro", json!(null)).await;
    check(&nobody, 404, "ACCOUNT_NOT_FOUND");
}

/// The routes are tested without a key and without a store of keys.
#[tokio::test]
async fn routes_can_be_tested_as_any_caller() {
    let routes = Service::start().app.routes();
    let reader = TestIdentity::account("acct_1").scopes(["notes:read"]);
    for (caller, path, status) in [
        (reader.clone(), "/v1/accounts/acct_1/notes", 200),
        (reader.clone(), "/v1/accounts/acct_2/notes", 403),
        (reader.no_scopes(), "/v1/accounts/acct_1/notes", 403),
    ] {
        let app = routes.clone().layer(TestAuthLayer::new(caller));
        let answer = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}
