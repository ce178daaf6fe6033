use keyward_needs::needs;
use keyward_tests::program::{Curled, Program};
use serde_json::json;

use super::json;

fn unauthorized(answer: &Curled) {
    let body = json!({"error": {"code": 401, "message": "Unauthorized: missing or invalid API key."}});
    assert_eq!((answer.status, answer.json()), (401, body), "{}", answer.text);
    assert!(answer.header("www-authenticate").starts_with("Bearer "), "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[needs(curl)]
#[test]
fn every_unusable_key_is_401_with_the_same_message() {
    let vook = Program::start("vook", &[]);
    for credential in [None, Some("revoked"), Some("expired")] {
        for path in ["/v1/", "/v1/videos", "/v1/videos/vid_1", "/v1/analytics", "/v1/none"] {
            unauthorized(&vook.call(credential, "GET", path, &[]));
        }
    }
    let full = vook.credential("full").to_owned();
    let unknown = "vook_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456".to_owned();
    for field in [
        format!("Authorization: {full}"),
        format!("Authorization: Basic {full}"),
        "Authorization: Bearer".to_owned(),
        format!("Authorization: Bearer {}", &full[..full.len() - 1]),
        format!("Authorization: Bearer {unknown}"),
        format!("Authorization: Bearer \"{full}\""),
        format!("Authorization: Bearer {full},{full}"),
        format!("X-Api-Key: {full}"),
    ] {
        unauthorized(&vook.curl("/v1/", &["--header", &field]));
    }
    let twice = format!("Authorization: Bearer {full}");
    unauthorized(&vook.curl("/v1/", &["--header", &twice, "--header", &twice]));
    unauthorized(&vook.curl(&format!("/v1/?api_key={full}"), &[]));
    vook.stop();
}

#[needs(curl)]
#[test]
fn key_limited_to_endpoints_is_403_on_others() {
    let vook = Program::start("vook", &[]);
    for (method, path, status) in [
        ("GET", "/v1/videos", 200),
        ("GET", "/v1/videos/vid_1", 200),
        ("HEAD", "/v1/videos", 200),
        ("POST", "/v1/videos", 403),
        ("GET", "/v1/", 403),
        ("GET", "/v1/analytics", 403),
        ("GET", "/v1/videos/../analytics", 403),
        ("GET", "/v1/videos/%2e%2e/analytics", 403),
    ] {
        let answer = vook.call(Some("videos_read"), method, path, &[]);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if status == 403 {
            let error = &answer.json()["error"];
            assert_eq!(error["code"], 403);
            assert!(error["message"].as_str().unwrap().contains(&format!("{method} {path}")), "{error}");
        }
    }
    vook.stop();
}

#[needs(curl)]
#[test]
fn account_without_the_feature_is_403() {
    let vook = Program::start("vook", &[]);
    assert_eq!(vook.call(Some("no_analytics"), "GET", "/v1/", &[]).status, 200);
    let refused = vook.call(Some("no_analytics"), "GET", "/v1/analytics", &[]);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &403.into()));
    assert!(refused.body.contains("analytics"), "{}", refused.body);
    assert_eq!(vook.call(Some("full"), "GET", "/v1/analytics", &[]).json()["videos"], 1);
    vook.stop();
}

#[needs(curl)]
#[test]
fn videos_are_made_listed_and_shown_to_their_account_alone() {
    let vook = Program::start("vook", &[]);
    let made = vook.call(Some("full"), "POST", "/v1/videos", &json(r#"{"title":"Credits"}"#));
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(vook.call(Some("full"), "GET", &format!("/v1/videos/{id}"), &[]).json()["title"], "Credits");
    assert_eq!(vook.call(Some("full"), "GET", "/v1/videos", &[]).json().as_array().unwrap().len(), 2);
    assert_eq!(vook.call(Some("no_analytics"), "GET", &format!("/v1/videos/{id}"), &[]).status, 404);
    assert_eq!(vook.call(Some("no_analytics"), "GET", "/v1/videos", &[]).json(), json!([]));
    for body in ["{}", "nonsense", r#"{"title":""}"#] {
        let refused = vook.call(Some("full"), "POST", "/v1/videos", &json(body));
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &400.into()), "{body}");
    }
    vook.stop();
}
