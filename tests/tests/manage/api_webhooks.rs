use crate::api::{AT_1, AT_9, NOTHING, Row, Running};

const WEBHOOKS: &str = "/v1/accounts/{account}/webhooks";
const WEBHOOK: &str = "/v1/accounts/{account}/webhooks/{webhook}";
const ROTATE: &str = "/v1/accounts/{account}/webhooks/{webhook}/secrets/rotate";
const TEST: &str = "/v1/accounts/{account}/webhooks/{webhook}/test";
const DELIVERIES: &str = "/v1/accounts/{account}/webhooks/{webhook}/deliveries";
const REDELIVER: &str = "/v1/accounts/{account}/webhooks/{webhook}/deliveries/{delivery}/redeliver";
const UNKNOWN: &str = "/v1/accounts/{account}/webhooks/whk_unknown";
const GOOD: &str = r#"{"url":"https://example.com/hooks","description":"Alerts","events":["key.revoked"]}"#;

/// `webhook` is of the account, `delivery` of the webhook, and `theirs` a webhook of another account.
pub(crate) const HOOKS: &[Row<'static>] = &[
    ("manager", "POST", WEBHOOKS, NOTHING, "{}", 422, "INVALID_VALUE"),
    ("manager", "POST", WEBHOOKS, NOTHING, r#"{"url":""}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", WEBHOOKS, NOTHING, r#"{"url":"http://example.com/"}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", WEBHOOKS, NOTHING, r#"{"url":"https://10.0.0.1/"}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", WEBHOOKS, NOTHING, r#"{"url":"https://a:b@example.com/"}"#, 422, "INVALID_VALUE"),
    (
        "manager",
        "POST",
        WEBHOOKS,
        NOTHING,
        r#"{"url":"https://example.com/","events":["key.gone"]}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "manager",
        "POST",
        WEBHOOKS,
        NOTHING,
        r#"{"url":"https://example.com/","description":"a\u0007b"}"#,
        422,
        "INVALID_VALUE",
    ),
    ("manager", "POST", "/v1/accounts/acct_unknown/webhooks", NOTHING, GOOD, 404, "NOT_FOUND"),
    ("reader", "POST", WEBHOOKS, NOTHING, GOOD, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "POST", WEBHOOKS, NOTHING, GOOD, 201, ""),
    ("reader", "GET", WEBHOOKS, NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "GET", "/v1/accounts/operator/webhooks", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", WEBHOOKS, NOTHING, "", 200, ""),
    ("manager", "GET", WEBHOOK, NOTHING, "", 200, ""),
    ("manager", "GET", UNKNOWN, NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", "/v1/accounts/{account}/webhooks/{theirs}", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "PATCH", WEBHOOK, NOTHING, r#"{"enabled":false}"#, 428, "PRECONDITION_REQUIRED"),
    ("manager", "PATCH", WEBHOOK, AT_9, r#"{"enabled":false}"#, 412, "PRECONDITION_FAILED"),
    ("manager", "PATCH", WEBHOOK, AT_1, r#"{"enabled":"no"}"#, 422, "INVALID_VALUE"),
    ("manager", "PATCH", WEBHOOK, AT_1, r#"{"url":"https://[::1]/"}"#, 422, "INVALID_VALUE"),
    ("reader", "PATCH", WEBHOOK, AT_1, r#"{"enabled":false}"#, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "PATCH", UNKNOWN, AT_1, r#"{"enabled":false}"#, 404, "NOT_FOUND"),
    ("manager", "PATCH", WEBHOOK, AT_1, r#"{"enabled":true,"events":[]}"#, 200, ""),
    ("reader", "POST", ROTATE, NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "POST", "/v1/accounts/{account}/webhooks/whk_unknown/secrets/rotate", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "POST", ROTATE, NOTHING, "", 201, ""),
    ("manager", "POST", ROTATE, NOTHING, r#"{"overlap_seconds":604801}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", ROTATE, NOTHING, r#"{"overlap_seconds":-1}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", ROTATE, NOTHING, r#"{"overlap_seconds":"1h"}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", ROTATE, NOTHING, r#"{"overlap":0}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", ROTATE, NOTHING, r#"{"overlap_seconds":0}"#, 201, ""),
    ("manager", "POST", "/v1/accounts/{account}/webhooks/whk_unknown/test", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "POST", TEST, NOTHING, "", 201, ""),
    ("manager", "GET", "/v1/accounts/{account}/webhooks/whk_unknown/deliveries", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", DELIVERIES, NOTHING, "", 200, ""),
    (
        "manager",
        "POST",
        "/v1/accounts/{account}/webhooks/{webhook}/deliveries/evt_0/redeliver",
        NOTHING,
        "",
        404,
        "NOT_FOUND",
    ),
    ("manager", "POST", REDELIVER, NOTHING, "", 200, ""),
    ("manager", "DELETE", WEBHOOK, NOTHING, "", 428, "PRECONDITION_REQUIRED"),
    ("manager", "DELETE", WEBHOOK, AT_1, "", 412, "PRECONDITION_FAILED"),
    ("manager", "DELETE", UNKNOWN, AT_1, "", 404, "NOT_FOUND"),
    ("manager", "DELETE", WEBHOOK, &[("if-match", "\"4\"")], "", 204, ""),
];

#[tokio::test]
async fn webhook_routes_have_their_statuses() {
    let mut running = Running::start().await;
    let setting = running.setting();
    let (system, management) = (setting.system(), &setting.management);
    let ada = setting.signed_in("ada@example.com").await;
    let account = management.own_accounts(&ada).await.unwrap().remove(0).0.value.id;
    let url = "https://example.com/hooks";
    let webhook = management.create_webhook(&system, &account, url, "", &[]).await.unwrap().webhook.id;
    let theirs = management.create_webhook(&system, management.operator(), url, "", &[]).await.unwrap().webhook.id;
    let delivery = management.test_webhook(&system, &account, &webhook).await.unwrap().id;
    running.name("webhook", webhook);
    running.name("theirs", theirs);
    running.name("delivery", delivery);
    running.check(HOOKS).await;
    let long = format!(r#"{{"url":"https://example.com/{}"}}"#, "a".repeat(2_048));
    let described = format!(r#"{{"url":"https://example.com/","description":"{}"}}"#, "a".repeat(201));
    let many =
        format!(r#"{{"url":"https://example.com/","events":[{}"key.created"]}}"#, r#""key.created","#.repeat(50));
    for body in [&long, &described, &many] {
        running.check(&[("manager", "POST", WEBHOOKS, NOTHING, body, 422, "INVALID_VALUE")]).await;
    }
    let listed = running.list("manager", WEBHOOKS).await;
    running.name("spare", listed["data"][0]["id"].as_str().unwrap().to_owned());
    running.throttled("manager", "/v1/accounts/{account}/webhooks/{spare}/test", 2_000).await;
    let listed = listed.to_string();
    assert!(!listed.contains("whsec_"), "a list shows a secret: {listed}");
    for _ in 0..19 {
        running.check(&[("manager", "POST", WEBHOOKS, NOTHING, GOOD, 201, "")]).await;
    }
    running.check(&[("manager", "POST", WEBHOOKS, NOTHING, GOOD, 422, "INVALID_VALUE")]).await;
    running.end().await;
}
