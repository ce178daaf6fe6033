//! The operator deletes an account for good.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward::manage::{
    Actor, AuditQuery, Context, KeyDraft, Kind, LifetimesOf, List, Management, ManagementError, NewScopeCount,
    PageRequest, Purpose, RequestEntry, RequestPage, Role, SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;
use keyward::store::{KeyQuery, KeyStatus, RevocationReason};
use keyward::{AccountId, AccountRecord, Authenticator, Identity, Keys, Mode, NewKey};
use keyward_client::PutLifetimes;

use crate::setting::{PASSWORD, Setting, clock, everywhere, failing_everywhere, on_sqlite, quick, verdict};

const URL: &str = "https://localhost:1/hooks";

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

const KEY_WITH_REQUESTS: &str = "key_with_requests";

async fn delete(setting: &Setting, by: &Actor, account: &AccountId) -> &'static str {
    let version = setting.management.account(&setting.system(), account).await.unwrap().version;
    code(setting.management.delete_account(by, account, version).await)
}

fn keys_of(account: &AccountId) -> KeyQuery {
    KeyQuery { account: Some(account.clone()), limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() }
}

fn all() -> PageRequest {
    PageRequest { after: None, limit: 500 }
}

/// With a member, an invitation, a webhook with a delivery, lifetimes and a required second factor.
async fn furnish(setting: &Setting, owner: &Actor, account: &AccountId) -> String {
    let (management, system) = (&setting.management, setting.system());
    setting.member(owner, account, "grace@example.com", Role::Developer).await;
    let invited = management.invite(owner, account, "later@example.com", Role::Viewer).await.unwrap();
    let webhook = management.create_webhook(owner, account, URL, "", &[]).await.unwrap().webhook.id;
    management.test_webhook(owner, account, &webhook).await.unwrap();
    let month = PutLifetimes { maximum_seconds: Some(30 * 86_400), ..PutLifetimes::default() };
    management.put_lifetimes(&system, &LifetimesOf::Account(account.clone()), &month, 0).await.unwrap();
    management.require_second_factor(&system, account, true).await.unwrap();
    setting.records.add_requests(&[request_of(account)]).await.unwrap();
    setting.records.add_scopes(&[scope_of(account)]).await.unwrap();
    assert_eq!(setting.records.scopes(account.as_str(), None, 0, 9).await.unwrap().len(), 1);
    invited.secret.to_string()
}

fn scope_of(account: &AccountId) -> NewScopeCount {
    NewScopeCount {
        account: account.to_string(),
        key: KEY_WITH_REQUESTS.to_owned(),
        day: 1,
        scope: "jobs:read".to_owned(),
        outcome: "accepted".to_owned(),
        times: 1,
        is_listed: true,
    }
}

fn request_of(account: &AccountId) -> RequestEntry {
    RequestEntry {
        key: KEY_WITH_REQUESTS.to_owned(),
        at: i64::MAX / 2,
        number: 0,
        account: account.to_string(),
        method: None,
        route: None,
        network: None,
        outcome: "OK".to_owned(),
        missing: None,
    }
}

