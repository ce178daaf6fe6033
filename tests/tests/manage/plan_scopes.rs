//! The scopes that a plan allows the API keys of its accounts.

use std::time::Duration;

use keyward::key::{Digest, KeyKind};
use keyward::lifecycle::Imported;
use keyward::manage::{
    AccountUpdate, Actor, AuditQuery, KeyChange, KeyDraft, Management, ManagementError, PageRequest, Plan, Purpose,
    Versioned,
};
use keyward::store::{KeyQuery, KeyRecord, KeyStatus};
use keyward::{AccountId, AccountRecord, CredentialId, Keys, MemoryStore, NewKey, ScopeSet};

use crate::setting::{Setting, everywhere, on_sqlite};

const REFUSED: &str = "SCOPE_NOT_IN_PLAN";

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

fn code<T>(result: Result<T, ManagementError>) -> Result<T, &'static str> {
    result.map_err(|error| error.code())
}

async fn put(management: &Management, by: &Actor, allowed: Option<&str>) -> Result<Versioned<Plan>, ManagementError> {
    let known = management.plans(by).await?.into_iter().find(|plan| plan.name == "Free");
    let plan = Plan { scopes: allowed.map(scopes), ..Plan::new("Free").with_key_limit(10_000) };
    management.put_plan(by, plan, known.map(|known| known.version)).await
}

async fn set(setting: &Setting, allowed: Option<&str>) {
    put(&setting.management, &setting.system(), allowed).await.unwrap();
}

async fn assign(setting: &Setting, account: &AccountId, plan: Option<&str>) {
    let (management, system) = (&setting.management, setting.system());
    let version = management.account(&system, account).await.unwrap().version;
    let update = AccountUpdate { plan: Some(plan.map(Into::into)), ..AccountUpdate::default() };
    management.update_account(&system, account, &update, version).await.unwrap();
}

fn draft(account: &AccountId, purpose: Purpose, kind: KeyKind, granted: &str) -> KeyDraft {
    let new = NewKey { kind, scopes: scopes(granted), ..NewKey::secret(account.clone(), "a key") };
    KeyDraft::of(purpose, new)
}

pub(crate) async fn foreign(account: &AccountId, kind: KeyKind, granted: &str) -> KeyRecord {
    let keys = Keys::new(MemoryStore::new());
    keys.put_account(&AccountRecord::new(account.clone(), "Example")).await.unwrap();
    let new = NewKey { kind, scopes: scopes(granted), ..NewKey::secret(account.clone(), "old") };
    let record = keys.issue(new).await.unwrap().record;
    KeyRecord { id: CredentialId::generate(), digest: Digest::from_bytes(rand::random()), ..record }
}

#[tokio::test]
async fn every_way_to_give_a_key_scopes_stays_within_the_plan() {
    for setting in everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let (owner, account) = setting.customer("ada@example.com").await;
        set(&setting, None).await;
        assign(&setting, &account, Some("Free")).await;
        for (allowed, granted, fits) in [
            (None, "*", true),
            (None, "a:read b:*", true),
            (Some("*"), "*", true),
            (Some("*"), "a:* b:read", true),
            (Some("a:read"), "a:read", true),
            (Some("a:read"), "a:write", false),
            (Some("a:read"), "a:*", false),
            (Some("a:read"), "*", false),
            (Some("a:read"), "a:read b:read", false),
            (Some("a:*"), "a:*", true),
            (Some("a:*"), "a:read a:write", true),
            (Some("a:*"), "ab:read", false),
            (Some("a:*"), "*", false),
            // No single scope of the plan includes it.
            (Some("a:read a:write"), "a:*", false),
            (Some("a:* b:read"), "a:write b:read", true),
        ] {
            set(&setting, allowed).await;
            for kind in KeyKind::ALL {
                let told = format!("{kind}, {granted} in {allowed:?}");
                let expected = if fits { Ok(()) } else { Err(REFUSED) };
                for (who, actor) in [("owner", &owner), ("program", &system)] {
                    let new = draft(&account, Purpose::Api, kind, granted);
                    assert_eq!(code(management.create_key(actor, new).await.map(drop)), expected, "{who}: {told}");
                }

                // A change from no scope, or from a scope that is not in question.
                set(&setting, None).await;
                let key = draft(&account, Purpose::Api, kind, "z:z");
                let key = management.create_key(&owner, key).await.unwrap().view;
                set(&setting, allowed).await;
                let change = KeyChange { scopes: Some(scopes(granted)), ..KeyChange::default() };
                let changed = management.update_key(&owner, &key.id, change, key.version).await;
                assert_eq!(code(changed.map(drop)), expected, "change: {told}");

                let record = foreign(&account, kind, granted).await;
                let expected = expected.map(|()| Imported::New);
                assert_eq!(code(management.preview_import(&system, &record).await), expected, "preview: {told}");
                assert_eq!(code(management.import_key(&system, &record).await), expected, "import: {told}");
            }
            // Management keys do not count.
            for (kind, scopes) in [(KeyKind::Secret, "*"), (KeyKind::Restricted, "keys:read")] {
                let new = draft(&account, Purpose::Management, kind, scopes);
                let made = management.create_key(&owner, new).await.unwrap().view;
                let change = KeyChange { scopes: Some("keys:*".parse().unwrap()), ..KeyChange::default() };
                management.update_key(&owner, &made.id, change, made.version).await.unwrap();
            }
        }
    }
}

