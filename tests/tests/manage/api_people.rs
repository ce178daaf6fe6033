//! The HTTP API, where it is about people and what they see: a test per status per route.

use crate::api::{AT_1, AT_9, NOTHING, Row, Running};

const AT_0: &[(&str, &str)] = &[("if-match", "\"0\"")];
/// Somebody who has signed up, signed in, and got tokens.
const AT_3: &[(&str, &str)] = &[("if-match", "\"3\"")];

#[tokio::test]
async fn every_route_about_people_has_its_statuses() {
    let running = Running::start().await;
    let rows: &[Row<'_>] = &[
        (
            "nobody",
            "POST",
            "/v1/users/accept-invitation",
            NOTHING,
            r#"{"invitation":"kwi_x","name":"C","password":"long enough for anybody"}"#,
            401,
            "LINK_ENDED",
        ),
        ("nobody", "POST", "/v1/users/forgot-password", NOTHING, r#"{"email":"nobody@example.com"}"#, 202, ""),
        ("nobody", "POST", "/v1/users/forgot-password", NOTHING, r#"{"email":"no"}"#, 422, "INVALID_VALUE"),
        (
            "nobody",
            "POST",
            "/v1/users/reset-password",
            NOTHING,
            r#"{"reset":"kwp_x","password":"long enough for anybody"}"#,
            401,
            "LINK_ENDED",
        ),
        (
            "nobody",
            "POST",
            "/v1/users/reset-password",
            NOTHING,
            r#"{"reset":"kwp_x","password":"short"}"#,
            422,
            "INVALID_VALUE",
        ),
        ("manager", "GET", "/v1/users", NOTHING, "", 404, "NOT_FOUND"),
        ("operator", "GET", "/v1/users?limit=1", NOTHING, "", 200, ""),
        ("operator", "GET", "/v1/users?email=nobody@example.com", NOTHING, "", 200, ""),
        ("operator", "GET", "/v1/users?email=nonsense", NOTHING, "", 422, "INVALID_VALUE"),
        ("operator", "GET", "/v1/users?after=nonsense", NOTHING, "", 422, "INVALID_VALUE"),
        ("nobody", "GET", "/v1/users", NOTHING, "", 401, "MISSING_API_KEY"),
        ("operator", "GET", "/v1/users/{user}", NOTHING, "", 200, ""),
        ("manager", "GET", "/v1/users/{user}", NOTHING, "", 404, "NOT_FOUND"),
        ("operator", "GET", "/v1/users/user_unknown", NOTHING, "", 404, "NOT_FOUND"),
        ("manager", "POST", "/v1/users/{user}/disable", NOTHING, "", 404, "NOT_FOUND"),
        ("operator", "POST", "/v1/users/user_unknown/disable", NOTHING, "", 404, "NOT_FOUND"),
        ("manager", "POST", "/v1/users/{user}/enable", NOTHING, "", 404, "NOT_FOUND"),
        ("operator", "POST", "/v1/users/{user}/enable", NOTHING, "", 200, ""),
        ("operator", "DELETE", "/v1/users/{user}", NOTHING, "", 428, "PRECONDITION_REQUIRED"),
        ("operator", "DELETE", "/v1/users/{user}", &[("if-match", "\"99\"")], "", 412, "PRECONDITION_FAILED"),
        ("manager", "DELETE", "/v1/users/{user}", AT_1, "", 404, "NOT_FOUND"),
        ("operator", "DELETE", "/v1/users/{user}", AT_3, "", 409, "LAST_OWNER"),
        ("nobody", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 401, "MISSING_API_KEY"),
        ("reader", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
        ("token", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 422, "INVALID_VALUE"),
        ("manager", "POST", "/v1/users/user_unknown/password-reset", NOTHING, "", 404, "NOT_FOUND"),
        ("token", "POST", "/v1/accounts", NOTHING, r#"{"name":"New"}"#, 201, ""),
        // They belong to another account, too.
        ("manager", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 403, "ESCALATION"),
        ("operator", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 201, ""),
        // The only owner of two accounts.
        ("operator", "POST", "/v1/users/{user}/disable", NOTHING, "", 409, "LAST_OWNER"),
        ("token", "GET", "/v1/users/self", NOTHING, "", 200, ""),
    ];
    running.check(rows).await;
    running.end().await;
}

#[tokio::test]
async fn every_route_about_invitations_has_its_statuses() {
    let running = Running::start().await;
    const OPEN: &str = "/v1/accounts/{account}/invitations";
    const OWN: &str = "/v1/users/self/invitations";
    let rows: &[Row<'_>] = &[
        ("nobody", "GET", OPEN, NOTHING, "", 401, "MISSING_API_KEY"),
        ("reader", "GET", OPEN, NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
        ("manager", "GET", OPEN, NOTHING, "", 200, ""),
        ("manager", "GET", "/v1/accounts/{account}/invitations?after=nonsense", NOTHING, "", 422, "INVALID_VALUE"),
        ("manager", "GET", "/v1/accounts/acct_unknown/invitations", NOTHING, "", 404, "NOT_FOUND"),
        ("reader", "POST", OPEN, NOTHING, r#"{"email":"b@example.com","role":"viewer"}"#, 403, "INSUFFICIENT_SCOPE"),
        ("token", "POST", OPEN, NOTHING, r#"{"email":"b@example.com","role":"owner"}"#, 201, ""),
        ("token", "POST", OPEN, NOTHING, r#"{"email":"b@example.com","role":"viewer"}"#, 201, ""),
        ("token", "DELETE", "/v1/accounts/{account}/invitations/inv_unknown", NOTHING, "", 404, "NOT_FOUND"),
        ("reader", "DELETE", "/v1/accounts/{account}/invitations/inv_unknown", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
        ("token", "GET", OWN, NOTHING, "", 200, ""),
        ("manager", "GET", OWN, NOTHING, "", 403, "USER_REQUIRED"),
        ("token", "POST", "/v1/users/self/invitations/accept", NOTHING, r#"{"invitation":"kwi_x"}"#, 401, "LINK_ENDED"),
        ("token", "POST", "/v1/users/self/invitations/inv_unknown/accept", NOTHING, "", 404, "NOT_FOUND"),
        ("token", "DELETE", "/v1/users/self/invitations/inv_unknown", NOTHING, "", 404, "NOT_FOUND"),
        ("manager", "DELETE", "/v1/users/self/invitations/inv_unknown", NOTHING, "", 403, "USER_REQUIRED"),
    ];
    running.check(rows).await;
    running.end().await;
}

#[tokio::test]
async fn settings_have_their_statuses() {
    let running = Running::start().await;
    let rows: &[Row<'_>] = &[
        ("manager", "GET", "/v1/settings", NOTHING, "", 404, "NOT_FOUND"),
        ("operator", "GET", "/v1/settings", NOTHING, "", 200, ""),
        ("operator", "PATCH", "/v1/settings", NOTHING, "{}", 428, "PRECONDITION_REQUIRED"),
        ("operator", "PATCH", "/v1/settings", AT_9, "{}", 412, "PRECONDITION_FAILED"),
        ("operator", "PATCH", "/v1/settings", AT_0, r##"{"accent":"#ffe066"}"##, 422, "INVALID_VALUE"),
        ("operator", "PATCH", "/v1/settings", AT_0, r#"{"theme":"pink"}"#, 422, "INVALID_VALUE"),
        ("operator", "PATCH", "/v1/settings", AT_0, r#"{"logo":"PHN2Zy8+"}"#, 422, "INVALID_VALUE"),
        ("operator", "PATCH", "/v1/settings", AT_0, r#"{"logo":"?"}"#, 422, "INVALID_VALUE"),
        ("manager", "PATCH", "/v1/settings", AT_0, r#"{"name":"New"}"#, 404, "NOT_FOUND"),
        (
            "operator",
            "PATCH",
            "/v1/settings",
            AT_0,
            r##"{"name":"New","accent":"#6D28D9","theme":"dark","logo":"iVBORw0KGgo="}"##,
            200,
            "",
        ),
        ("operator", "PATCH", "/v1/settings", AT_0, "{}", 412, "PRECONDITION_FAILED"),
        ("operator", "PATCH", "/v1/settings", AT_1, r#"{"name":null,"logo":null}"#, 200, ""),
    ];
    running.check(rows).await;
    running.end().await;
}
