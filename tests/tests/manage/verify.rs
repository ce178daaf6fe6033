use axum::Router;
use axum::body::Body;
use http::Request;
use keyward::gateway::{Introspection, VerifyReach};
use keyward::manage::{Context, KeyDraft, KeyView, Purpose};
use keyward::{AccountId, AuthLayer, NewKey, ScopeSet};
use keyward_tests::service::call;
use serde_json::{Value, json};

use crate::setting::{PASSWORD, Setting, on_sqlite};

struct Asked {
    setting: Setting,
    router: Router,
    verifier: keyward::Authenticator,
    ada: Customer,
    eve: Customer,
    operator_key: String,
    operator_token: String,
}

struct Customer {
    key: String,
    view: KeyView,
    manager: String,
    verifier: String,
    token: String,
}

async fn token_of(setting: &Setting, email: &str) -> String {
    setting.management.issue_tokens(&Context::new(), email, PASSWORD).await.unwrap().access.expose_once().to_string()
}

async fn issued(setting: &Setting, draft: KeyDraft) -> (String, KeyView) {
    let issued = setting.management.create_key(&setting.system(), draft).await.unwrap();
    (issued.key.expose_once().to_string(), issued.view)
}

fn manager_of(account: &AccountId) -> KeyDraft {
    let new = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(account.clone(), "manager") };
    KeyDraft::of(Purpose::Management, new)
}

async fn customer(setting: &Setting, email: &str) -> Customer {
    let (_, account) = setting.customer(email).await;
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let new = NewKey { networks, ..NewKey::secret(account.clone(), "production") };
    let (key, view) = issued(setting, KeyDraft::of(Purpose::Api, new)).await;
    let verify = "keys:verify".parse().unwrap();
    Customer {
        key,
        view,
        manager: issued(setting, manager_of(&account)).await.0,
        verifier: issued(setting, KeyDraft::management(account, "verifier", verify)).await.0,
        token: token_of(setting, email).await,
    }
}

impl Asked {
    async fn new() -> Self {
        let setting = on_sqlite();
        setting.operator().await;
        let verifier = setting.management.verifier().unwrap();
        let callers = AuthLayer::from(setting.management.authenticator().unwrap());
        let reach = VerifyReach::Operator(setting.management.operator().clone());
        Self {
            router: keyward::gateway::verify(verifier.clone(), callers, reach),
            verifier,
            ada: customer(&setting, "ada@example.com").await,
            eve: customer(&setting, "eve@example.com").await,
            operator_key: issued(&setting, manager_of(setting.management.operator())).await.0,
            operator_token: token_of(&setting, "operator@example.com").await,
            setting,
        }
    }

    async fn ask(&self, caller: &str, key: &str) -> Value {
        let send = async |path: &str, body: Value| -> Value {
            let request = Request::post(path)
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {caller}"))
                .body(Body::from(body.to_string()));
            let answer = call(&self.router, request.unwrap()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            serde_json::from_slice(&answer.body).unwrap()
        };
        let question = json!({"key": key, "client": "192.0.2.7"});
        let alone = send("/v1/verify", question.clone()).await;
        assert_eq!(send("/v1/verify/batch", json!([question])).await, json!([alone]), "a batch answers differently");
        alone
    }

    async fn uses(&self, key: &KeyView) -> (u64, Option<String>) {
        self.verifier.shutdown().await;
        let system = self.setting.system();
        let usage = self.setting.management.key_usage(&system, &key.id, 1).await.unwrap();
        let seen = self.setting.management.key(&system, &key.id).await.unwrap();
        let from = serde_json::to_value(&seen).unwrap()["last_used_from"].as_str().map(ToOwned::to_owned);
        (usage.days.iter().map(|day| day.times).sum(), from)
    }
}

#[tokio::test]
async fn a_key_of_another_account_is_answered_as_an_unknown_one() {
    let asked = Asked::new().await;
    let unknown =
        asked.setting.management.key_format().generate(keyward::key::KeyKind::Secret, keyward::Mode::Live).unwrap();
    let unknown = unknown.expose_once().to_string();
    let (revoked, view) = issued(&asked.setting, KeyDraft::secret(asked.ada.view.account.clone(), "revoked")).await;
    asked.setting.management.revoke_key(&asked.setting.system(), &view.id).await.unwrap();
    for caller in [&asked.eve.token, &asked.eve.manager, &asked.eve.verifier] {
        let expected = asked.ask(caller, &unknown).await;
        assert_eq!(expected["reason"], "unknown_key", "{expected}");
        // Ask once before the first use of the key, and once when it is cached.
        for key in [&asked.ada.key, &revoked] {
            assert_eq!(asked.ask(caller, key).await, expected);
        }
    }
    assert_eq!(asked.uses(&asked.ada.view).await, (0, None), "a question of another account counts as a use");
    assert_eq!(asked.ask(&asked.ada.token, &asked.ada.key).await["valid"], true);
    let expected = asked.ask(&asked.eve.token, &unknown).await;
    assert_eq!(asked.ask(&asked.eve.token, &asked.ada.key).await, expected, "a cached key is answered differently");
}

#[tokio::test]
async fn an_own_key_is_verified_and_a_made_up_address_is_not_recorded() {
    let asked = Asked::new().await;
    for caller in [&asked.ada.token, &asked.ada.manager, &asked.ada.verifier] {
        let said = asked.ask(caller, &asked.ada.key).await;
        assert_eq!((&said["valid"], &said["account"]), (&json!(true), &json!(asked.ada.view.account)), "{said}");
    }
    assert_eq!(asked.uses(&asked.ada.view).await, (6, None));
}

#[tokio::test]
async fn an_introspection_counts_as_a_use_for_those_who_may_ask() {
    let asked = Asked::new().await;
    let callers = asked.setting.management.authenticator().unwrap();
    let reach = VerifyReach::Operator(asked.setting.management.operator().clone());
    let router = Introspection::new(asked.verifier.clone(), callers, reach).router();
    for (caller, active) in [
        (&asked.eve.verifier, false),
        (&asked.eve.token, false),
        (&asked.operator_key, true),
        (&asked.ada.verifier, true),
    ] {
        let request = Request::post("/v1/introspect")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {caller}"))
            .body(Body::from(format!("token={}&client_ip=192.0.2.7", asked.ada.key)));
        let answer = call(&router, request.unwrap()).await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status.as_u16(), &said["active"]), (200, &json!(active)), "{said}");
        assert!(active || said == json!({"active": false}), "{said}");
    }
    assert_eq!(asked.uses(&asked.ada.view).await, (2, Some("192.0.2.0/24".to_owned())));
}