/// Whoever shrinks a plan then looks for keys that exceed it, and must see all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_new_key_exceeds_a_plan_that_shrinks_while_it_is_created() {
    for setting in everywhere().await {
        let (management, system) = (setting.management.clone(), setting.system());
        let free = Plan::new("Free").with_key_limit(10_000);
        for round in 0..8_usize {
            set(&setting, Some("a:*")).await;
            let (owner, account) = setting.customer(&format!("ada{round}@example.com")).await;
            assign(&setting, &account, Some("Free")).await;
            let creating = std::iter::repeat_with(|| {
                let (management, owner) = (management.clone(), owner.clone());
                let new = draft(&account, Purpose::Api, KeyKind::Restricted, "a:write");
                tokio::spawn(async move { code(management.create_key(&owner, new).await).map(|made| made.view.id) })
            });
            let creating: Vec<_> = creating.take(16).collect();
            let of_account = KeyQuery { account: Some(account.clone()), ..KeyQuery::default() };
            let keys = async || management.keys(&owner, &of_account).await.unwrap().items;
            while keys().await.len() < round / 2 {
                tokio::task::yield_now().await;
            }
            let smaller = match round % 2 {
                0 => Plan { scopes: Some(scopes("a:read")), ..free.clone() },
                _ => Plan { scopes: Some(scopes("a:*")), ..Plan::new("Free").with_key_limit(1) },
            };
            let version = management.plans(&system).await.unwrap()[0].version;
            management.put_plan(&system, smaller, Some(version)).await.unwrap();
            for created in creating {
                let refused = created.await.unwrap().err();
                assert!(refused.is_none_or(|code| [REFUSED, "KEY_LIMIT_REACHED"].contains(&code)), "{refused:?}");
            }
            let page = PageRequest { limit: 500, ..PageRequest::default() };
            let query = AuditQuery { page, ..AuditQuery::default() };
            let log = management.audit_log(&system, &query).await.unwrap().items;
            let number = |action: &str, id: &str| {
                let found = log.iter().find(|entry| entry.action == action && entry.target.id == id);
                found.unwrap_or_else(|| panic!("{action} {id}")).number
            };
            let shrunk = number("plan.put", "Free");
            let active: Vec<_> = keys().await.into_iter().filter(|key| key.status == KeyStatus::Active).collect();
            let late = active.iter().filter(|key| number("key.create", key.id.as_str()) > shrunk).count();
            let may = usize::from(round % 2 == 1 && active.len() <= 1);
            assert!(late <= may, "round {round}: {late} of {} keys came after the change", active.len());
        }
    }
}

