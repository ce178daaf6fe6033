use axum::http::StatusCode;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Service, check, request};

#[tokio::test]
async fn exports_need_the_plan_and_a_permit() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    service.call(&tenant.key, "POST", &tenant.notes(), json!({"text": "first"})).await;
    let export = || service.call(&tenant.key, "POST", "/v1/exports", Value::Null);
    check(&export().await, 403, "PLAN_REQUIRED");

    service.keys.set_plan(&tenant.account.parse().unwrap(), Some("Pro")).await.unwrap();
    let answer = export().await;
    assert_eq!((answer.status, &answer.body["text"]), (StatusCode::OK, &json!("first")));

    // Two responses that the client has not read hold the plan's two permits.
    let unread = || service.router.clone().oneshot(request(&tenant.key, "POST", "/v1/exports", &Value::Null));
    let (first, second) = (unread().await.unwrap(), unread().await.unwrap());
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    let refused = export().await;
    check(&refused, 429, "CONCURRENCY_LIMIT_EXCEEDED");
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    drop(first);
    assert_eq!(export().await.status, 200);
}

#[tokio::test]
async fn each_key_has_its_rate_limit() {
    let service = Service::start();
    let tenant = service.sign_up().await;
    let (_, other) = service.restricted(&tenant, "notes:read").await;
    let first = service.get(&tenant.key, &tenant.notes()).await;
    assert_eq!(first.headers["ratelimit-policy"], r#""default";q=60;w=60"#);
    assert!(first.headers["ratelimit"].to_str().unwrap().starts_with(r#""default";r=59"#));

    let mut answers = 1;
    let refused = loop {
        let answer = service.get(&tenant.key, &tenant.notes()).await;
        if answer.status != 200 {
            break answer;
        }
        answers += 1;
        assert!(answers < 10_000, "no request is refused");
    };
    assert!(answers >= 60, "{answers}");
    check(&refused, 429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.headers.contains_key("retry-after") && refused.headers.contains_key("ratelimit"));
    assert_eq!(service.get(&other, &tenant.notes()).await.status, 200);

    service.keys.set_plan(&tenant.account.parse().unwrap(), Some("Pro")).await.unwrap();
    let of_pro = service.get(&other, &tenant.notes()).await;
    assert_eq!(of_pro.headers["ratelimit-policy"], r#""default";q=600;w=60"#);
}
