//! Limits as data: from the management API to the services that enforce them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use keyward::gateway::VerifyReach;
use keyward::limits::{LimitStore as _, Limits, LimitsOptions, RateLimitLayer, RequestLimit, Subject};
use keyward::manage::{
    AccountUpdate, Actor, Context, KeyChange, KeyDraft, LifetimesOf, Management, Plan, Purpose, Role, SignInLinkDraft,
    SqliteManagementStore,
};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward::store::KeyStatus;
use keyward::{AccountId, AccountRecord, AuthLayer, CredentialId, Identity, NewKey, ScopeSet};
use keyward_client::{PutLifetimes, PutLimits};
use keyward_tests::program::SOON;
use keyward_tests::service::call;
use serde_json::{Value, json};

use crate::setting::{FullTable, Setting, on_sqlite};

struct Enforced {
    limits: Limits,
    verify: Router,
    forward: Router,
    service: Router,
    caller: String,
    key: String,
    id: CredentialId,
    account: AccountId,
}

impl Enforced {
    async fn verify(&self, more: Value) -> (u16, Value) {
        let mut question = json!({"key": self.key});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = Request::post("/v1/verify")
            .header("authorization", format!("Bearer {}", self.caller))
            .header("content-type", "application/json")
            .body(Body::from(question.to_string()))
            .unwrap();
        let answer = call(&self.verify, request).await;
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn forward(&self, path: &str) -> (u16, http::HeaderMap) {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", "/v1/resources");
        let answer = call(&self.forward, request.body(Body::empty()).unwrap()).await;
        (answer.status.as_u16(), answer.headers)
    }

    async fn serve(&self) -> (u16, http::HeaderMap) {
        let request = Request::get("/").header("authorization", format!("Bearer {}", self.key));
        let answer = call(&self.service, request.body(Body::empty()).unwrap()).await;
        (answer.status.as_u16(), answer.headers)
    }
}

fn fields(headers: &http::HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

async fn enforced(setting: &Setting) -> Enforced {
    setting.operator().await;
    let (management, system) = (&setting.management, setting.system());
    let (_, account) = setting.customer("ada@example.com").await;
    let draft = KeyDraft::of(Purpose::Api, NewKey::secret(account.clone(), "production"));
    let issued = management.create_key(&system, draft).await.unwrap();
    let operator = management.operator().clone();
    let caller = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(operator.clone(), "gateway") };
    let caller = management.create_key(&system, KeyDraft::of(Purpose::Management, caller)).await.unwrap();
    let store = SqliteStore::open(setting.file.as_ref().unwrap()).unwrap();
    let limits = LimitsOptions::default().store_timeout(SOON).start(SqliteLimits::new(&store)).await.unwrap();
    let (verifier, limit) = (management.verifier().unwrap(), RequestLimit::from_rules(limits.clone()));
    let callers = AuthLayer::from(management.authenticator().unwrap());
    let reach = VerifyReach::Operator(operator);
    Enforced {
        verify: keyward::gateway::verify_with_limits(verifier.clone(), callers, reach, limits.clone()),
        forward: keyward::gateway::forward_auth_with_limits(verifier.clone(), limit),
        service: Router::new()
            .route("/", axum::routing::get(async || "ok"))
            .layer(RateLimitLayer::from_rules(limits.clone()))
            .layer(AuthLayer::from(verifier)),
        limits,
        caller: caller.key.expose_once().to_string(),
        key: issued.key.expose_once().to_string(),
        id: issued.view.id,
        account,
    }
}

#[tokio::test]
async fn one_budget_is_spent_by_every_service() {
    let setting = on_sqlite();
    let enforced = enforced(&setting).await;
    let (management, system) = (&setting.management, setting.system());

    // Without rules, nothing is limited and nothing is said.
    let (_, answer) = enforced.verify(json!({})).await;
    assert_eq!((&answer["valid"], &answer["limits"]), (&json!(true), &json!({"rates": [], "budget": null})));
    assert!(fields(&enforced.serve().await.1, "ratelimit").is_empty());

    let put = async |subject: &Subject, limits: Value| {
        let limits: PutLimits = serde_json::from_value(limits).unwrap();
        let version = management.limits(&system, subject).await.unwrap().version;
        management.put_limits(&system, subject, &limits, version).await.unwrap();
        enforced.limits.refresh().await.unwrap();
    };
    let subject = Subject::Account(enforced.account.clone());
    put(
        &subject,
        json!({"rates": [{"name": "default", "quota": 50, "window_seconds": 86_400}], "budget": {"credits": 10}}),
    )
    .await;
    let (_, answer) = enforced.verify(json!({"cost": 4})).await;
    assert_eq!(answer["limits"]["budget"], json!({"credits": 10, "remaining": 6, "reset_seconds": null}));
    assert_eq!(answer["limits"]["rates"][0]["remaining"], 46);
    let (status, headers) = enforced.forward("/forward-auth").await;
    assert_eq!((status, fields(&headers, "ratelimit")[1].as_str()), (200, r#""credits";r=5"#));
    let (status, headers) = enforced.serve().await;
    assert_eq!(status, 200);
    assert_eq!(fields(&headers, "ratelimit-policy"), [r#""default";q=50;w=86400"#, r#""credits";q=10"#]);
    assert_eq!(fields(&headers, "ratelimit")[1], r#""credits";r=4"#);
    // More than is left: nothing is spent.
    let (status, refused) = enforced.verify(json!({"cost": 5})).await;
    assert_eq!((status, &refused["code"], &refused["status"]), (200, &json!("BUDGET_EXHAUSTED"), &json!(429)));
    assert_eq!(refused["details"], json!({"credits": 10, "remaining": 4, "resets_in_seconds": null}));
    for _ in 0..3 {
        let (_, free) = enforced.verify(json!({"cost": 0})).await;
        assert_eq!((&free["valid"], &free["limits"]["budget"]["remaining"]), (&json!(true), &json!(4)));
        assert_eq!(free["limits"]["rates"][0]["remaining"], 44);
    }
    for _ in 0..4 {
        assert_eq!(enforced.serve().await.0, 200);
    }
    let (status, headers) = enforced.forward("/forward-auth").await;
    assert_eq!((status, fields(&headers, "ratelimit")), (429, vec![r#""credits";r=0"#.to_owned()]));
    assert!(!headers.contains_key("retry-after"), "the budget is never refilled");
    assert_eq!(enforced.forward("/forward-auth/refusal").await.0, 429);
    assert_eq!(enforced.serve().await.0, 429);
    assert_eq!(management.limits(&system, &subject).await.unwrap().left.unwrap().remaining, 0);

    // A day's budget says when it is refilled. The ten credits of today count.
    put(&subject, json!({"budget": {"credits": 11, "refill": "day"}})).await;
    assert_eq!(enforced.serve().await.0, 200);
    let (status, headers) = enforced.serve().await;
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(status == 429 && (1..=86_400).contains(&wait), "{wait}");
    let (status, invalid) = enforced.verify(json!({"cost": 1_000_001})).await;
    assert_eq!(status, 400);
    assert_eq!(invalid["detail"], "Invalid `cost`: 1000001 is out of range: expected 0 to 1000000.");

    // The key's own limits hold in addition.
    put(&subject, json!({})).await;
    let key = Subject::Key(enforced.id.clone());
    put(&key, json!({"rates": [{"name": "default", "per": "key", "quota": 2, "window_seconds": 60, "strict": true}]}))
        .await;
    let statuses = [enforced.serve().await.0, enforced.serve().await.0, enforced.serve().await.0];
    assert_eq!(statuses, [200, 200, 429]);
    // A successor has the limits of its predecessor.
    let rotated = management.rotate_key(&system, &enforced.id, std::time::Duration::ZERO).await.unwrap();
    let successor = management.limits(&system, &Subject::Key(rotated.view.id)).await.unwrap();
    assert_eq!(successor.rates, management.limits(&system, &key).await.unwrap().rates);
    assert_eq!(successor.rates.len(), 1);

    // A key names its own rate.
    for (rate, status) in [("exports", 200), ("ex ports", 400), ("", 400)] {
        let (answered, said) = enforced.verify(json!({"rate": rate})).await;
        assert_eq!(answered, status, "{rate:?}: {said}");
        if status == 400 {
            let detail = "Invalid `rate`: expected a name with 1 to 32 of `a-z A-Z 0-9 _ -`.";
            assert_eq!((&said["code"], &said["detail"]), (&json!("INVALID_BODY"), &json!(detail)));
        }
    }
}

/// By `/forward-auth`, the second look of nginx, and `POST /v1/verify`.
#[tokio::test]
async fn a_call_that_a_limit_refuses_is_not_counted_as_accepted() {
    let setting = on_sqlite();
    let enforced = enforced(&setting).await;
    let (management, system) = (&setting.management, setting.system());
    let key = enforced.id.clone();
    let limits = json!({"rates": [{"name": "default", "per": "key", "quota": 2, "window_seconds": 86_400}]});
    management
        .put_limits(&system, &Subject::Key(key.clone()), &serde_json::from_value(limits).unwrap(), 0)
        .await
        .unwrap();
    enforced.limits.refresh().await.unwrap();
    for status in [200, 200, 429, 429] {
        assert_eq!(enforced.forward("/forward-auth").await.0, status);
        if status == 200 {
            continue;
        }
        assert_eq!(enforced.forward("/forward-auth/refusal").await.0, 429);
        assert_eq!(enforced.verify(json!({})).await.1["code"], "RATE_LIMIT_EXCEEDED");
        assert_eq!(enforced.serve().await.0, 429);
    }
    let usage = management.key_usage(&system, &key, 1).await.unwrap();
    let count =
        |outcome: &str| -> u64 { usage.days.iter().filter(|day| day.outcome == outcome).map(|day| day.times).sum() };
    assert_eq!((count("accepted"), count("rate_limit_exceeded")), (2, 6));
}

#[tokio::test]
async fn limits_of_a_key_belong_to_others_than_the_key_and_end_with_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let limits: PutLimits = serde_json::from_value(json!({"budget": {"credits": 10}})).unwrap();
    let create = async |name: &str| {
        let all = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(account.clone(), name) };
        let id = management.create_key(&owner, KeyDraft::of(Purpose::Management, all)).await.unwrap().view.id;
        (Actor::of_identity(&Identity::api_key(id.clone(), account.clone()), Context::new()), Subject::Key(id))
    };
    let ((key, own), (_, other)) = (create("own").await, create("other").await);
    let put = async |actor: &Actor, subject: &Subject, version| {
        management.put_limits(actor, subject, &limits, version).await.map_err(|error| error.code())
    };
    assert_eq!(put(&key, &own, 0).await.unwrap_err(), "ESCALATION");
    put(&key, &other, 0).await.unwrap();
    put(&owner, &own, 0).await.unwrap();
    assert!(management.limits(&key, &own).await.unwrap().budget.is_some(), "it may read them");
    let Subject::Key(id) = &other else { unreachable!() };
    management.revoke_key(&owner, id).await.unwrap();
    let left = management.limits(&owner, &other).await.unwrap();
    assert!(left.budget.is_none(), "the limits ended with the key");
    assert_eq!(put(&owner, &other, left.version).await.unwrap_err(), "KEY_ENDED");
}

fn management_key(account: &AccountId, name: &str) -> KeyDraft {
    let all = NewKey { scopes: ScopeSet::all(), ..NewKey::secret(account.clone(), name) };
    KeyDraft::of(Purpose::Management, all)
}

fn acting(id: &CredentialId, account: &AccountId) -> Actor {
    Actor::of_identity(&Identity::api_key(id.clone(), account.clone()), Context::new())
}

fn budget(credits: u64) -> PutLimits {
    serde_json::from_value(json!({"budget": {"credits": credits}})).unwrap()
}

#[tokio::test]
async fn key_with_limits_frees_itself_in_no_way() {
    let setting = on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    let operator = management.operator().clone();
    setting.operator().await;
    management.put_plan(&system, keyward::manage::Plan::new("Pro"), None).await.unwrap();
    let create = async |name: &str| management.create_key(&system, management_key(&operator, name)).await.unwrap().view;
    let (limited, other, disabled) = (create("limited").await, create("other").await, create("disabled").await);
    management.set_key_disabled(&system, &disabled.id, true).await.unwrap();
    let own = Subject::Key(limited.id.clone());
    let version = management.put_limits(&system, &own, &budget(10), 0).await.unwrap().version;
    let rotated = management.rotate_key(&system, &limited.id, Duration::from_secs(3_600)).await.unwrap();
    let (_, account) = setting.customer("ada@example.com").await;
    let user = management.user_with_email(&system, "ada@example.com").await.unwrap().value.id;

    // The successor, too.
    for id in [&limited.id, &rotated.view.id] {
        let key = acting(id, &operator);
        let plan = Subject::Plan("Pro".into());
        let put = async |subject: &Subject, version| {
            management.put_limits(&key, subject, &PutLimits::default(), version).await.map(drop)
        };
        let other_plan = AccountUpdate { plan: Some(Some("Pro".into())), ..AccountUpdate::default() };
        let rename = KeyChange { name: Some("mine".to_owned()), ..KeyChange::default() };
        let refused = [
            management.create_key(&key, management_key(&operator, "free")).await.map(drop),
            management.create_key(&key, KeyDraft::secret(account.clone(), "free")).await.map(drop),
            management.rotate_key(&key, &other.id, Duration::ZERO).await.map(drop),
            management.update_key(&key, &other.id, rename, other.version).await.map(drop),
            management.set_key_disabled(&key, &disabled.id, false).await.map(drop),
            management.invite(&key, &operator, "accomplice@example.com", Role::Developer).await.map(drop),
            management.create_password_reset(&key, &user).await.map(drop),
            management.create_sign_in_link(&key, &SignInLinkDraft::new(user.as_str())).await.map(drop),
            put(&own, version).await,
            put(&Subject::Key(other.id.clone()), 0).await,
            put(&Subject::Account(account.clone()), 0).await,
            put(&plan, 0).await,
            management.remove_plan(&key, "Pro", 1).await,
            management
                .put_lifetimes(&key, &LifetimesOf::Plan("Pro".into()), &PutLifetimes::default(), 0)
                .await
                .map(drop),
            // Another plan means other limits.
            management.put_plan(&key, keyward::manage::Plan::new("Pro").with_key_limit(9_999), Some(1)).await.map(drop),
            management.change_account(&key, &account, &other_plan, 1).await.map(drop),
        ];
        for (number, refused) in refused.into_iter().enumerate() {
            assert_eq!(refused.map_err(|error| error.code()), Err("KEY_HAS_LIMITS"), "{id}, attempt {number}");
        }
    }
    // It may rotate itself, and its successors stay limited.
    let key = acting(&rotated.view.id, &operator);
    let again = management.rotate_key(&key, &rotated.view.id, Duration::ZERO).await.unwrap().view.id;
    let refused =
        management.create_key(&acting(&again, &operator), management_key(&operator, "free")).await.unwrap_err();
    assert_eq!(refused.code(), "KEY_HAS_LIMITS");
    // Without limits, it may create keys again.
    let version = management.limits(&system, &Subject::Key(again.clone())).await.unwrap().version;
    management.put_limits(&system, &Subject::Key(again.clone()), &PutLimits::default(), version).await.unwrap();
    management.create_key(&acting(&again, &operator), management_key(&operator, "allowed")).await.unwrap();
}

#[tokio::test]
async fn limits_that_are_set_after_a_rotation_hold_for_all_its_keys() {
    let setting = on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    let operator = management.operator().clone();
    setting.operator().await;
    for to_successor in [true, false] {
        let first = management.create_key(&system, management_key(&operator, "first")).await.unwrap().view.id;
        let successor = management.rotate_key(&system, &first, Duration::from_secs(3_600)).await.unwrap().view.id;
        let limited = Subject::Key(if to_successor { successor.clone() } else { first.clone() });
        management.put_limits(&system, &limited, &budget(5), 0).await.unwrap();
        for id in [&first, &successor] {
            let seen = management.limits(&system, &Subject::Key(id.clone())).await.unwrap();
            assert_eq!(seen.budget.map(|budget| budget.credits), Some(5), "limits of the successor: {to_successor}");
            let created = management.create_key(&acting(id, &operator), management_key(&operator, "free")).await;
            assert_eq!(created.map(drop).unwrap_err().code(), "KEY_HAS_LIMITS");
        }
    }
}

#[tokio::test]
async fn a_rotation_refills_no_budget() {
    let setting = on_sqlite();
    let enforced = enforced(&setting).await;
    let (management, system) = (&setting.management, setting.system());
    let first = Subject::Key(enforced.id.clone());
    let version = management.put_limits(&system, &first, &budget(10), 0).await.unwrap().version;
    enforced.limits.refresh().await.unwrap();
    for _ in 0..6 {
        assert_eq!(enforced.serve().await.0, 200);
    }
    let hour = Duration::from_secs(3_600);
    let second = management.rotate_key(&system, &enforced.id, hour).await.unwrap();
    let third = management.rotate_key(&system, &second.view.id, hour).await.unwrap();
    enforced.limits.refresh().await.unwrap();
    let first_key = enforced.key.clone();
    let keys = [second.key.expose_once().to_string(), third.key.expose_once().to_string(), first_key];
    let mut accepted = 0;
    for key in keys.iter().cycle().take(12) {
        let request = Request::get("/").header("authorization", format!("Bearer {key}"));
        let answer = call(&enforced.service, request.body(Body::empty()).unwrap()).await;
        accepted += u32::from(answer.status == 200);
    }
    assert_eq!(accepted, 4);
    // Its limits are one thing, whichever key names them.
    let last = Subject::Key(third.view.id.clone());
    let seen = management.limits(&system, &last).await.unwrap();
    assert_eq!((seen.version, seen.left.unwrap().remaining), (version, 0));
    let version = management.put_limits(&system, &last, &budget(12), version).await.unwrap().version;
    assert_eq!(management.limits(&system, &first).await.unwrap().version, version);
    // They end with the last key.
    management.revoke_key(&system, &enforced.id).await.unwrap();
    assert_eq!(management.limits(&system, &last).await.unwrap().budget.unwrap().credits, 12);
    management.revoke_key(&system, &third.view.id).await.unwrap();
    assert!(management.limits(&system, &last).await.unwrap().budget.is_none());
}

#[tokio::test]
async fn a_rotation_that_cannot_hand_limits_on_changes_nothing() {
    let (clock, store) = (crate::setting::clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let builder = Management::builder(store.clone(), records).limits(SqliteLimits::new(&store));
    let management = crate::setting::quick(builder, &clock);
    let system = Actor::system("test", Context::new());
    let account = management.create_account(&system, "Customer").await.unwrap().value.id;
    let key = management.create_key(&system, KeyDraft::secret(account.clone(), "a")).await.unwrap().view;
    management.put_limits(&system, &Subject::Key(key.id.clone()), &budget(10), 0).await.unwrap();
    let full = FullTable::new(store.path(), "limit_rules");
    for overlap in [Duration::ZERO, Duration::from_secs(60)] {
        let failed = management.rotate_key(&system, &key.id, overlap).await.unwrap_err();
        assert_eq!(failed.code(), "SERVICE_UNAVAILABLE");
    }
    let known = management.key(&system, &key.id).await.unwrap();
    assert_eq!((known.status, known.rotated_to), (KeyStatus::Active, None));
    drop(full);
    management.rotate_key(&system, &key.id, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_new_plan_has_no_limits_of_a_removed_one_with_its_name() {
    let setting = crate::setting::on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    let plan = Subject::Plan("Pro".into());
    let version = management.put_plan(&system, keyward::manage::Plan::new("Pro"), None).await.unwrap().version;
    let limits: PutLimits = serde_json::from_value(json!({"budget": {"credits": 10}})).unwrap();
    management.put_limits(&system, &plan, &limits, 0).await.unwrap();
    management.remove_plan(&system, "Pro", version).await.unwrap();
    management.put_plan(&system, keyward::manage::Plan::new("Pro"), None).await.unwrap();
    assert!(management.limits(&system, &plan).await.unwrap().budget.is_none());
}

#[tokio::test]
async fn limits_of_ended_keys_are_removed_and_those_of_living_chains_stay() {
    let (clock, store) = (crate::setting::clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let limits = SqliteLimits::new(&store);
    let builder = Management::builder(store, records).limits(limits.clone());
    let management = crate::setting::quick(builder, &clock);
    let system = Actor::system("test", Context::new());
    let account = management.create_account(&system, "Customer").await.unwrap().value.id;
    let create = async |name: &str, hours: Option<u64>| {
        let end = hours.map(|hours| management_now(&clock).saturating_add(Duration::from_secs(hours * 3_600)));
        let new = NewKey { expires_at: end, ..NewKey::secret(account.clone(), name) };
        let key = management.create_key(&system, KeyDraft::of(Purpose::Api, new)).await.unwrap().view.id;
        management.put_limits(&system, &Subject::Key(key.clone()), &budget(10), 0).await.unwrap();
        key
    };
    let (expired, living) = (create("expired", Some(1)).await, create("living", None).await);
    let mut chain = vec![create("chain", None).await];
    for _ in 0..3 {
        let last = chain.last().unwrap().clone();
        chain.push(management.rotate_key(&system, &last, Duration::ZERO).await.unwrap().view.id);
    }
    // A rotation that was cut off.
    let missing = CredentialId::generate();
    keyward::limits::hand_on_rules(&limits, &living, &missing).await.unwrap();
    let kept = async || {
        for _ in 0..4 {
            clock.advance(Duration::from_secs(2 * 24 * 3_600));
            management.maintain().await.unwrap();
        }
        let rows = limits.oldest_rules(0, 100).await.unwrap();
        let mut keys: Vec<_> = rows.into_iter().filter(|(subject, _)| matches!(subject, Subject::Key(_))).collect();
        // The newest row stays until the next change.
        keys.retain(|(_, stored)| !stored.rules.is_empty());
        let mut keys: Vec<String> = keys.into_iter().map(|(subject, _)| subject.id().to_owned()).collect();
        keys.sort();
        keys
    };
    let sorted = |keys: &[&CredentialId]| {
        let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        keys.sort();
        keys
    };
    assert_eq!(kept().await, sorted(&[&living, &chain[0], &chain[3]]));
    let seen = management.limits(&system, &Subject::Key(chain[3].clone())).await.unwrap();
    assert_eq!(seen.budget.unwrap().credits, 10);
    management.revoke_key(&system, &chain[3]).await.unwrap();
    management.revoke_key(&system, &living).await.unwrap();
    assert!(kept().await.is_empty());
    let rows = limits.oldest_rules(0, 100).await.unwrap();
    assert!(rows.len() <= 1, "empty rows stay: {rows:?}");
    drop(expired);
}

fn management_now(clock: &keyward::clock::ManualClock) -> keyward::Timestamp {
    use keyward::clock::Clock as _;
    clock.now()
}

#[tokio::test]
async fn a_plan_in_use_is_removed_by_force_only() {
    for setting in crate::setting::everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let version = management.put_plan(&system, Plan::new("Pro"), None).await.unwrap().version;
        let other = AccountRecord::new("acct_other".parse().unwrap(), "Other").with_plan("Free");
        management.import_account(&system, &other).await.unwrap();
        for (accounts, text) in [(1, "1 account has"), (2, "2 accounts have")] {
            let account = AccountRecord::new(format!("acct_{accounts}").parse().unwrap(), "Customer").with_plan("Pro");
            management.import_account(&system, &account).await.unwrap();
            let refused = management.remove_plan(&system, "Pro", version).await.unwrap_err();
            assert_eq!((refused.code(), refused.status().as_u16()), ("PLAN_IN_USE", 409));
            assert!(refused.to_string().starts_with(text), "{refused}");
        }
        assert_eq!(management.remove_plan(&system, "Pro", 9).await.unwrap_err().code(), "PRECONDITION_FAILED");
        management.remove_used_plan(&system, "Pro", version).await.unwrap();
        assert!(management.plans(&system).await.unwrap().is_empty());
    }
}

/// The limits are in another store than the plan.
#[tokio::test]
async fn a_removal_of_a_plan_that_is_cut_off_is_completed() {
    let (clock, store) = (crate::setting::clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let limits = SqliteLimits::new(&store);
    let builder = Management::builder(store.clone(), records).limits(limits.clone());
    let management = crate::setting::quick(builder, &clock);
    let (system, pro) = (Actor::system("test", Context::new()), Subject::Plan("Pro".into()));
    let begin = async || {
        let version = management.put_plan(&system, Plan::new("Pro"), None).await.unwrap().version;
        let known = management.limits(&system, &pro).await.unwrap();
        assert!(known.budget.is_none(), "a new plan has the limits of a removed one");
        management.put_limits(&system, &pro, &budget(10), known.version).await.unwrap();
        let full = FullTable::new(store.path(), "limit_rules");
        management.remove_plan(&system, "Pro", version).await.unwrap();
        drop(full);
        assert!(!limits.rules(&pro).await.unwrap().rules.is_empty());
    };
    begin().await;
    management.maintain().await.unwrap();
    assert!(limits.rules(&pro).await.unwrap().rules.is_empty());
    begin().await;
    // A new plan ends the limits of the old one, and maintenance leaves its own.
    let version = management.put_plan(&system, Plan::new("Pro"), None).await.unwrap().version;
    let known = management.limits(&system, &pro).await.unwrap();
    assert!(known.budget.is_none());
    management.put_limits(&system, &pro, &budget(5), known.version).await.unwrap();
    management.maintain().await.unwrap();
    assert_eq!(management.limits(&system, &pro).await.unwrap().budget.unwrap().credits, 5);
    management.remove_plan(&system, "Pro", version).await.unwrap();
    assert!(limits.rules(&pro).await.unwrap().rules.is_empty());
}
