use std::time::Duration;

use keyward::Rejection;
use keyward::rejection::RateLimit;
use keyward_tests::gateways::{Kind, reached};
use keyward_tests::program::Curled;
use serde_json::{Value, json};

use crate::setting::{Keys, Setting};

const UNKNOWN: &str = "kw_live_00000000000000000000000000";

enum Told {
    In,
    No { status: u16, code: &'static str, challenge: &'static str },
}

/// A path that a backend may read differently.
const AMBIGUOUS: Told = no(400, "INVALID_REQUEST", r#"error="invalid_request""#);

type KeyOf = fn(&Keys) -> Option<&str>;

const fn no(status: u16, code: &'static str, challenge: &'static str) -> Told {
    Told::No { status, code, challenge }
}

fn rows() -> Vec<(&'static str, KeyOf, &'static str, &'static [&'static str], Told)> {
    const POST: &[&str] = &["--data", "hello"];
    const FROM_AFAR: &[&str] = &["-H", "X-Forwarded-For: 192.0.2.7", "-H", "Forwarded: for=192.0.2.7"];
    const BROWSER: &[&str] = &["-H", "Origin: https://app.example.com", "-H", "Sec-Fetch-Site: cross-site"];
    let realm = r#"Bearer realm="api""#;
    vec![
        ("a good key", |k| Some(&k.reader), "/v1/resources", &[], Told::In),
        ("with a query", |k| Some(&k.reader), "/v1/resources?page=2&scope=a//b", &[], Told::In),
        ("with a body", |k| Some(&k.reader), "/v1/resources", POST, Told::In),
        ("a path with an encoded space", |k| Some(&k.reader), "/v1/a%20b/", &[], Told::In),
        ("a path with its own scope", |k| Some(&k.admin), "/admin/users", &[], Told::In),
        ("within its endpoints", |k| Some(&k.confined), "/v1/videos/1", &[], Told::In),
        ("a publishable key reads", |k| Some(&k.publishable), "/v1/resources", &[], Told::In),
        (
            "a publishable key writes",
            |k| Some(&k.publishable),
            "/v1/resources",
            POST,
            no(403, "KEY_KIND_NOT_ALLOWED", ""),
        ),
        ("outside of its endpoints", |k| Some(&k.confined), "/v1/resources", &[], no(403, "ENDPOINT_NOT_ALLOWED", "")),
        ("within its network", |k| Some(&k.at_home), "/v1/resources", &[], Told::In),
        ("outside of its network", |k| Some(&k.far_away), "/v1/resources", &[], no(403, "NETWORK_NOT_ALLOWED", "")),
        (
            "a forged client address",
            |k| Some(&k.far_away),
            "/v1/resources",
            FROM_AFAR,
            no(403, "NETWORK_NOT_ALLOWED", ""),
        ),
        (
            "a restricted key in a browser",
            |k| Some(&k.reader),
            "/v1/resources",
            BROWSER,
            no(403, "SECRET_KEY_IN_BROWSER", ""),
        ),
        ("a publishable key in a browser", |k| Some(&k.publishable), "/v1/resources", BROWSER, Told::In),
        ("no key", |_| None, "/v1/resources", &[], no(401, "MISSING_API_KEY", realm)),
        ("no key, with a body", |_| None, "/v1/resources", POST, no(401, "MISSING_API_KEY", realm)),
        ("an empty key", |_| Some(""), "/v1/resources", &[], no(401, "MISSING_API_KEY", realm)),
        (
            "a bad key",
            |_| Some("nonsense"),
            "/v1/resources",
            &[],
            no(401, "INVALID_API_KEY", r#"error="invalid_token""#),
        ),
        (
            "a made-up key",
            |_| Some(UNKNOWN),
            "/v1/resources",
            &[],
            no(401, "INVALID_API_KEY", r#"error="invalid_token""#),
        ),
        (
            "a revoked key",
            |k| Some(&k.revoked),
            "/v1/resources",
            &[],
            no(401, "API_KEY_REVOKED", r#"error="invalid_token""#),
        ),
        (
            "a list of keys",
            |_| Some("a, Bearer b"),
            "/v1/resources",
            &[],
            no(400, "INVALID_REQUEST", r#"error="invalid_request""#),
        ),
        ("another scheme", |_| None, "/v1/resources", &["--user", "a:b"], no(401, "MISSING_API_KEY", realm)),
        (
            "no scope",
            |k| Some(&k.unscoped),
            "/v1/resources",
            &[],
            no(403, "INSUFFICIENT_SCOPE", r#"scope="resources:read""#),
        ),
        (
            "no scope for this",
            |k| Some(&k.reader),
            "/admin",
            &[],
            no(403, "INSUFFICIENT_SCOPE", r#"scope="admin:access""#),
        ),
        (
            "a path in capitals",
            |k| Some(&k.reader),
            "/ADMIN/users",
            &[],
            no(403, "INSUFFICIENT_SCOPE", r#"scope="admin:access""#),
        ),
        ("an encoded question mark", |k| Some(&k.reader), "/admin%3f", &[], AMBIGUOUS),
        ("an encoded number sign", |k| Some(&k.reader), "/admin%23", &[], AMBIGUOUS),
        ("an encoded number sign, with more", |k| Some(&k.reader), "/admin%23/x", &[], AMBIGUOUS),
        ("an encoded hyphen", |k| Some(&k.reader), "/admin%2dpanel", &[], AMBIGUOUS),
        ("an overlong slash", |k| Some(&k.reader), "/x%c0%afadmin", &[], AMBIGUOUS),
        ("overlong dots", |k| Some(&k.reader), "/x/%c0%ae%C0%AE/admin", &[], AMBIGUOUS),
        ("bytes that are no UTF-8", |k| Some(&k.reader), "/admin%ff", &[], AMBIGUOUS),
        ("a character that is cut", |k| Some(&k.reader), "/admin%e2%82", &[], AMBIGUOUS),
        ("an encoded character", |k| Some(&k.reader), "/v1/%c3%a4%f0%9f%94%91", &[], Told::In),
    ]
}

pub(crate) async fn run(kind: Kind) {
    let setting = Setting::new(kind).await;
    for (name, key, target, arguments, told) in rows() {
        let key = key(&setting.keys);
        let answer = setting.call(key, target, arguments);
        let what = format!("{kind:?}, {name}: {}", answer.text);
        if kind == Kind::Envoy && name == "an encoded hyphen" {
            // Envoy decodes unreserved characters before it asks and forwards the decoded path, so both read the same
            // path.
            let_in(&answer, "/admin-panel", key.unwrap(), &what);
            continue;
        }
        match told {
            Told::In => let_in(&answer, target, key.unwrap(), &what),
            Told::No { status, code, challenge } => refused(&answer, status, code, challenge, &what),
        }
    }
    two_fields(&setting);
    heads(&setting);
    other_ways_in(&setting);
    forged_identities(&setting);
    forged_trailers(&setting);
    forged_gateway_headers(&setting);

    let broken = Setting::broken(kind).await;
    let answer = broken.call(Some(&broken.keys.reader), "/v1/resources", &[]);
    refused(&answer, 503, "SERVICE_UNAVAILABLE", "", &format!("{kind:?}, a broken store: {}", answer.text));
    assert!(answer.header("retry-after").parse::<u8>().is_ok(), "{kind:?}, a broken store: {}", answer.text);

    if kind != Kind::Envoy {
        used_up(kind).await;
    }

    let alone = Setting::alone(kind).await;
    away(&alone, "without keyward");
    let (silent, _keyward) = Setting::silent(kind).await;
    away(&silent, "a keyward that says nothing");
}

/// The gateway refuses the request and asks the client to retry.
fn away(setting: &Setting, what: &str) {
    let kind = setting.gateway.kind;
    let answer = setting.call(Some(&setting.keys.reader), "/v1/resources", &[]);
    assert_eq!(answer.status, 503, "{kind:?}, {what}: {}", answer.text);
    // Envoy cannot write this body itself.
    if kind != Kind::Envoy {
        assert_eq!(answer.json()["code"], "SERVICE_UNAVAILABLE", "{kind:?}, {what}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{kind:?}, {what}: {}", answer.text);
        assert!(answer.header("retry-after").parse::<u8>().is_ok(), "{kind:?}, {what}: {}", answer.text);
    }
}

fn let_in(answer: &Curled, target: &str, key: &str, what: &str) {
    assert_eq!(answer.status, 200, "{what}");
    let echoed = answer.json();
    assert_eq!(echoed["target"], target, "{what}");
    assert_eq!(reached(&echoed, "authorization"), [""; 0], "the key reached the backend: {what}");
    assert!(!answer.body.contains(key), "the key reached the backend: {what}");
    assert_eq!(reached(&echoed, "keyward-account"), ["acct_1"], "{what}");
    assert_eq!(reached(&echoed, "keyward-mode"), ["live"], "{what}");
    assert_eq!(reached(&echoed, "keyward-key-id").len(), 1, "{what}");
    let kinds = reached(&echoed, "keyward-kind");
    let scopes = reached(&echoed, "keyward-scopes");
    match kinds.concat().as_str() {
        "publishable" => assert_eq!(scopes, ["*"], "{what}"),
        "restricted" => assert!(scopes.concat().contains("resources:read"), "{what}"),
        _ => panic!("{what}"),
    }
    assert_eq!(reached(&echoed, "keyward-plan").concat(), "", "an account without a plan has one: {what}");
    if echoed["method"] == "POST" {
        assert_eq!(echoed["body"], "hello", "{what}");
    }
}

/// With keyward's status, challenge, headers and body, each once.
fn refused(answer: &Curled, status: u16, code: &str, challenge: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}");
    let body = answer.json();
    assert_eq!(body["code"], code, "{what}");
    assert_eq!(body["status"], status, "{what}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.header("x-request-id"), body["request_id"].as_str().unwrap(), "{what}");
    let challenges = answer.headers.iter().filter(|(name, _)| name == "www-authenticate").count();
    assert_eq!(challenges, usize::from(!challenge.is_empty()), "{what}");
    assert!(answer.header("www-authenticate").contains(challenge), "{what}");
    assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("keyward")), "{what}");
}

/// The test service has no limits, so a stand-in for keyward refuses with one.
async fn used_up(kind: Kind) {
    let limit = RateLimit {
        name: "default".into(),
        quota: 1,
        window: Duration::from_secs(60),
        remaining: 0,
        retry_after: Duration::from_secs(42),
    };
    let limited = Setting::refusing(kind, Rejection::RateLimitExceeded(Box::new(limit))).await;
    let answer = limited.call(Some(&limited.keys.reader), "/v1/resources", &[]);
    let what = format!("{kind:?}, a limit that is used up: {}", answer.text);
    refused(&answer, 429, "RATE_LIMIT_EXCEEDED", "", &what);
    assert_eq!(answer.header("retry-after"), "42", "{what}");
    assert_eq!(answer.header("ratelimit"), r#""default";r=0;t=42"#, "{what}");
}

fn two_fields(setting: &Setting) {
    let field = format!("Authorization: Bearer {}", setting.keys.reader);
    let answer = setting.call(None, "/v1/resources", &["--header", &field, "--header", &field]);
    assert_eq!(answer.status, 400, "{:?}, two keys: {}", setting.gateway.kind, answer.text);
    // `Proxy-Authorization` is another field that a backend may read.
    let answer =
        setting.call(None, "/v1/resources", &["--header", &field.replace("Authorization", "Proxy-Authorization")]);
    assert_eq!(answer.status, 401, "{:?}, a key elsewhere: {}", setting.gateway.kind, answer.text);
}

fn heads(setting: &Setting) {
    for (key, status) in [(Some(&*setting.keys.reader), 200), (None, 401)] {
        let answer = setting.call(key, "/v1/resources", &["--head"]);
        assert_eq!((answer.status, &*answer.body), (status, ""), "{:?}, HEAD", setting.gateway.kind);
        assert_eq!(answer.header("www-authenticate").is_empty(), status == 200, "{}", answer.text);
    }
}

/// No method, protocol version or request header replaces a key.
fn other_ways_in(setting: &Setting) {
    let preflight: &[&str] = &["-X", "OPTIONS", "-H", "Origin: http://a", "-H", "Access-Control-Request-Method: GET"];
    let websocket: &[&str] =
        &["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13"];
    let h2c = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";
    let h2c: &[&str] = &["-H", "Connection: Upgrade, HTTP2-Settings", "-H", "Upgrade: h2c", "-H", h2c];
    for arguments in [
        preflight,
        websocket,
        h2c,
        &["-X", "OPTIONS"],
        &["-X", "TRACE"],
        &["-X", "PROPFIND"],
        &["-X", "get"],
        &["--http1.0"],
        &["-H", "Expect: 100-continue", "--data", "hello"],
        &["-H", "If-None-Match: *", "-H", "Range: bytes=0-0"],
        &["-H", "X-Middleware-Subrequest: middleware", "-H", "X-Envoy-Internal: true"],
    ] {
        let answer = setting.call(None, "/v1/resources", arguments);
        assert!((400..=505).contains(&answer.status), "{:?}, {arguments:?}: {}", setting.gateway.kind, answer.text);
    }
}

/// A gateway must ignore identities and keys in trailers.
fn forged_trailers(setting: &Setting) {
    let (kind, key) = (setting.gateway.kind, &setting.keys.reader);
    for target in ["/v1/resources", "/health"] {
        let answer = setting.gateway.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\nTE: trailers\r\n\
             Trailer: Keyward-Plan\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nKeyward-Plan: forged\r\n\
             Authorization: Bearer {key}\r\n\r\n",
        ));
        let echoed =
            &answer[answer.find("{\"").unwrap_or_else(|| panic!("{kind:?}: {answer}"))..=answer.rfind('}').unwrap()];
        let echoed: Value = serde_json::from_str(echoed).unwrap();
        assert_eq!(echoed["body"], "hello", "{kind:?}: {answer}");
        assert!(reached(&echoed, "keyward-plan").concat().is_empty(), "{kind:?}: {answer}");
        assert_eq!(reached(&echoed, "authorization"), [""; 0], "{kind:?}: {answer}");
        // HAProxy can remove trailers from version 3.2 on.
        if kind != Kind::Haproxy {
            assert_eq!(echoed["trailers"], json!([]), "{kind:?}: {answer}");
        }
    }
}

/// They never reach the backend, in any spelling, on any path.
fn forged_identities(setting: &Setting) {
    let kind = setting.gateway.kind;
    for name in [
        "Keyward-Account",
        "keyward-account",
        "KEYWARD-ACCOUNT",
        "Keyward_Account",
        "keyward_account",
        "Keyward-Key-Id",
        "Keyward-Key_Id",
        "Keyward_Key-Id",
        "KEYWARD_KEY_ID",
        "Keyward-Mode",
        "Keyward-Kind",
        "Keyward-Scopes",
        "keyward_scopes",
        // The key's account has no plan, so keyward's answer does not overwrite this header.
        "Keyward-Plan",
        "keyward-plan",
        "Keyward_Plan",
        // lighttpd replaces every character but letters and digits with `_`.
        "Keyward.Account",
        "Keyward~Plan",
        "keyward!scopes",
        "Keyward-Key.Id",
    ] {
        let twice = [&*format!("{name}: forged"), &*format!("{name}: forged again")];
        let arguments = ["--header", twice[0], "--header", twice[1]];
        let http2 = [&arguments[..], &["--http2-prior-knowledge"]].concat();
        for (key, target) in [(Some(&*setting.keys.reader), "/v1/resources"), (None, "/health")] {
            if matches!(kind, Kind::Haproxy | Kind::Envoy) {
                let answer = setting.call(key, target, &http2);
                assert_eq!(answer.status, 200, "{kind:?}, {name} on {target}, HTTP/2: {}", answer.text);
                assert!(!answer.body.contains("forged"), "{kind:?}, {name} on {target}, HTTP/2: {}", answer.text);
            }
            let answer = setting.call(key, target, &arguments);
            assert!(!answer.body.contains("forged"), "{kind:?}, {name} on {target}: {}", answer.text);
            // A gateway may also refuse a request with such a name.
            if answer.status == 200 && target != "/health" {
                let_in(&answer, target, key.unwrap(), &format!("{kind:?}, {name}: {}", answer.text));
            }
        }
    }
    // Fields named in `Connection` are hop-by-hop. Some gateways remove them, even their own.
    for named in ["Keyward-Account", "keyward-scopes, close", "Keyward-Key-Id, Keyward-Plan, Authorization"] {
        let answer =
            setting.call(Some(&setting.keys.reader), "/v1/resources", &["--header", &format!("Connection: {named}")]);
        match answer.status {
            200 => let_in(&answer, "/v1/resources", &setting.keys.reader, &format!("{kind:?}, Connection: {named}")),
            status => assert!([400, 401].contains(&status), "{kind:?}, Connection: {named}: {}", answer.text),
        }
    }
}

/// A client cannot set the headers in which the endpoint trusts its gateway.
fn forged_gateway_headers(setting: &Setting) {
    let (reader, publishable) = (&*setting.keys.reader, &*setting.keys.publishable);
    for (key, target, arguments) in [
        (reader, "/admin", ["X-Forwarded-Uri: /health", "X-Original-URI: /health"]),
        (reader, "/admin", ["X-Original-URL: /health", "X-Rewrite-URL: /health"]),
        (reader, "/admin", ["X_Forwarded_Uri: /health", "X-Forwarded-Prefix: /health"]),
        (publishable, "/v1/resources", ["X-Forwarded-Method: GET", "X-Original-Method: GET"]),
        (publishable, "/v1/resources", ["X-HTTP-Method-Override: GET", "X_Forwarded_Method: GET"]),
    ] {
        let arguments = ["--header", arguments[0], "--header", arguments[1], "--data", "hello"];
        let answer = setting.call(Some(key), target, &arguments);
        assert!([400, 403].contains(&answer.status), "{:?}, {arguments:?}: {}", setting.gateway.kind, answer.text);
    }
}
