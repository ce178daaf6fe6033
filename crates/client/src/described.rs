//! The client has a method for each operation that the server describes.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// The description that the server serves at `/openapi.json`.
fn description() -> Value {
    serde_json::to_value(keyward_manage::openapi()).unwrap()
}

fn operations(whole: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = whole["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(|(method, found)| (method.as_str(), path.as_str(), found))
    })
}

/// The methods of [`Client`](crate::Client), as what they ask for. A new operation needs a method, and a line here.
const OPERATIONS: &[(&str, &str)] = &[
    ("get", "/v1/accounts"),
    ("get", "/v1/accounts/{account}"),
    ("get", "/v1/accounts/{account}/members"),
    ("get", "/v1/accounts/{account}/members/{user}"),
    ("get", "/v1/accounts/{account}/usage"),
    ("get", "/v1/audit-log"),
    ("get", "/v1/audit-log/verify"),
    ("get", "/v1/keys"),
    ("get", "/v1/keys/self"),
    ("get", "/v1/keys/{key}"),
    ("get", "/v1/keys/{key}/usage"),
    ("get", "/v1/plans"),
    ("get", "/v1/users/self"),
    ("get", "/v1/users/self/sessions"),
    ("patch", "/v1/accounts/{account}"),
    ("patch", "/v1/accounts/{account}/members/{user}"),
    ("patch", "/v1/keys/{key}"),
    ("patch", "/v1/users/self"),
    ("post", "/v1/accounts"),
    ("post", "/v1/accounts/{account}/invitations"),
    ("get", "/v1/accounts/{account}/invitations"),
    ("delete", "/v1/accounts/{account}/invitations/{invitation}"),
    ("get", "/v1/users/self/invitations"),
    ("post", "/v1/users/self/invitations/accept"),
    ("post", "/v1/users/self/invitations/{invitation}/accept"),
    ("delete", "/v1/users/self/invitations/{invitation}"),
    ("post", "/v1/keys"),
    ("post", "/v1/keys/self/revoke"),
    ("post", "/v1/keys/{key}/disable"),
    ("post", "/v1/keys/{key}/enable"),
    ("post", "/v1/keys/{key}/revoke"),
    ("post", "/v1/keys/{key}/rotate"),
    ("post", "/v1/plans"),
    ("post", "/v1/tokens"),
    ("post", "/v1/tokens/refresh"),
    ("post", "/v1/tokens/sign-out"),
    ("post", "/v1/users"),
    ("post", "/v1/users/accept-invitation"),
    ("post", "/v1/users/self/password"),
    ("put", "/v1/plans/{plan}"),
    ("delete", "/v1/plans/{plan}"),
    ("delete", "/v1/accounts/{account}/members/{user}"),
    ("delete", "/v1/users/{user}"),
    ("get", "/v1/settings"),
    ("get", "/v1/users"),
    ("get", "/v1/users/{user}"),
    ("patch", "/v1/settings"),
    ("post", "/v1/users/forgot-password"),
    ("post", "/v1/users/reset-password"),
    ("post", "/v1/users/{user}/disable"),
    ("post", "/v1/users/{user}/enable"),
    ("post", "/v1/users/{user}/password-reset"),
];

#[test]
fn every_operation_has_a_method() {
    let whole = description();
    let described: BTreeSet<(&str, &str)> = operations(&whole).map(|(method, path, _)| (method, path)).collect();
    let known: BTreeSet<(&str, &str)> = OPERATIONS.iter().copied().collect();
    assert_eq!(known, described, "what the client asks for, and what the server describes");
}

/// An answer may have anything in its text: what is shown of a failure to read it has none of it.
#[test]
fn what_cannot_be_read_is_not_shown() {
    #[derive(Debug, Deserialize)]
    struct Odd {
        #[allow(dead_code, reason = "it is never read")]
        key: u8,
    }
    let shown = |value: &dyn fmt::Debug| format!("{value:?}");
    let error = crate::request::Answer::of(200, br#"{"key":"kw_live_canary"}"#).read::<Odd>().unwrap_err();
    assert!(!shown(&error).contains("canary") && !error.to_string().contains("canary"), "{error:?}");
}
