use keyward::AccountId;
use keyward::manage::{Context, NewUser, Role};

use crate::api::{AT_1, AT_9, NOTHING, Row, Running};
use crate::setting::PASSWORD;

const AT_0: &[(&str, &str)] = &[("if-match", "\"0\"")];
/// The version of a user after signing up, signing in, and getting tokens.
const AT_3: &[(&str, &str)] = &[("if-match", "\"3\"")];

pub(crate) const PEOPLE: &[Row<'static>] = &[
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
    // The user also belongs to another account.
    ("manager", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 403, "ESCALATION"),
    ("operator", "POST", "/v1/users/{user}/password-reset", NOTHING, "", 201, ""),
    ("nobody", "DELETE", "/v1/users/{user}/second-factor", NOTHING, "", 401, "MISSING_API_KEY"),
    ("reader", "DELETE", "/v1/users/{user}/second-factor", NOTHING, "", 403, "INSUFFICIENT_SCOPE"),
    ("token", "DELETE", "/v1/users/{user}/second-factor", NOTHING, "", 422, "INVALID_VALUE"),
    ("manager", "DELETE", "/v1/users/user_unknown/second-factor", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "DELETE", "/v1/users/{user}/second-factor", NOTHING, "", 403, "ESCALATION"),
    // The user has none.
    ("operator", "DELETE", "/v1/users/{user}/second-factor", NOTHING, "", 404, "NOT_FOUND"),
    ("nobody", "POST", LINKS, NOTHING, "", 401, "MISSING_API_KEY"),
    ("reader", "POST", LINKS, NOTHING, r#"{"user":"{user}"}"#, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "POST", LINKS, NOTHING, r#"{"user":"{user}"}"#, 403, "ESCALATION"),
    ("token", "POST", LINKS, NOTHING, r#"{"user":"{user}"}"#, 404, "NOT_FOUND"),
    ("operator", "POST", LINKS, NOTHING, "{}", 422, "INVALID_VALUE"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"user_unknown"}"#, 404, "NOT_FOUND"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"not an address@"}"#, 422, "INVALID_VALUE"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"new@example.com"}"#, 404, "NOT_FOUND"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"{user}","account":"operator"}"#, 404, "NOT_FOUND"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"{user}","path":"//evil.example"}"#, 422, "INVALID_VALUE"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"new@example.com","name":"New"}"#, 422, "INVALID_VALUE"),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"new@example.com","role":"viewer"}"#, 422, "INVALID_VALUE"),
    (
        "operator",
        "POST",
        LINKS,
        NOTHING,
        r#"{"user":"n@example.com","name":"N","role":"viewer"}"#,
        422,
        "INVALID_VALUE",
    ),
    ("operator", "POST", LINKS, NOTHING, r#"{"user":"{user}","path":"/settings"}"#, 201, ""),
    // The user is the only owner of two accounts.
    ("operator", "POST", "/v1/users/{user}/disable", NOTHING, "", 409, "LAST_OWNER"),
    ("token", "GET", "/v1/users/self", NOTHING, "", 200, ""),
];

#[tokio::test]
async fn every_route_about_people_has_its_statuses() {
    let running = Running::start().await;
    running.check(PEOPLE).await;
    running.end().await;
}

const LINKS: &str = "/v1/sign-in-links";
const OPEN: &str = "/v1/accounts/{account}/invitations";
const OWN: &str = "/v1/users/self/invitations";
const BY_LINK: &str = "/v1/users/self/invitations/accept";

pub(crate) const INVITATIONS: &[Row<'static>] = &[
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
    ("token", "POST", BY_LINK, NOTHING, r#"{"invitation":"kwi_x"}"#, 401, "LINK_ENDED"),
    ("token", "POST", "/v1/users/self/invitations/inv_unknown/accept", NOTHING, "", 404, "NOT_FOUND"),
    ("token", "DELETE", "/v1/users/self/invitations/inv_unknown", NOTHING, "", 404, "NOT_FOUND"),
    ("manager", "DELETE", "/v1/users/self/invitations/inv_unknown", NOTHING, "", 403, "USER_REQUIRED"),
];

#[tokio::test]
async fn every_route_about_invitations_has_its_statuses() {
    let running = Running::start().await;
    running.check(INVITATIONS).await;
    running.end().await;
}

/// `grace` has a verified address and the named invitations.
pub(crate) const ACCEPTING: &[Row<'static>] = &[
    ("nobody", "POST", OPEN, NOTHING, r#"{"email":"b@example.com","role":"viewer"}"#, 401, "MISSING_API_KEY"),
    (
        "manager",
        "POST",
        "/v1/accounts/acct_unknown/invitations",
        NOTHING,
        r#"{"email":"b@example.com","role":"viewer"}"#,
        404,
        "NOT_FOUND",
    ),
    ("nobody", "DELETE", "/v1/accounts/{account}/invitations/{withdrawn}", NOTHING, "", 401, "MISSING_API_KEY"),
    ("token", "DELETE", "/v1/accounts/{account}/invitations/{withdrawn}", NOTHING, "", 204, ""),
    ("token", "DELETE", "/v1/accounts/{account}/invitations/{withdrawn}", NOTHING, "", 404, "NOT_FOUND"),
    ("nobody", "GET", OWN, NOTHING, "", 401, "MISSING_API_KEY"),
    // Accept by ID.
    ("nobody", "POST", "/v1/users/self/invitations/{to_grace}/accept", NOTHING, "", 401, "MISSING_API_KEY"),
    ("manager", "POST", "/v1/users/self/invitations/{to_grace}/accept", NOTHING, "", 403, "USER_REQUIRED"),
    // The invitation is for another user, and this user's address is unverified.
    ("token", "POST", "/v1/users/self/invitations/{to_grace}/accept", NOTHING, "", 404, "NOT_FOUND"),
    ("grace", "POST", "/v1/users/self/invitations/{to_grace}/accept", NOTHING, "", 200, ""),
    ("grace", "POST", "/v1/users/self/invitations/{to_grace}/accept", NOTHING, "", 404, "NOT_FOUND"),
    // Decline.
    ("nobody", "DELETE", "/v1/users/self/invitations/{unwanted}", NOTHING, "", 401, "MISSING_API_KEY"),
    ("grace", "DELETE", "/v1/users/self/invitations/{unwanted}", NOTHING, "", 204, ""),
    ("grace", "DELETE", "/v1/users/self/invitations/{unwanted}", NOTHING, "", 404, "NOT_FOUND"),
    // Accept by link.
    ("nobody", "POST", BY_LINK, NOTHING, r#"{"invitation":"{link}"}"#, 401, "MISSING_API_KEY"),
    ("manager", "POST", BY_LINK, NOTHING, r#"{"invitation":"{link}"}"#, 403, "USER_REQUIRED"),
    ("grace", "POST", BY_LINK, NOTHING, "{}", 422, "INVALID_VALUE"),
    ("grace", "POST", BY_LINK, NOTHING, r#"{"invitation":"{late_link}"}"#, 422, "INVALID_VALUE"),
    ("grace", "POST", BY_LINK, NOTHING, r#"{"invitation":"{link}"}"#, 200, ""),
    ("grace", "POST", BY_LINK, NOTHING, r#"{"invitation":"{link}"}"#, 401, "LINK_ENDED"),
    // The user joined after the invitation was created.
    ("late", "POST", BY_LINK, NOTHING, r#"{"invitation":"{late_link}"}"#, 409, "ALREADY_EXISTS"),
    // Accept as a new user.
    (
        "nobody",
        "POST",
        "/v1/users/accept-invitation",
        NOTHING,
        r#"{"invitation":"{ada_link}","name":"Ada","password":"long enough for anybody"}"#,
        409,
        "ADDRESS_IN_USE",
    ),
    (
        "nobody",
        "POST",
        "/v1/users/accept-invitation",
        NOTHING,
        r#"{"invitation":"{new_link}","name":"New","password":"short"}"#,
        422,
        "INVALID_VALUE",
    ),
    (
        "nobody",
        "POST",
        "/v1/users/accept-invitation",
        NOTHING,
        r#"{"invitation":"{new_link}","name":"New","password":"long enough for anybody"}"#,
        202,
        "",
    ),
];

#[tokio::test]
async fn every_way_into_an_account_has_its_statuses() {
    let mut running = Running::start().await;
    let (management, system) = (running.setting().management.clone(), running.setting().system());
    let ada = running.setting().signed_in("ada@example.com").await;
    let own = management.own_accounts(&ada).await.unwrap().remove(0).0.value.id;
    let (_, other) = running.setting().customer("eve@example.com").await;
    let (_, third) = running.setting().customer("dora@example.com").await;
    let invite = async |account: &AccountId, email: &str| {
        management.invite(&system, account, email, Role::Viewer).await.unwrap()
    };
    let tokens = async |email: &str| {
        let issued = management.issue_tokens(&Context::new(), email, PASSWORD).await.unwrap();
        issued.access.expose_once().to_string()
    };
    // A link from the program itself verifies the address.
    let first = invite(&other, "grace@example.com").await.secret;
    management.accept_invitation(&Context::new(), &first, "Grace", PASSWORD).await.unwrap();
    running.name("grace", tokens("grace@example.com").await);
    running.name("withdrawn", invite(&own, "b@example.com").await.invitation.id);
    running.name("to_grace", invite(&own, "grace@example.com").await.invitation.id);
    running.name("unwanted", invite(&third, "grace@example.com").await.invitation.id);
    running.name("link", &*invite(management.operator(), "grace@example.com").await.secret);
    running.name("late_link", &*invite(management.operator(), "late@example.com").await.secret);
    management.create_owner(&system, NewUser::new("late@example.com", "Late", PASSWORD)).await.unwrap();
    running.name("late", tokens("late@example.com").await);
    running.name("ada_link", &*invite(&other, "ada@example.com").await.secret);
    running.name("new_link", &*invite(&other, "new@example.com").await.secret);
    running.check(ACCEPTING).await;
    running.end().await;
}

#[tokio::test]
async fn a_user_owns_so_many_accounts_and_no_more() {
    let running = Running::start().await;
    let create = |status, code| ("token", "POST", "/v1/accounts", NOTHING, r#"{"name":"New"}"#, status, code);
    // Signing up created the first of 20 accounts.
    let mut rows = vec![create(201, ""); 19];
    rows.push(create(409, "ACCOUNT_LIMIT_REACHED"));
    running.check(&rows).await;
    running.end().await;
}

pub(crate) const SETTINGS: &[Row<'static>] = &[
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
        r##"{"name":"New","accent":"#6D28D9","theme":"dark","logo":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"}"##,
        200,
        "",
    ),
    ("operator", "PATCH", "/v1/settings", AT_0, "{}", 412, "PRECONDITION_FAILED"),
    ("operator", "PATCH", "/v1/settings", AT_1, r#"{"name":null,"logo":null}"#, 200, ""),
];

#[tokio::test]
async fn settings_have_their_statuses() {
    let running = Running::start().await;
    running.check(SETTINGS).await;
    running.end().await;
}