async fn check_nothing_is_left(setting: &Setting, account: &AccountId) {
    for kind in [Kind::Member, Kind::Invitation, Kind::Webhook, Kind::Delivery, Kind::Mail] {
        let left = setting.records.list(&List::of(kind, 10).owner(account.as_str())).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
    assert!(setting.records.list(&List::of(Kind::Due, 10)).await.unwrap().is_empty());
    let all = RequestPage { since: 0, after: None, limit: 10 };
    assert_eq!(setting.records.requests(KEY_WITH_REQUESTS, &all).await.unwrap(), []);
    for key in [None, Some(KEY_WITH_REQUESTS)] {
        assert_eq!(setting.records.scopes(account.as_str(), key, 0, 9).await.unwrap(), []);
    }
    let lifetimes = format!("account:{account}");
    for (kind, id) in [
        (Kind::Account, account.as_str()),
        (Kind::Making, account.as_str()),
        (Kind::RequiredFactor, account.as_str()),
        (Kind::Lifetimes, &lifetimes),
    ] {
        assert_eq!(setting.records.get(kind, id).await.unwrap(), None, "{kind:?}");
    }
}

#[tokio::test]
async fn a_deleted_account_is_unknown_and_its_keys_end() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (ada, account) = setting.customer("ada@example.com").await;
        let verifier = management.verifier().unwrap();
        let active = management.create_key(&ada, KeyDraft::secret(account.clone(), "active")).await.unwrap();
        let plain = active.key.expose_once().to_string();
        verdict(&verifier, &plain).await.unwrap();
        let disabled = management.create_key(&ada, KeyDraft::secret(account.clone(), "disabled")).await.unwrap().view;
        management.set_key_disabled(&ada, &disabled.id, true).await.unwrap();
        let managing = KeyDraft::management(account.clone(), "managing", "accounts:read".parse().unwrap());
        let managing = management.create_key(&ada, managing).await.unwrap().view;
        let program = Actor::of_identity(&Identity::api_key(managing.id.clone(), account.clone()), Context::new());
        let invitation = furnish(&setting, &ada, &account).await;

        assert_eq!(delete(&setting, &operator, &account).await, "done");
        let refused = verdict(&verifier, &plain).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (http::StatusCode::UNAUTHORIZED, "API_KEY_REVOKED"));
        check_nothing_is_left(&setting, &account).await;
        // A request that a node has kept in memory is written now.
        setting.records.add_requests(&[request_of(&account)]).await.unwrap();
        setting.records.add_scopes(&[scope_of(&account)]).await.unwrap();
        check_nothing_is_left(&setting, &account).await;

        let ada = setting.signed_in("ada@example.com").await;
        assert!(management.own_accounts(&ada).await.unwrap().is_empty(), "the user stays, without an account");
        assert_eq!(code(management.default_account(&ada).await), "NOT_FOUND");
        for actor in [&operator, &ada, &program, &setting.system()] {
            let who = actor.name();
            assert_eq!(code(management.account(actor, &account).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.rights(actor, &account).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.members(actor, &account, &all()).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.webhooks(actor, &account).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.keys(actor, &keys_of(&account)).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.usage(actor, &account, 1).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.key(actor, &disabled.id).await), "NOT_FOUND", "{who:?}");
            assert_eq!(code(management.set_key_disabled(actor, &disabled.id, false).await), "NOT_FOUND", "{who:?}");
            let rename = keyward::manage::AccountUpdate { suspended: Some(false), ..Default::default() };
            assert_eq!(code(management.update_account(actor, &account, &rename, 1).await), "NOT_FOUND", "{who:?}");
        }
        let listed = management.accounts(&operator, &all()).await.unwrap().items;
        assert!(!listed.iter().any(|known| known.id == account));
        assert!(management.find_accounts(&operator, account.as_str()).await.unwrap().is_empty());
        let joined = management.accept_invitation(&Context::new(), &invitation, "Late", PASSWORD).await;
        assert_eq!(code(joined), "LINK_ENDED");
        assert_eq!(code(management.delete_account(&operator, &account, 1).await), "NOT_FOUND");

        // The log stays, for the operator.
        let query = AuditQuery { account: Some(account.clone()), page: all(), ..AuditQuery::default() };
        let log = management.audit_log(&operator, &query).await.unwrap().items;
        let revoked: Vec<_> = log.iter().filter(|entry| entry.action == "key.revoke").collect();
        assert_eq!(revoked.len(), 3, "the active, the disabled and the managing key");
        for entry in revoked {
            let revocation = &entry.after.as_ref().unwrap()["revocation"];
            let reason = RevocationReason::CessationOfOperation.as_str();
            assert_eq!((revocation["reason"].as_str(), &entry.actor), (Some(reason), &operator.name()));
        }
        let deletion = log.iter().find(|entry| entry.action == "account.delete").unwrap();
        assert_eq!(deletion.actor, operator.name());
        assert_eq!(deletion.before.as_ref().unwrap()["id"], account.as_str());
        assert_eq!(code(management.audit_log(&ada, &query).await), "NOT_FOUND");

        // A user without an account is deleted as before.
        let user = ada.user().unwrap();
        let version = management.user(&operator, user).await.unwrap().version;
        assert_eq!(code(management.delete_user(&operator, user, version).await), "done");
    }
}

