use keyward_needs::needs;
use keyward_tests::program::{Program, eventually};
use serde_json::{Value, json};

use super::json;

#[needs(curl)]
#[test]
fn registering_makes_a_user_an_organization_a_key_and_an_inbox() {
    let service = Program::start("sendook", &[]);
    let new = r#"{"first_name":"Ada","last_name":"L","email":"ada@example.com","password":"correct horse battery"}"#;
    let registered = service.curl("/auth/register", &json(new));
    assert_eq!(registered.status, 201, "{}", registered.text);
    let answer = registered.json();
    let bearer = |token: &Value| format!("Authorization: Bearer {}", token.as_str().unwrap());
    let user = service.curl("/auth/user", &["--header", &bearer(&answer["token"])]).json();
    assert_eq!(user["email"], "ada@example.com");
    let organization = user["organizationId"].as_str().unwrap();
    let keys =
        service.curl(&format!("/organizations/{organization}/api_keys"), &["--header", &bearer(&answer["token"])]);
    assert_eq!(keys.json().as_array().unwrap().len(), 1);
    let inboxes = service.curl("/v1/inboxes", &["--header", &bearer(&answer["apiKey"])]).json();
    assert!(inboxes[0]["email"].as_str().unwrap().ends_with("@sendook.com"), "{inboxes}");
    assert_eq!(service.curl("/auth/register", &json(new)).status, 409);
    for body in ["{}", r#"{"first_name":"A","last_name":"B","email":"no","password":"long enough"}"#] {
        assert_eq!(service.curl("/auth/register", &json(body)).status, 400, "{body}");
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn password_gives_a_token_that_ends_on_sign_out() {
    let service = Program::start("sendook", &[]);
    let login = |password: &str| {
        let body = json!({"email": service.credential("email"), "password": password}).to_string();
        service.curl("/auth/login", &json(&body))
    };
    let wrong = login("wrong");
    assert_eq!(wrong.status, 401);
    assert!(wrong.header("www-authenticate").starts_with("Bearer"));
    let unknown = service.curl("/auth/login", &json(r#"{"email":"nobody@example.com","password":"wrong"}"#));
    assert_eq!(
        (unknown.status, unknown.json()),
        (401, wrong.json()),
        "the answer reveals which addresses have an account"
    );

    let token = login(service.credential("password")).json()["token"].as_str().unwrap().to_owned();
    let field = format!("Authorization: Bearer {token}");
    let user = |field: &str| service.curl("/auth/user", &["--header", field]).status;
    assert_eq!(user(&field), 200);
    let refreshed = service.curl("/auth/refresh", &["--request", "POST", "--header", &field]).json();
    assert_eq!(user(&field), 401, "the old token works after a refresh");
    let field = format!("Authorization: Bearer {}", refreshed["token"].as_str().unwrap());
    assert_eq!(user(&field), 200);
    assert_eq!(service.curl("/auth/logout", &["--request", "POST", "--header", &field]).status, 200);
    assert_eq!(user(&field), 401);
    assert_eq!(service.call(Some("expired_access_token"), "GET", "/auth/user", &[]).status, 401);
    service.stop();
}

#[needs(curl)]
#[test]
fn keys_are_created_listed_shown_and_deleted() {
    let service = Program::start("sendook", &[]);
    let created = service.call(Some("api_key"), "POST", "/v1/api_keys", &json(r#"{"name":"staging"}"#));
    assert_eq!(created.status, 201, "{}", created.text);
    let item = created.json();
    let key = item["key"].as_str().unwrap().to_owned();
    let id = item["id"].as_str().unwrap().to_owned();
    for field in ["id", "name", "createdAt", "hint"] {
        assert!(item[field].is_string(), "{field}: {item}");
    }
    let list = service.call(Some("api_key"), "GET", "/v1/api_keys", &[]);
    assert!(list.json().is_array() && !list.body.contains(&key["sendook_".len()..]), "a list shows a key");
    let field = format!("Authorization: Bearer {key}");
    let status = || service.curl("/v1/api_keys", &["--header", &field]).status;
    assert_eq!(status(), 200);
    eventually("the last use is shown", || {
        let shown = service.call(Some("api_key"), "GET", &format!("/v1/api_keys/{id}"), &[]).json();
        assert!(shown.get("key").is_none());
        shown["lastUsedAt"].is_string()
    });
    let deleted = service.call(Some("api_key"), "DELETE", &format!("/v1/api_keys/{id}"), &[]);
    assert!(deleted.status == 200 && deleted.json()["revokedAt"].is_string(), "{}", deleted.text);
    assert_eq!(status(), 401, "a deleted key still works");
    for (body, status) in [(r#"{"name":""}"#, 400), ("{}", 400), (r#"{"name":"a","account":"acct_other"}"#, 201)] {
        assert_eq!(service.call(Some("api_key"), "POST", "/v1/api_keys", &json(body)).status, status, "{body}");
    }
    let mine = service.call(Some("api_key"), "GET", "/v1/api_keys", &[]).json();
    assert_eq!(mine[0]["name"], "a", "the body chose the account of a key");
    service.stop();
}

#[needs(curl)]
#[test]
fn each_invalid_credential_is_401_with_its_reason() {
    let service = Program::start("sendook", &[]);
    let key = service.credential("api_key").to_owned();
    for (field, reason) in [
        (String::new(), "No API key was sent"),
        (format!("Authorization: Bearer {key}\\n"), "white space"),
        (format!("Authorization: Bearer {}\t{}", &key[..20], &key[20..]), "white space"),
        (format!("Authorization: Bearer '{key}'"), "quotes"),
        ("Authorization: Bearer sendook_nonsense".to_owned(), "wrong format"),
        (format!("Authorization: Bearer {}", service.credential("deleted")), "revoked"),
    ] {
        let answer = service.curl("/v1/inboxes", &["--header", &field]);
        assert_eq!(answer.status, 401, "{field:?}: {}", answer.text);
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(reason), "{field:?}: {}", answer.body);
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn another_organizations_things_are_not_there() {
    let service = Program::start("sendook", &[]);
    let key_id = service.call(Some("api_key"), "GET", "/v1/api_keys", &[]).json()[0]["id"].as_str().unwrap().to_owned();
    let inbox = service.call(Some("api_key"), "GET", "/v1/inboxes", &[]).json()[0]["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", format!("/v1/api_keys/{key_id}")),
        ("DELETE", format!("/v1/api_keys/{key_id}")),
        ("GET", format!("/v1/inboxes/{inbox}")),
        ("DELETE", format!("/v1/inboxes/{inbox}")),
        ("GET", format!("/v1/inboxes/{inbox}/messages")),
        ("POST", format!("/v1/inboxes/{inbox}/messages/send")),
        ("GET", "/v1/api_keys/key_none".to_owned()),
    ] {
        let answer = service.call(Some("other_api_key"), method, &path, &[]);
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    assert_eq!(service.call(Some("api_key"), "GET", &format!("/v1/inboxes/{inbox}"), &[]).status, 200);
    service.stop();
}

#[needs(curl)]
#[test]
fn the_other_kind_of_credential_is_403() {
    let service = Program::start("sendook", &[]);
    let user = service.call(Some("access_token"), "GET", "/auth/user", &[]).json();
    let own = format!("/organizations/{}/api_keys", user["organizationId"].as_str().unwrap());
    for (credential, path, status) in [
        ("access_token", own.as_str(), 200),
        ("api_key", own.as_str(), 403),
        ("access_token", "/organizations/acct_none/api_keys", 403),
        ("access_token", "/v1/api_keys", 403),
        ("access_token", "/v1/inboxes", 403),
        ("api_key", "/auth/user", 403),
    ] {
        assert_eq!(service.call(Some(credential), "GET", path, &[]).status, status, "{credential} {path}");
    }
    service.stop();
}

#[needs(curl)]
#[test]
fn a_message_is_sent_into_an_inbox() {
    let service = Program::start("sendook", &[]);
    let inbox = |credential: &str| service.call(Some(credential), "GET", "/v1/inboxes", &[]).json()[0].clone();
    let (from, to) = (inbox("api_key"), inbox("other_api_key"));
    let messages = |inbox: &Value| format!("/v1/inboxes/{}/messages", inbox["id"].as_str().unwrap());
    let message_to = to["email"].clone();
    let message = json!({"to": message_to, "subject": "Hello", "text": "How are you?"}).to_string();
    let sent = service.call(Some("api_key"), "POST", &format!("{}/send", messages(&from)), &json(&message));
    assert_eq!(sent.status, 201, "{}", sent.text);
    for (credential, inbox) in [("api_key", &from), ("other_api_key", &to)] {
        let list = service.call(Some(credential), "GET", &messages(inbox), &[]).json();
        assert_eq!((&list[0]["subject"], &list[0]["from"]), (&"Hello".into(), &from["email"]), "{credential}");
    }
    let to = sent.json()["to"].clone();
    assert_eq!(to, json!([message_to]), "a single address is answered as a list");
    let nowhere = json(r#"{"to":"nobody","subject":"","text":""}"#);
    assert_eq!(service.call(Some("api_key"), "POST", &format!("{}/send", messages(&from)), &nowhere).status, 400);
    service.stop();
}
