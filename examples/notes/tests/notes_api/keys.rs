use keyward::NewKey;
use serde_json::{Value, json};

use crate::{Service, check};

#[tokio::test]
async fn created_keys_work_and_are_not_shown_again() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let new = json!({"name": "reader", "scopes": ["notes:read"]});
    let created = service.call(&tenant.key, "POST", "/v1/keys", new).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let key = created.body["key"].as_str().unwrap();
    assert_eq!(service.get(key, &tenant.notes()).await.status, 200);
    check(&service.get(key, "/v1/keys").await, 403, "INSUFFICIENT_SCOPE");

    let list = service.get(&tenant.key, "/v1/keys").await.body;
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains(key) && !list.to_string().contains(&tenant.key));
    assert_eq!(service.get(&service.sign_up().await.key, "/v1/keys").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rotation_and_revocation_hold_at_once() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let (id, old) = service.restricted(&tenant, "notes:read").await;
    assert_eq!(service.get(&old, &tenant.notes()).await.status, 200);

    let rotated = service.call(&tenant.key, "POST", &format!("/v1/keys/{id}/rotate"), Value::Null).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let new = rotated.body["key"].as_str().unwrap();
    assert_eq!(service.get(&old, &tenant.notes()).await.status, 401);
    assert_eq!(service.get(new, &tenant.notes()).await.status, 200);
    let again = service.call(&tenant.key, "POST", &format!("/v1/keys/{id}/rotate"), Value::Null).await;
    check(&again, 409, "KEY_CONFLICT");

    let path = format!("/v1/keys/{}", rotated.body["id"].as_str().unwrap());
    assert_eq!(service.call(&tenant.key, "DELETE", &path, Value::Null).await.status, 204);
    check(&service.get(new, &tenant.notes()).await, 401, "API_KEY_REVOKED");
}

#[tokio::test]
async fn keys_of_another_account_are_unknown() {
    let service = Service::start();
    let (a, b) = (service.sign_up().await, service.sign_up().await);
    for (method, path) in [("DELETE", format!("/v1/keys/{}", b.id)), ("POST", format!("/v1/keys/{}/rotate", b.id))] {
        check(&service.call(&a.key, method, &path, Value::Null).await, 404, "KEY_NOT_FOUND");
    }
    assert_eq!(service.get(&b.key, &b.notes()).await.status, 200);
}

#[tokio::test]
async fn no_key_gives_more_rights_than_it_has() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let account = || tenant.account.parse().unwrap();
    for scopes in ["*", "admin:access", "notes:*  admin:access"] {
        let scopes: Vec<&str> = scopes.split_whitespace().collect();
        let new = json!({"name": "more", "scopes": scopes});
        check(&service.call(&tenant.key, "POST", "/v1/keys", new).await, 403, "ESCALATION");
    }
    let (secret, _) = service.issue(NewKey::secret(account(), "all scopes")).await;
    let rotate = format!("/v1/keys/{secret}/rotate");
    check(&service.call(&tenant.key, "POST", &rotate, Value::Null).await, 403, "ESCALATION");

    let limited = NewKey::restricted(account(), "limited", "keys:manage".parse().unwrap());
    let (_, limited) = service.issue(NewKey { endpoints: vec!["POST /v1/keys".parse().unwrap()], ..limited }).await;
    let new = json!({"name": "unlimited", "scopes": ["keys:manage"]});
    check(&service.call(&limited, "POST", "/v1/keys", new).await, 403, "ESCALATION");
}