#[tokio::test]
async fn the_id_of_a_deleted_account_is_not_used_again() {
    let setting = on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    let keys = Keys::new(SqliteStore::open(setting.file.as_ref().unwrap()).unwrap());
    // An account that only the key store knows.
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd").with_plan("Pro");
    keys.insert_account(&account).await.unwrap();
    let elsewhere = Keys::new(keyward::MemoryStore::new());
    elsewhere.put_account(&account).await.unwrap();
    let imported = elsewhere.issue(NewKey::secret(account.id.clone(), "old")).await.unwrap().record;

    management.delete_account(&system, &account.id, 1).await.unwrap();
    assert_eq!(code(management.import_account(&system, &account).await), "ACCOUNT_DELETED");
    let key = KeyDraft::secret(account.id.clone(), "new");
    assert_eq!(code(management.create_key(&system, key).await), "ACCOUNT_DELETED");
    assert_eq!(code(management.import_key(&system, &imported).await), "ACCOUNT_DELETED");
    assert_eq!(code(management.preview_import(&system, &imported).await), "ACCOUNT_DELETED");
    // A program of the service on the key store finds it suspended, without its name and plan.
    let found = keys.ensure_account(&account).await.unwrap();
    assert_eq!((found.name.as_str(), found.plan), ("deleted account", None));
    assert!(found.suspended_at.is_some());
}

#[tokio::test]
async fn only_an_owner_of_the_operator_or_its_key_deletes() {
    let setting = on_sqlite();
    let management = &setting.management;
    let owner = setting.operator().await;
    let operator = management.operator().clone();
    let admin = setting.member(&owner, &operator, "admin@example.com", Role::Admin).await;
    let (ada, account) = setting.customer("ada@example.com").await;
    let (stranger, _) = setting.customer("eve@example.com").await;
    let key = async |account: &AccountId, mode: Mode, scopes: &str| {
        let new = NewKey { mode, ..NewKey::restricted(account.clone(), "deleting", scopes.parse().unwrap()) };
        let draft = KeyDraft::of(Purpose::Management, new);
        let id = management.create_key(&owner, draft).await.unwrap().view.id;
        Actor::of_identity(&Identity::api_key(id, account.clone()), Context::new())
    };
    for (by, expected) in [
        (&stranger, "NOT_FOUND"),
        (&ada, "INSUFFICIENT_SCOPE"),
        (&admin, "INSUFFICIENT_SCOPE"),
        (&key(&account, Mode::Live, "*").await, "INSUFFICIENT_SCOPE"),
        (&key(&operator, Mode::Live, "accounts:* members:* keys:* plans:*").await, "INSUFFICIENT_SCOPE"),
        (&key(&operator, Mode::Test, "deletions:write").await, "INSUFFICIENT_SCOPE"),
    ] {
        assert_eq!(delete(&setting, by, &account).await, expected, "{:?}", by.name());
    }
    let widened = KeyDraft::management(operator.clone(), "deleting", "deletions:write".parse().unwrap());
    assert_eq!(code(management.create_key(&admin, widened).await), "ESCALATION");
    assert_eq!(delete(&setting, &owner, &operator).await, "INVALID_VALUE");
    assert_eq!(code(management.delete_account(&owner, &account, 9).await), "PRECONDITION_FAILED");
    assert_eq!(code(management.delete_account(&owner, &"acct_none".parse().unwrap(), 1).await), "NOT_FOUND");
    let program = key(&operator, Mode::Live, "deletions:write").await;
    setting.clock.advance(Duration::from_secs(12 * 3_600));
    assert_eq!(delete(&setting, &owner, &account).await, "SIGN_IN_AGAIN");
    assert!(management.account(&owner, &account).await.unwrap().suspended_at.is_none(), "nothing has begun");
    assert_eq!(delete(&setting, &program, &account).await, "done");
}

#[tokio::test]
async fn another_node_refuses_the_keys_at_once() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (ada, account) = setting.customer("ada@example.com").await;
    let node = Authenticator::new(SqliteStore::open(setting.file.as_ref().unwrap()).unwrap());
    let mut keys = Vec::new();
    for name in ["one", "two", "three"] {
        let issued = management.create_key(&ada, KeyDraft::secret(account.clone(), name)).await.unwrap();
        keys.push(issued.key.expose_once().to_string());
    }
    for key in &keys {
        verdict(&node, key).await.unwrap();
    }
    assert_eq!(delete(&setting, &operator, &account).await, "done");
    for key in &keys {
        assert_eq!(verdict(&node, key).await.unwrap_err().code(), "API_KEY_REVOKED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_key_outlives_a_deletion_that_runs_at_the_same_time() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        for n in 0..6 {
            let (ada, account) = setting.customer(&format!("ada{n}@example.com")).await;
            let create = async || {
                let mut made = Vec::new();
                for name in 0..4 {
                    let draft = KeyDraft::secret(account.clone(), format!("key {name}"));
                    match management.create_key(&ada, draft).await {
                        Ok(issued) => made.push(issued.view.id),
                        Err(error) => assert_eq!(error.code(), "NOT_FOUND"),
                    }
                }
                made
            };
            let (first, deleted, second) = tokio::join!(create(), delete(&setting, &operator, &account), create());
            assert_eq!(deleted, "done");
            setting.clock.advance(Duration::from_secs(120));
            management.maintain().await.unwrap();
            let every = KeyQuery { account: None, ..keys_of(&account) };
            let keys = management.keys(&setting.system(), &every).await.unwrap().items;
            for key in keys.iter().filter(|key| key.account == account) {
                assert_eq!(key.status, KeyStatus::Revoked, "try {n}: {} of {first:?} {second:?}", key.id);
            }
        }
    }
}

