//! Every operation of the API has a table row for each status in its description.

use std::collections::{BTreeMap, BTreeSet};

use keyward::manage::{Context, Role};
use serde_json::Value;

use crate::api::{AT_1, AT_9, NOTHING, Row, Running};
use crate::api_people::{ACCEPTING, INVITATIONS, PEOPLE, SETTINGS};
use crate::api_rows::ROWS;
use crate::api_strict::PRECONDITIONS;
use crate::api_webhooks::HOOKS;
use crate::second_factor::Person;
use crate::setting::PASSWORD;

const MEMBERS: &str = "/v1/accounts/{account}/members";
const GRACE: &str = "/v1/accounts/{account}/members/{grace}";
const GRACE_KEYS: &str = "/v1/accounts/{account}/members/{grace}/keys/revoke";
const STRANGER: &str = "/v1/accounts/{account}/members/user_unknown";
const AT_2: &[(&str, &str)] = &[("if-match", "\"2\"")];
const ANY: &[(&str, &str)] = &[("if-match", "*")];

/// `grace` and `dora` are members, `refresh` belongs to `grace`, and `reset` to another user.
pub(crate) const REST: &[Row<'static>] = &[
    ("token", "POST", "/v1/accounts", NOTHING, "{}", 422, "INVALID_VALUE"),
    ("manager", "GET", "/v1/accounts/acct_unknown/usage", NOTHING, "", 404, "NOT_FOUND"),
    // Deletion.
    ("manager", "DELETE", "/v1/accounts/{gone}", ANY, "", 404, "NOT_FOUND"),
    ("token", "DELETE", "/v1/accounts/{account}", ANY, "", 403, "INSUFFICIENT_SCOPE"),
    ("manager", "DELETE", "/v1/accounts/{account}", ANY, "", 403, "INSUFFICIENT_SCOPE"),
    ("operator", "DELETE", "/v1/accounts/{gone}", NOTHING, "", 428, "PRECONDITION_REQUIRED"),
    ("operator", "DELETE", "/v1/accounts/{gone}", AT_9, "", 412, "PRECONDITION_FAILED"),
    ("operator", "DELETE", "/v1/accounts/operator", ANY, "", 422, "INVALID_VALUE"),
    ("operator", "DELETE", "/v1/accounts/{gone}", AT_1, "", 204, ""),
    ("operator", "DELETE", "/v1/accounts/{gone}", ANY, "", 404, "NOT_FOUND"),
    ("operator", "GET", "/v1/accounts/{gone}", NOTHING, "", 404, "NOT_FOUND"),
    ("operator", "GET", "/v1/audit-log?account={gone}", NOTHING, "", 200, ""),
    // Members.
    ("manager", "GET", "/v1/accounts/acct_unknown/members", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", MEMBERS, NOTHING, "", 200, ""),
    ("manager", "PATCH", STRANGER, AT_1, r#"{"role":"admin"}"#, 404, "NOT_FOUND"),
    ("manager", "PATCH", GRACE, AT_1, r#"{"role":"king"}"#, 422, "INVALID_VALUE"),
    ("manager", "PATCH", GRACE, AT_9, r#"{"role":"admin"}"#, 412, "PRECONDITION_FAILED"),
    ("manager", "PATCH", GRACE, AT_1, r#"{"role":"admin"}"#, 200, ""),
    ("manager", "DELETE", STRANGER, AT_1, "", 404, "NOT_FOUND"),
    ("manager", "DELETE", GRACE, NOTHING, "", 428, "PRECONDITION_REQUIRED"),
    ("manager", "DELETE", GRACE, AT_1, "", 412, "PRECONDITION_FAILED"),
    ("manager", "DELETE", GRACE, AT_2, "", 204, ""),
    // Keys.
    ("manager", "POST", "/v1/keys/key_unknown/disable", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "POST", "/v1/keys/key_unknown/enable", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "POST", "/v1/keys/key_unknown/rotate", NOTHING, r#"{"overlap_seconds":0}"#, 404, "NOT_FOUND"),
    ("manager", "GET", "/v1/keys/key_unknown/usage", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "GET", "/v1/keys/key_unknown/requests", NOTHING, "", 404, "NOT_FOUND"),
    // Plans.
    ("operator", "POST", "/v1/plans", NOTHING, "{}", 422, "INVALID_VALUE"),
    ("operator", "POST", "/v1/plans", NOTHING, r#"{"name":"Pro"}"#, 201, ""),
    ("operator", "PUT", "/v1/plans/Pro", AT_1, r#"{"key_limit":"many"}"#, 422, "INVALID_VALUE"),
    ("operator", "DELETE", "/v1/plans/Pro", NOTHING, "", 428, "PRECONDITION_REQUIRED"),
    ("operator", "DELETE", "/v1/plans/Unknown", ANY, "", 404, "NOT_FOUND"),
    // Limits.
    ("operator", "PUT", "/v1/accounts/acct_unknown/limits", ANY, "{}", 404, "NOT_FOUND"),
    ("operator", "PUT", "/v1/accounts/{account}/limits", ANY, r#"{"tasks":"many"}"#, 422, "INVALID_VALUE"),
    ("operator", "PUT", "/v1/accounts/{account}/limits", NOTHING, "{}", 428, "PRECONDITION_REQUIRED"),
    ("manager", "PUT", "/v1/keys/key_unknown/limits", ANY, "{}", 404, "NOT_FOUND"),
    ("manager", "PUT", "/v1/keys/{key}/limits", AT_9, "{}", 412, "PRECONDITION_FAILED"),
    ("manager", "PUT", "/v1/keys/{key}/limits", NOTHING, "{}", 428, "PRECONDITION_REQUIRED"),
    // Lifetimes.
    ("operator", "PUT", "/v1/accounts/acct_unknown/lifetimes", ANY, "{}", 404, "NOT_FOUND"),
    ("operator", "PUT", "/v1/accounts/{account}/lifetimes", ANY, r#"{"default_seconds":"many"}"#, 422, "INVALID_VALUE"),
    ("operator", "PUT", "/v1/accounts/{account}/lifetimes", NOTHING, "{}", 428, "PRECONDITION_REQUIRED"),
    // Tokens.
    ("nobody", "POST", "/v1/tokens", NOTHING, "{}", 422, "INVALID_VALUE"),
    (
        "nobody",
        "POST",
        "/v1/tokens",
        NOTHING,
        r#"{"email":"ada@example.com","password":"correct horse battery staple"}"#,
        201,
        "",
    ),
    ("nobody", "POST", "/v1/tokens/refresh", NOTHING, "{}", 422, "INVALID_VALUE"),
    ("nobody", "POST", "/v1/tokens/refresh", NOTHING, r#"{"refresh_token":"{refresh}"}"#, 201, ""),
    ("token", "POST", "/v1/tokens/sign-out", NOTHING, r#"{"everywhere":"yes"}"#, 422, "INVALID_VALUE"),
    // Users.
    ("token", "PATCH", "/v1/users/self", ANY, r#"{"name":5}"#, 422, "INVALID_VALUE"),
    (
        "token",
        "POST",
        "/v1/users/self/password",
        NOTHING,
        r#"{"current":"correct horse battery staple","new":"short"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "token",
        "POST",
        "/v1/users/self/password",
        NOTHING,
        r#"{"current":"correct horse battery staple","new":"long enough for anybody"}"#,
        202,
        "",
    ),
    (
        "nobody",
        "POST",
        "/v1/users/reset-password",
        NOTHING,
        r#"{"reset":"{reset}","password":"long enough for anybody"}"#,
        202,
        "",
    ),
    ("reader", "POST", GRACE_KEYS, NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("reader", "POST", "/v1/accounts/operator/members/{grace}/keys/revoke", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "POST", GRACE_KEYS, NOTHING, r#"{"reason":"sold"}"#, 422, "INVALID_VALUE"),
    ("manager", "POST", GRACE_KEYS, NOTHING, r#"{"reason":"affiliation_changed","note":"moved on"}"#, 200, ""),
    ("operator", "DELETE", "/v1/users/{eve}/second-factor", NOTHING, "", 204, ""),
    ("operator", "DELETE", "/v1/users/{eve}/second-factor", NOTHING, "", 404, "NOT_FOUND"),
    ("operator", "POST", "/v1/users/{dora}/disable", NOTHING, "", 200, ""),
    ("operator", "DELETE", "/v1/users/{dora}", ANY, "", 204, ""),
];

#[tokio::test]
async fn the_rest_of_the_routes_have_their_statuses() {
    let mut running = Running::start().await;
    let setting = running.setting();
    let ada = setting.signed_in("ada@example.com").await;
    let account = setting.management.own_accounts(&ada).await.unwrap().remove(0).0.value.id;
    let grace = setting.member(&ada, &account, "grace@example.com", Role::Viewer).await.user().unwrap().clone();
    let dora = setting.member(&ada, &account, "dora@example.com", Role::Viewer).await.user().unwrap().clone();
    let refresh =
        setting.management.issue_tokens(&Context::new(), "grace@example.com", PASSWORD).await.unwrap().refresh;
    // A change of memberships invalidates a reset link, so the link is for a user whose memberships stay the same.
    let (eve, _) = setting.customer("eve@example.com").await;
    Person::set_up(&setting.management, &setting.clock, &eve).await;
    let reset = setting.management.create_password_reset(&setting.system(), eve.user().unwrap()).await.unwrap().secret;
    let (_, gone) = setting.customer("gone@example.com").await;
    running.name("eve", eve.user().unwrap().clone());
    running.name("gone", gone);
    running.name("grace", grace);
    running.name("dora", dora);
    running.name("refresh", &*refresh);
    running.name("reset", &*reset);
    running.check(REST).await;
    running.end().await;
}

fn operations() -> BTreeMap<(String, String), Value> {
    let description = serde_json::to_value(keyward::manage::openapi()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.insert((path.clone(), method.to_uppercase()), operation.clone());
        }
    }
    operations
}

fn is_protected(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|security| !security.is_empty())
}

#[tokio::test]
async fn every_protected_operation_refuses_strangers() {
    let running = Running::start().await;
    let operations = operations();
    let protected = operations.iter().filter(|(_, operation)| is_protected(operation));
    let protected: Vec<_> = protected.map(|((path, method), _)| (method, path.replace(['{', '}'], ""))).collect();
    let rows: Vec<Row<'_>> = protected
        .iter()
        .map(|(method, path)| ("nobody", method.as_str(), path.as_str(), NOTHING, "", 401, "MISSING_API_KEY"))
        .collect();
    assert!(rows.len() > 40, "{}", rows.len());
    running.check(&rows).await;
    running.end().await;
}

pub(crate) fn fits(described: &str, asked: &str) -> bool {
    let asked = asked.split('?').next().unwrap_or_default();
    let (described, asked): (Vec<_>, Vec<_>) = (described.split('/').collect(), asked.split('/').collect());
    let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
    described.len() == asked.len() && described.iter().zip(&asked).all(same)
}

/// The other refusals are compared with the rows in `described`.
fn promised(path: &str, operation: &Value) -> BTreeSet<u16> {
    let listed = operation["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2'));
    let mut statuses: BTreeSet<u16> = listed.map(|status| status.parse().unwrap()).collect();
    if path.contains('{') {
        statuses.insert(404);
    }
    if operation["requestBody"].is_object() {
        statuses.insert(422);
    }
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters.any(|parameter| parameter["name"] == "If-Match") {
        statuses.extend([412, 428]);
    }
    statuses
}

#[test]
fn every_operation_has_a_row_for_each_promised_status() {
    let operations = operations();
    let mut seen: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
    let rows = [ROWS, PEOPLE, INVITATIONS, ACCEPTING, SETTINGS, PRECONDITIONS, HOOKS, REST].concat();
    for (_, method, asked, _, _, status, _) in rows {
        let fitting = operations.keys().filter(|(path, of)| of == method && fits(path, asked));
        // Prefer `/v1/keys/self` to `/v1/keys/{key}`.
        if let Some(operation) = fitting.min_by_key(|(path, _)| path.matches('{').count()) {
            seen.entry(operation).or_default().insert(status);
        }
    }
    let mut missing = Vec::new();
    for (operation, described) in &operations {
        let promised = promised(&operation.0, described);
        let seen = seen.remove(operation).unwrap_or_default();
        missing.extend(promised.difference(&seen).map(|status| format!("{} {} {status}", operation.1, operation.0)));
    }
    assert!(missing.is_empty(), "no row for\n{}", missing.join("\n"));
}