#[tokio::test]
async fn existing_keys_keep_their_scopes_when_the_plan_shrinks() {
    for setting in everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let (owner, account) = setting.customer("ada@example.com").await;
        set(&setting, None).await;
        assign(&setting, &account, Some("Free")).await;
        let create = async |kind, granted| {
            management.create_key(&owner, draft(&account, Purpose::Api, kind, granted)).await.unwrap().view
        };
        let all = create(KeyKind::Secret, "*").await;
        let some = create(KeyKind::Restricted, "a:* b:read").await;
        let ended = foreign(&account, KeyKind::Secret, "*").await;
        let known = foreign(&account, KeyKind::Secret, "*").await;
        management.import_key(&system, &known).await.unwrap();
        set(&setting, Some("c:read")).await;

        for key in [&all, &some] {
            assert_eq!(management.key(&owner, &key.id).await.unwrap(), *key);
            for disabled in [true, false] {
                let (kept, _) = management.set_key_disabled(&owner, &key.id, disabled).await.unwrap();
                assert_eq!(kept.scopes, key.scopes);
            }
        }
        let successor = management.rotate_key(&owner, &all.id, Duration::from_secs(60)).await.unwrap().view;
        assert_eq!(successor.scopes, all.scopes);

        // A change gives nothing new but what the plan has.
        for (granted, expected) in [
            (None, Ok(())),
            (Some("a:* b:read"), Ok(())),
            (Some("a:* b:*"), Err(REFUSED)),
            (Some("a:* d:read"), Err(REFUSED)),
            (Some("a:write b:read c:read"), Ok(())),
            // What it gave up is not its own any more.
            (Some("a:*"), Err(REFUSED)),
            (Some("a:read"), Err(REFUSED)),
            (Some("c:read"), Ok(())),
            (Some("b:read"), Err(REFUSED)),
        ] {
            let version = management.key(&owner, &some.id).await.unwrap().version;
            let change =
                KeyChange { name: Some("renamed".into()), scopes: granted.map(scopes), ..KeyChange::default() };
            let changed = management.update_key(&owner, &some.id, change, version).await;
            assert_eq!(code(changed.map(drop)), expected, "{granted:?}");
        }

        // A key that is there is not imported again, and one that has ended grants nothing.
        assert!(matches!(management.import_key(&system, &known).await.unwrap(), Imported::AlreadyThere(_)));
        let ended = KeyRecord { revoked_at: Some(ended.created_at), ..ended };
        assert_eq!(management.import_key(&system, &ended).await.unwrap(), Imported::New);

        // Without the plan, or with a name that only services know, there is no limit.
        assert_eq!(
            code(management.create_key(&owner, KeyDraft::secret(account.clone(), "k")).await.map(drop)),
            Err(REFUSED)
        );
        for plan in [Some("Elsewhere"), None] {
            assign(&setting, &account, plan).await;
            create(KeyKind::Secret, "*").await;
        }
        assign(&setting, &account, Some("Free")).await;
        let version = management.plans(&owner).await.unwrap()[0].version;
        management.remove_used_plan(&system, "Free", version).await.unwrap();
        create(KeyKind::Secret, "*").await;
    }
}

#[tokio::test]
async fn the_refusal_names_the_plan_and_the_scope() {
    let setting = on_sqlite();
    let (owner, account) = setting.customer("ada@example.com").await;
    set(&setting, Some("a:read b:*")).await;
    assign(&setting, &account, Some("Free")).await;
    let new = draft(&account, Purpose::Api, KeyKind::Restricted, "a:read b:write c:read");
    let refused = setting.management.create_key(&owner, new).await.unwrap_err();
    assert_eq!(refused.status(), 422);
    assert_eq!(
        refused.to_string(),
        "the plan `Free` does not include the scope `c:read`: choose only scopes of the plan, or ask the operator for another plan"
    );
    let operator = setting.operator().await;
    let home = setting.management.operator().clone();
    setting.management.create_key(&operator, KeyDraft::secret(home, "the operator's")).await.unwrap();
}

#[tokio::test]
async fn only_a_recent_sign_in_of_the_operator_changes_the_scopes_of_a_plan() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (owner, account) = setting.customer("ada@example.com").await;
    put(management, &operator, Some("a:read")).await.unwrap();
    assign(&setting, &account, Some("Free")).await;
    assert_eq!(code(put(management, &owner, None).await.map(drop)), Err("NOT_FOUND"));
    let empty = Plan::new("Free").with_scopes(ScopeSet::default());
    assert_eq!(code(management.put_plan(&operator, empty, Some(1)).await.map(drop)), Err("INVALID_VALUE"));
    put(management, &operator, Some("a:read b:*")).await.unwrap();

    setting.clock.advance(Duration::from_secs(13 * 3_600));
    assert_eq!(code(put(management, &operator, None).await.map(drop)), Err("SIGN_IN_AGAIN"));
    assert_eq!(code(put(management, &operator, Some("a:read b:*")).await.map(drop)), Err("SIGN_IN_AGAIN"));

    let entries = management.audit_log(&setting.system(), &Default::default()).await.unwrap().items;
    let told: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "plan.put" && entry.outcome == keyward::manage::Outcome::Done)
        .map(|entry| {
            let of = |value: &Option<serde_json::Value>| value.as_ref().map(|value| value["scopes"].clone());
            (of(&entry.before), of(&entry.after))
        })
        .collect();
    let (one, two) = (serde_json::json!(["a:read"]), serde_json::json!(["a:read", "b:*"]));
    assert!(told.contains(&(None, Some(one.clone()))) && told.contains(&(Some(one), Some(two))), "{told:?}");
}