#[tokio::test]
async fn the_operator_verifies_every_key_and_its_address_counts() {
    for token in [false, true] {
        let asked = Asked::new().await;
        let caller = if token { &asked.operator_token } else { &asked.operator_key };
        for customer in [&asked.ada, &asked.eve] {
            assert_eq!(asked.ask(caller, &customer.key).await["valid"], true);
        }
        for customer in [&asked.ada, &asked.eve] {
            let (times, from) = asked.uses(&customer.view).await;
            assert_eq!((times, from.as_deref()), (2, Some("192.0.2.0/24")));
        }
    }
}

#[tokio::test]
async fn a_key_of_the_test_mode_asks_about_test_keys_only() {
    let asked = Asked::new().await;
    let account = asked.ada.view.account.clone();
    let in_test = |mut draft: KeyDraft| {
        draft.mode = keyward::Mode::Test;
        draft
    };
    let verify = KeyDraft::management(account.clone(), "verifier", "keys:verify".parse().unwrap());
    let (caller, _) = issued(&asked.setting, in_test(verify)).await;
    let (test_key, _) = issued(&asked.setting, in_test(KeyDraft::secret(account, "test"))).await;
    assert_eq!(asked.ask(&caller, &asked.ada.key).await["reason"], "unknown_key");
    assert_eq!(asked.ask(&caller, &test_key).await["valid"], true);
    assert_eq!(asked.ask(&asked.ada.verifier, &test_key).await["valid"], true);

    // Clients of RFC 7662 do not know modes.
    let callers = asked.setting.management.authenticator().unwrap();
    let router = Introspection::new(asked.verifier.clone(), callers, VerifyReach::Own).router();
    for (caller, key, active) in [
        (&caller, &test_key, true),
        (&caller, &asked.ada.key, false),
        (&asked.ada.verifier, &test_key, false),
        (&asked.ada.verifier, &asked.ada.key, true),
    ] {
        let request = Request::post("/v1/introspect")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {caller}"))
            .body(Body::from(format!("token={key}&client_ip=192.0.2.7")));
        let answer: Value = serde_json::from_slice(&call(&router, request.unwrap()).await.body).unwrap();
        assert_eq!(answer["active"], active, "{answer}");
        if active {
            assert_eq!(answer["sub"], json!(asked.ada.view.account));
        }
    }

    // The state of a live key is not told, either.
    let system = asked.setting.system();
    asked.setting.management.set_key_disabled(&system, &asked.ada.view.id, true).await.unwrap();
    assert_eq!(asked.ask(&asked.ada.verifier, &asked.ada.key).await["reason"], "key_disabled");
    let used = asked.uses(&asked.ada.view).await;
    assert_eq!(asked.ask(&caller, &asked.ada.key).await["reason"], "unknown_key");
    assert_eq!(asked.uses(&asked.ada.view).await, used);
}
