use keyward_needs::needs;
use keyward_tests::program::{Curled, Program};

use super::json;

const HTTPS: [&str; 2] = ["--header", "X-Forwarded-Proto: https"];

fn start() -> Program {
    Program::start("docs-api", &[("TRUST_PROXY", "127.0.0.0/8")])
}

fn call(service: &Program, credential: Option<&str>, method: &str, path: &str, body: Option<&str>) -> Curled {
    let mut arguments = HTTPS.to_vec();
    if let Some(body) = body {
        arguments.extend(json(body));
    }
    service.call(credential, method, path, &arguments)
}

#[needs(curl)]
#[test]
fn each_kind_of_key_may_do_what_it_is_for() {
    let service = start();
    let new = Some(r#"{"name":"a","type":"b","url":"https://example.com/hook"}"#);
    let rows = [
        ("GET", "/v1/resources", None, 200),
        ("POST", "/v1/resources", new, 201),
        ("PATCH", "/v1/resources/res_none", new, 404),
        ("DELETE", "/v1/resources/res_none", None, 404),
        ("POST", "/v1/jobs", new, 201),
        ("DELETE", "/v1/jobs/job_none", None, 404),
        ("GET", "/v1/webhook_endpoints", None, 200),
        ("POST", "/v1/webhook_endpoints", new, 201),
        ("DELETE", "/v1/webhook_endpoints/we_none", None, 404),
    ];
    // Which of the rows each credential may call.
    for (credential, allowed) in [
        ("sk_live", [true; 9]),
        ("sk_test", [true; 9]),
        ("pk_live", [true, false, false, false, false, false, false, false, false]),
        ("pk_test", [true, false, false, false, false, false, false, false, false]),
        ("restricted_read", [true, false, false, false, false, false, false, false, false]),
        ("restricted_write", [false, true, true, true, false, false, false, false, false]),
        ("restricted_jobs", [false, false, false, false, true, true, false, false, false]),
    ] {
        for ((method, path, body, status), allowed) in rows.into_iter().zip(allowed) {
            let answer = call(&service, Some(credential), method, path, body);
            let expected = if allowed { status } else { 403 };
            assert_eq!(answer.status, expected, "{credential}: {method} {path}: {}", answer.text);
            if answer.status == 403 && credential.starts_with("restricted") {
                let challenge = answer.header("www-authenticate");
                assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\""), "{challenge}");
            }
        }
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn a_publishable_key_cannot_write_whatever_a_header_says() {
    let service = start();
    let overridden = ["--header", "X-HTTP-Method-Override: GET", "--header", "X-Forwarded-Proto: https", "--data", "x"];
    let answer = service.call(Some("pk_live"), "POST", "/v1/resources", &overridden);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("KEY_KIND_NOT_ALLOWED")));
    service.stop();
}

#[needs(curl)]
#[test]
fn pages_need_a_publishable_key() {
    let service = start();
    for (credential, status) in [("sk_test", 403), ("restricted_read", 403), ("pk_test", 200)] {
        for header in ["Origin: https://app.example.com", "Sec-Fetch-Site: cross-site"] {
            let answer = service.call(
                Some(credential),
                "GET",
                "/v1/resources",
                &["--header", header, "--header", "X-Forwarded-Proto: https"],
            );
            assert_eq!(answer.status, status, "{credential}: {}", answer.text);
            if status == 403 {
                assert_eq!(answer.json()["code"], "SECRET_KEY_IN_BROWSER");
            }
        }
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn missing_invalid_and_ended_keys_are_401() {
    let service = start();
    for (credential, code) in
        [(None, "MISSING_API_KEY"), (Some("revoked"), "API_KEY_REVOKED"), (Some("expired"), "API_KEY_EXPIRED")]
    {
        let answer = call(&service, credential, "GET", "/v1/resources", None);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some(code)), "{}", answer.text);
    }
    let invalid = ["--header", "Authorization: Bearer sk_live_nonsense", "--header", "X-Forwarded-Proto: https"];
    assert_eq!(service.curl("/v1/resources", &invalid).json()["code"], "INVALID_API_KEY");
    assert_eq!(call(&service, None, "GET", "/v1/none", None).status, 401);
    assert_eq!(call(&service, Some("sk_live"), "GET", "/v1/none", None).status, 404);
    service.stop();
}

#[needs(curl)]
#[test]
fn test_data_is_apart_from_live_data() {
    let service = start();
    let made = call(&service, Some("sk_test"), "POST", "/v1/resources", Some(r#"{"name":"try"}"#)).json();
    assert_eq!(made["livemode"], false);
    let path = format!("/v1/resources/{}", made["id"].as_str().unwrap());
    for (credential, seen) in [("sk_test", true), ("pk_test", true), ("sk_live", false), ("pk_live", false)] {
        let status = call(&service, Some(credential), "GET", &path, None).status;
        assert_eq!(status, if seen { 200 } else { 404 }, "{credential}");
        let list = call(&service, Some(credential), "GET", "/v1/resources", None).json();
        assert_eq!(list["data"].as_array().unwrap().len(), usize::from(seen), "{credential}");
        assert_eq!(list["livemode"], credential.ends_with("live"));
    }
    assert_eq!(call(&service, Some("sk_live"), "DELETE", &path, None).status, 404);
    let changed = call(&service, Some("sk_test"), "PATCH", &path, Some(r#"{"name":"changed"}"#)).json();
    assert_eq!(changed["name"], "changed");
    assert_eq!(call(&service, Some("sk_test"), "DELETE", &path, None).status, 204);
    assert_eq!(call(&service, Some("sk_test"), "GET", &path, None).status, 404);
    service.stop();
}

#[needs(curl)]
#[test]
fn call_over_plain_http_fails_and_compromises_its_key() {
    let service = start();
    let plain = ["--header", "X-Forwarded-Proto: http"];
    let answer = service.call(Some("sk_live"), "GET", "/v1/resources", &plain);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("HTTPS_REQUIRED")), "{}", answer.text);
    assert!(answer.header("location").is_empty(), "the answer redirects, which would hide the leak");
    let after = call(&service, Some("sk_live"), "GET", "/v1/resources", None);
    assert_eq!((after.status, after.json()["code"].as_str()), (401, Some("API_KEY_REVOKED")));
    assert_eq!(
        call(&service, Some("sk_test"), "GET", "/v1/resources", None).status,
        200,
        "another key of the account was revoked too"
    );

    // A missing or contradictory header proves no leak, so the request is refused and the key stays valid.
    for unclear in [&[][..], &["--header", "X-Forwarded-Proto: https, http"], &["--header", "X-Forwarded-Proto: HTTPS"]]
    {
        assert_eq!(service.call(Some("sk_test"), "GET", "/v1/resources", unclear).status, 403, "{unclear:?}");
        assert_eq!(call(&service, Some("sk_test"), "GET", "/v1/resources", None).status, 200);
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn only_a_trusted_proxy_can_state_https() {
    let service = Program::start("docs-api", &[]);
    let answer = call(&service, Some("sk_live"), "GET", "/v1/resources", None);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("HTTPS_REQUIRED")));
    service.stop();
}