#[tokio::test]
async fn maintenance_ends_what_a_late_request_has_written() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (ada, account) = setting.customer("ada@example.com").await;
    let member = setting.records.list(&List::of(Kind::Member, 10).owner(account.as_str())).await.unwrap().remove(0);
    assert_eq!(delete(&setting, &operator, &account).await, "done");

    let late = [keyward::manage::Write::Insert(keyward::manage::Record { version: 1, ..member })];
    assert_eq!(setting.records.write(&late).await.unwrap(), keyward::manage::Written::Done);
    assert!(management.own_accounts(&ada).await.unwrap().is_empty());
    assert_eq!(code(management.rights(&ada, &account).await), "NOT_FOUND");
    let keys = Keys::new(SqliteStore::open(setting.file.as_ref().unwrap()).unwrap());
    keys.resume_account(&account).await.unwrap();
    let key = keys.issue(NewKey::secret(account.clone(), "late")).await.unwrap().record;
    management.maintain().await.unwrap();
    assert!(keys.get_account(&account).await.unwrap().unwrap().suspended_at.is_some());
    assert_eq!(keys.get(&key.id).await.unwrap().unwrap().status(key.created_at), KeyStatus::Revoked);
    check_nothing_is_left(&setting, &account).await;

    let open = List::of(Kind::DeletedAccount, 10).owner("open");
    assert_eq!(setting.records.list(&open).await.unwrap().len(), 1);
    setting.clock.advance(Duration::from_secs(2 * 3_600));
    management.maintain().await.unwrap();
    assert!(setting.records.list(&open).await.unwrap().is_empty(), "maintenance looks at it no longer");
    assert_eq!(code(management.account(&operator, &account).await), "NOT_FOUND");
}

#[tokio::test]
async fn pages_of_accounts_leave_out_deleted_ones() {
    let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let management = quick(Management::builder(store, records), &clock);
    let system = Actor::system("test", Context::new());
    for n in 0..8 {
        let account = AccountRecord::new(format!("acct_{n}").parse().unwrap(), "Example");
        management.import_account(&system, &account).await.unwrap();
    }
    for id in ["acct_0", "acct_2", "acct_3", "acct_4", "acct_7"] {
        management.delete_account(&system, &id.parse().unwrap(), 1).await.unwrap();
    }
    for limit in 1..5 {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = management.accounts(&system, &PageRequest { after, limit }).await.unwrap();
            assert!(page.items.len() == limit || page.next.is_none(), "{limit}");
            seen.extend(page.items.into_iter().map(|account| account.value.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["acct_1", "acct_5", "acct_6"], "{limit}");
    }
}

#[tokio::test]
async fn deleted_accounts_of_a_list_are_looked_up_together() {
    for (setting, records) in failing_everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let import = async |id: &str| {
            let account = AccountRecord::new(id.parse().unwrap(), "Example");
            management.import_account(&system, &account).await.unwrap();
        };
        import("acct_living").await;
        let reads = async || {
            let before = records.looked_up.load(Ordering::Relaxed);
            let mut found = management.find_accounts(&system, "acct_").await.unwrap();
            found.extend(management.accounts(&system, &all()).await.unwrap().items);
            let found: Vec<_> = found.iter().map(|account| account.id.as_str()).collect();
            assert_eq!(found, ["acct_living"; 2]);
            records.looked_up.load(Ordering::Relaxed) - before
        };
        let few = reads().await;
        for n in 0..8 {
            let id = format!("acct_{n}");
            import(&id).await;
            management.delete_account(&system, &id.parse().unwrap(), 1).await.unwrap();
        }
        assert_eq!(reads().await, few);
    }
}
