use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::Request;
use keyward::adapter::TlsTransport;
use keyward::manage::{Management, Role, SqliteManagementStore};
use keyward::sqlite::SqliteStore;
use keyward::{PeerAddress, TrustedProxies};
use keyward_tests::service::call;
use serde_json::Value;

use crate::api::{NOTHING, Row, Running};

const fn at(tag: &str) -> (&str, &str) {
    ("if-match", tag)
}

const NEW: &str = r#"{"name":"new"}"#;
const KEY: &str = "/v1/keys/{key}";
const MEMBER: &str = "/v1/accounts/{account}/members/{user}";
const STALE: &str = "PRECONDITION_FAILED";

pub(crate) const PRECONDITIONS: &[Row<'static>] = &[
    // The key starts at version 1; each 200 increments it.
    ("manager", "PATCH", KEY, &[at("\"1\", \"99\"")], NEW, 200, ""),
    ("manager", "PATCH", KEY, &[at("\"1\", \"99\"")], NEW, 412, STALE),
    ("manager", "PATCH", KEY, &[at("\"99\""), at("\"2\"")], NEW, 200, ""),
    ("manager", "PATCH", KEY, &[at("\"98\""), at("\"99\"")], NEW, 412, STALE),
    ("manager", "PATCH", KEY, &[at("*")], NEW, 200, ""),
    ("manager", "PATCH", KEY, &[at("W/\"4\"")], NEW, 412, STALE),
    ("manager", "PATCH", KEY, &[at("W/\"4\", \"4\"")], NEW, 200, ""),
    ("manager", "PATCH", KEY, &[at("\"04\"")], NEW, 412, STALE),
    ("manager", "PATCH", KEY, &[at("\"18446744073709551615\"")], NEW, 412, STALE),
    ("manager", "PATCH", KEY, &[at("\"a,5\",,\"5\"")], NEW, 200, ""),
    ("manager", "PATCH", KEY, &[at("*, \"6\"")], NEW, 400, "INVALID_REQUEST"),
    ("manager", "PATCH", KEY, &[at("*"), at("*")], NEW, 400, "INVALID_REQUEST"),
    ("manager", "PATCH", KEY, &[at("6")], NEW, 400, "INVALID_REQUEST"),
    ("manager", "PATCH", KEY, &[at("\"6\"x")], NEW, 400, "INVALID_REQUEST"),
    ("manager", "PATCH", KEY, &[at("\"6 \"")], NEW, 400, "INVALID_REQUEST"),
    ("manager", "PATCH", KEY, &[at("")], NEW, 400, "INVALID_REQUEST"),
    // A precondition reveals nothing that the caller may not see.
    ("reader", "PATCH", KEY, &[at("*")], NEW, 403, "INSUFFICIENT_SCOPE"),
    ("manager", "PATCH", "/v1/keys/key_unknown", &[at("*")], NEW, 404, "NOT_FOUND"),
    ("manager", "PATCH", "/v1/accounts/operator", &[at("*")], NEW, 404, "NOT_FOUND"),
    ("manager", "PATCH", "/v1/accounts/{account}", &[at("\"7\", \"1\"")], NEW, 200, ""),
    ("manager", "PATCH", "/v1/accounts/{account}", &[at("*")], NEW, 200, ""),
    ("operator", "PUT", "/v1/plans/Pro", &[at("*")], "{}", 404, "NOT_FOUND"),
    ("operator", "POST", "/v1/plans", NOTHING, r#"{"name":"Pro"}"#, 201, ""),
    ("operator", "PUT", "/v1/plans/Pro", &[at("*")], "{}", 200, ""),
    ("operator", "DELETE", "/v1/plans/Pro", &[at("\"1\""), at("\"2\"")], "", 204, ""),
    ("manager", "PATCH", MEMBER, &[at("*")], r#"{"role":"viewer"}"#, 409, "LAST_OWNER"),
    ("manager", "DELETE", MEMBER, &[at("\"9\"")], "", 412, STALE),
    ("token", "PATCH", "/v1/users/self", &[at("*")], r#"{"name":"Ada L."}"#, 200, ""),
    ("operator", "PATCH", "/v1/settings", &[at("*")], r#"{"name":"Ours"}"#, 200, ""),
    ("operator", "DELETE", "/v1/users/user_unknown", &[at("*")], "", 404, "NOT_FOUND"),
];

#[tokio::test]
async fn if_match_is_a_star_or_a_list_on_one_line_or_several() {
    let running = Running::start().await;
    running.check(PRECONDITIONS).await;
    running.end().await;
}

#[tokio::test]
async fn an_array_is_no_object_and_an_object_no_word() {
    let running = Running::start().await;
    let key = r#"[null,"by place","api","restricted","live",["a:b"]]"#;
    let plan = r#"["Pro","by place",3]"#;
    let once: &[(&str, &str)] = &[("idempotency-key", "by-place")];
    let any: &[(&str, &str)] = &[("if-match", "*")];
    let mut rows: Vec<Row<'_>> = vec![("manager", "POST", "/v1/keys", once, key, 422, "INVALID_VALUE")];
    for (who, method, path, headers, body) in [
        ("manager", "POST", "/v1/keys", NOTHING, key),
        ("manager", "POST", "/v1/keys", NOTHING, "[]"),
        ("manager", "POST", "/v1/keys", NOTHING, r#"[{"name":"x","scopes":["a:b"]}]"#),
        ("manager", "PATCH", "/v1/keys/{key}", any, r#"["new",null,null,null,null,null]"#),
        ("manager", "POST", "/v1/keys/{key}/rotate", NOTHING, "[3600]"),
        ("token", "POST", "/v1/accounts", NOTHING, r#"["New"]"#),
        ("manager", "PATCH", "/v1/accounts/{account}", any, r#"["New",null,null,null]"#),
        ("manager", "POST", "/v1/accounts/{account}/invitations", NOTHING, r#"["b@example.com","admin"]"#),
        ("manager", "PATCH", "/v1/accounts/{account}/members/{user}", any, r#"["owner"]"#),
        ("operator", "POST", "/v1/plans", NOTHING, plan),
        ("operator", "PATCH", "/v1/settings", any, r#"["Ours",null,null,null]"#),
        ("nobody", "POST", "/v1/users", NOTHING, r#"["c@example.com","C","long enough for anybody"]"#),
        ("nobody", "POST", "/v1/users/accept-invitation", NOTHING, r#"["kwi_x","C","long enough for anybody"]"#),
        ("nobody", "POST", "/v1/users/forgot-password", NOTHING, r#"["ada@example.com"]"#),
        ("nobody", "POST", "/v1/users/reset-password", NOTHING, r#"["kwr_x","long enough for anybody"]"#),
        ("nobody", "POST", "/v1/tokens", NOTHING, r#"["ada@example.com","correct horse battery staple"]"#),
        ("nobody", "POST", "/v1/tokens/refresh", NOTHING, r#"["kwt_x"]"#),
        ("token", "PATCH", "/v1/users/self", any, r#"["Ada L."]"#),
        ("token", "POST", "/v1/users/self/password", NOTHING, r#"["wrong","long enough for anybody"]"#),
        ("token", "POST", "/v1/tokens/sign-out", NOTHING, "[true]"),
        // An object is not accepted in place of a string.
        ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","scopes":["a:b"],"kind":{"restricted":null}}"#),
        ("manager", "POST", "/v1/keys", NOTHING, r#"{"name":"x","scopes":["a:b"],"mode":{"live":null}}"#),
        (
            "manager",
            "POST",
            "/v1/keys",
            NOTHING,
            r#"{"name":"x","scopes":["keys:read"],"purpose":{"management":null}}"#,
        ),
        (
            "manager",
            "POST",
            "/v1/accounts/{account}/invitations",
            NOTHING,
            r#"{"email":"b@example.com","role":{"admin":null}}"#,
        ),
        ("manager", "PATCH", "/v1/accounts/{account}/members/{user}", any, r#"{"role":{"owner":null}}"#),
        ("operator", "PATCH", "/v1/settings", any, r#"{"theme":{"dark":null}}"#),
    ] {
        rows.push((who, method, path, headers, body, 422, "INVALID_VALUE"));
    }
    running.check(&rows).await;
    running.end().await;
}

#[tokio::test]
async fn a_cursor_is_of_one_list() {
    let running = Running::start().await;
    running.set_the_lists_up().await;
    let lists = [
        ("manager", "/v1/keys?"),
        ("manager", "/v1/audit-log?"),
        ("manager", "/v1/accounts/{account}/members?"),
        ("operator", "/v1/accounts?all=true&"),
        ("operator", "/v1/users?"),
        ("token", "/v1/users/self/sessions?"),
    ];
    let mut cursors = Vec::new();
    for (who, list) in lists {
        let page = running.list(who, &format!("{list}limit=1")).await;
        let next = page["next"].as_str().unwrap_or_else(|| panic!("{list} has one page: {page}"));
        cursors.push(next.bytes().map(encoded).collect::<String>());
    }
    for (who, list) in lists {
        for ((_, of), cursor) in lists.iter().zip(&cursors) {
            let path = format!("{list}after={cursor}");
            let (status, code) = if *of == list { (200, "") } else { (422, "INVALID_VALUE") };
            running.check(&[(who, "GET", &path, NOTHING, "", status, code)]).await;
        }
    }
    let some = &cursors[3];
    let pages: Vec<String> = [
        format!("/v1/accounts?after={some}"),
        format!("/v1/users?email=ada@example.com&after={}", cursors[4]),
        format!("/v1/accounts?all=true&after={}", some.trim_start_matches("account.")),
        format!("/v1/accounts?all=true&after={}", some.replacen("account.", "account.%2B", 1)),
        format!("/v1/accounts?all=true&after={}", some.replacen("account.", "account.0", 1)),
        "/v1/accounts?all=true&after=account.".to_owned(),
    ]
    .into();
    for path in &pages {
        running.check(&[("operator", "GET", path, NOTHING, "", 422, "INVALID_VALUE")]).await;
    }
    running.end().await;
}

#[tokio::test]
async fn plain_http_is_answered_on_the_machine_alone() {
    let store = SqliteStore::temporary().unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .trusted_proxies(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]))
        .build()
        .unwrap();
    let own = Router::new().route("/v1/verify", post(async || "verified"));
    let app = keyward::manage::api(management.clone()).merge(keyward::manage::secured(&management, own));
    let (near, proxy) = ("192.0.2.7:50000", "10.0.0.1:50000");
    for (host, peer, said, is_tls, expected) in [
        ("keys.example.com", near, "", false, 403),
        ("keys.example.com", near, "https", false, 403),
        ("keys.example.com", proxy, "http", false, 403),
        ("keys.example.com", proxy, "https", false, 401),
        ("keys.example.com", near, "", true, 401),
        ("10.0.0.7:8080", near, "", false, 403),
        ("localhost.example.com", near, "", false, 403),
        ("127.0.0.1@example.com", near, "", false, 403),
        ("", near, "", false, 403),
        ("localhost:8080", near, "", false, 401),
        ("127.0.0.1:8080", near, "", false, 401),
        ("[::1]:8080", near, "", false, 401),
        // A caller without connection information is trusted to have checked the transport.
        ("keys.example.com", "", "", false, 401),
    ] {
        for (method, path) in [("GET", "/v1/keys"), ("POST", "/v1/tokens"), ("POST", "/v1/verify")] {
            let mut request = Request::builder().method(method).uri(path).header("host", host);
            if !said.is_empty() {
                request = request.header("x-forwarded-proto", said).header("x-forwarded-for", "192.0.2.7");
            }
            if !peer.is_empty() {
                request = request.extension(PeerAddress(peer.parse().unwrap()));
            }
            if is_tls {
                request = request.extension(TlsTransport);
            }
            let answer = call(&app, request.body(Body::empty()).unwrap()).await;
            let what = format!("{method} {path} at {host:?} from {peer:?}, {said:?}: {answer:?}");
            if expected == 403 {
                assert_eq!((answer.status.as_u16(), &*answer.code()), (403, "HTTPS_REQUIRED"), "{what}");
                let body: Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(body["request_id"], answer.header("x-request-id"), "{what}");
            } else {
                let through = if path == "/v1/verify" { 200 } else { expected };
                let through = if path == "/v1/tokens" { 415 } else { through };
                assert_eq!(answer.status, through, "{what}");
            }
        }
    }
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

impl Running {
    async fn set_the_lists_up(&self) {
        let setting = self.setting();
        let owner = setting.signed_in("ada@example.com").await;
        let account = setting.management.own_accounts(&owner).await.unwrap().remove(0).0.value.id;
        setting.member(&owner, &account, "grace@example.com", Role::Viewer).await;
    }
}
