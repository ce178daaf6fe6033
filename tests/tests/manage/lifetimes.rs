//! The default and the maximum lifetime of keys, by configuration, plan and account.

use std::time::Duration;

use keyward::clock::Clock as _;
use keyward::key::Digest;
use keyward::lifecycle::{Imported, Lifetimes};
use keyward::manage::{
    AccountUpdate, Actor, Context, KeyChange, KeyDraft, KeyRotation, LifetimesOf, Management, ManagementError, Plan,
    Purpose, Role,
};
use keyward::store::KeyRecord;
use keyward::{AccountId, CredentialId, Identity, NewKey, Timestamp};
use keyward_client::{EffectiveLifetimes, PutLifetimes};

use crate::setting::{Setting, clock, everywhere, on_sqlite, quick};

const DAY: u32 = 86_400;

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.unwrap_err().code()
}

fn days(default: Option<u32>, maximum: Option<u32>) -> PutLifetimes {
    PutLifetimes { default_seconds: default.map(|days| days * DAY), maximum_seconds: maximum.map(|days| days * DAY) }
}

fn effective(default: Option<u64>, maximum: Option<u64>) -> EffectiveLifetimes {
    let seconds = |days: u64| days * u64::from(DAY);
    EffectiveLifetimes { default_seconds: default.map(seconds), maximum_seconds: maximum.map(seconds) }
}

async fn set(setting: &Setting, of: &LifetimesOf, lifetimes: PutLifetimes) {
    let (management, system) = (&setting.management, setting.system());
    let version = management.lifetimes(&system, of).await.unwrap().version;
    management.put_lifetimes(&system, of, &lifetimes, version).await.unwrap();
}

async fn on_plan(setting: &Setting, account: &AccountId, plan: &str) {
    let (management, system) = (&setting.management, setting.system());
    management.put_plan(&system, Plan::new(plan), None).await.unwrap();
    let version = management.account(&system, account).await.unwrap().version;
    let update = AccountUpdate { plan: Some(Some(plan.into())), ..AccountUpdate::default() };
    management.update_account(&system, account, &update, version).await.unwrap();
}

fn after(setting: &Setting, days: u32) -> Timestamp {
    setting.clock.now().saturating_add(Duration::from_secs((days * DAY).into()))
}

fn record(account: &AccountId, number: u8, expires_at: Option<Timestamp>, like: KeyRecord) -> KeyRecord {
    let digest = Digest::from_bytes([number; 32]);
    KeyRecord { id: CredentialId::generate(), account: account.clone(), digest, expires_at, ..like }
}

#[tokio::test]
async fn plan_and_account_decide_about_every_new_key() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let of_account = LifetimesOf::Account(account.clone());
        let of_plan = LifetimesOf::Plan("Pro".into());
        assert_eq!(management.effective_lifetimes(&owner, &account).await.unwrap(), effective(None, None));
        let endless = management.create_key(&owner, KeyDraft::secret(account.clone(), "old")).await.unwrap().view;
        assert_eq!(endless.expires_at, None);

        on_plan(&setting, &account, "Pro").await;
        set(&setting, &of_plan, days(Some(30), Some(90))).await;
        set(&setting, &of_account, days(None, Some(365))).await;
        assert_eq!(management.effective_lifetimes(&owner, &account).await.unwrap(), effective(Some(30), Some(90)));
        set(&setting, &of_account, days(Some(10), Some(60))).await;
        assert_eq!(management.effective_lifetimes(&owner, &account).await.unwrap(), effective(Some(10), Some(60)));
        let seen = management.lifetimes(&owner, &of_account).await.unwrap();
        assert_eq!((seen.default_seconds, seen.maximum_seconds), (Some(10 * DAY), Some(60 * DAY)));
        let of_plan_seen = management.lifetimes(&owner, &of_plan).await.unwrap();
        assert_eq!(of_plan_seen.effective, effective(Some(30), Some(90)));

        // Creation.
        let create = async |end: Option<Timestamp>| {
            let new = NewKey { expires_at: end, ..NewKey::secret(account.clone(), "new") };
            management.create_key(&owner, KeyDraft::of(Purpose::Api, new)).await.map(|issued| issued.view)
        };
        let key = create(None).await.unwrap();
        assert_eq!(key.expires_at, Some(after(&setting, 10)));
        assert_eq!(create(Some(after(&setting, 60))).await.unwrap().expires_at, Some(after(&setting, 60)));
        for end in [after(&setting, 61), Timestamp::MAX, "9999-12-31T00:00:00Z".parse().unwrap()] {
            assert_eq!(code(create(Some(end)).await), "LIFETIME_TOO_LONG", "{end}");
        }
        // Management keys, too.
        let scopes = "keys:read".parse().unwrap();
        let managing = KeyDraft::management(account.clone(), "managing", scopes);
        assert_eq!(management.create_key(&owner, managing).await.unwrap().view.expires_at, Some(after(&setting, 10)));

        // Update: a later end is bound, an earlier or equal one is not.
        let update = async |id: &CredentialId, end: Option<Timestamp>| {
            let version = management.key(&owner, id).await.unwrap().version;
            let change = KeyChange { expires_at: Some(end), ..KeyChange::default() };
            management.update_key(&owner, id, change, version).await.map(|(key, _)| key.expires_at)
        };
        assert_eq!(update(&key.id, Some(after(&setting, 60))).await.unwrap(), Some(after(&setting, 60)));
        for end in [None, Some(after(&setting, 61)), Some(Timestamp::MAX)] {
            assert_eq!(code(update(&key.id, end).await), "LIFETIME_TOO_LONG", "{end:?}");
        }
        assert_eq!(update(&endless.id, None).await.unwrap(), None);
        for disabled in [true, false] {
            let (kept, _) = management.set_key_disabled(&owner, &endless.id, disabled).await.unwrap();
            assert_eq!(kept.expires_at, None);
        }

        // A rotation gives the end of the preview, or the chosen one.
        let preview = management.preview_rotation(&owner, &endless.id).await.unwrap();
        assert_eq!(preview.expires_at, Some(after(&setting, 60)));
        assert_eq!(preview.latest_expires_at, Some(after(&setting, 60)));
        let rotate = async |id: &CredentialId, expires_at: Option<Option<Timestamp>>| {
            let rotation = KeyRotation { overlap: Duration::ZERO, expires_at };
            management.rotate_key_with(&owner, id, rotation).await.map(|rotated| rotated.view)
        };
        for end in [None, Some(after(&setting, 61)), Some(Timestamp::MAX)] {
            assert_eq!(code(rotate(&endless.id, Some(end)).await), "LIFETIME_TOO_LONG", "{end:?}");
        }
        let successor = rotate(&endless.id, None).await.unwrap();
        assert_eq!(successor.expires_at, preview.expires_at);
        assert_eq!(code(management.preview_rotation(&owner, &endless.id).await), "KEY_ROTATED");
        let chosen = rotate(&successor.id, Some(Some(after(&setting, 5)))).await.unwrap();
        assert_eq!(chosen.expires_at, Some(after(&setting, 5)));

        // Import counts from now.
        let system = setting.system();
        let like = like(&setting, &account).await;
        let import = async |number: u8, end: Option<Timestamp>| {
            let record = record(&account, number, end, like.clone());
            let previewed = management.preview_import(&system, &record).await.map_err(|error| error.code());
            let imported = management.import_key(&system, &record).await.map_err(|error| error.code());
            assert_eq!(previewed, imported, "{end:?}");
            imported
        };
        assert_eq!(import(1, None).await, Err("LIFETIME_TOO_LONG"));
        assert_eq!(import(1, Some(after(&setting, 61))).await, Err("LIFETIME_TOO_LONG"));
        assert_eq!(import(1, Some(after(&setting, 60))).await, Ok(Imported::New));
        // An outsider imports nothing.
        let refused = management.preview_import(&owner, &record(&account, 2, None, like.clone())).await;
        assert_eq!(code(refused), "INSUFFICIENT_SCOPE");

        // Without the plan, its lifetimes are gone, also if it returns.
        set(&setting, &of_account, days(None, None)).await;
        let version = management.plans(&owner).await.unwrap()[0].version;
        management.remove_used_plan(&system, "Pro", version).await.unwrap();
        assert_eq!(management.effective_lifetimes(&owner, &account).await.unwrap(), effective(None, None));
        management.put_plan(&system, Plan::new("Pro"), None).await.unwrap();
        assert_eq!(management.lifetimes(&system, &of_plan).await.unwrap().version, 0);
        assert_eq!(create(None).await.unwrap().expires_at, None);
    }
}

/// An extension is not handed on.
#[tokio::test]
async fn a_successor_lives_at_most_as_long_as_the_default() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let create = async |end: Option<Timestamp>| {
        let new = NewKey { expires_at: end, ..NewKey::secret(account.clone(), "new") };
        management.create_key(&owner, KeyDraft::of(Purpose::Api, new)).await.unwrap().view.id
    };
    let endless = create(None).await;
    set(&setting, &LifetimesOf::Account(account.clone()), days(Some(90), None)).await;
    let (usual, short, extended) = (create(None).await, create(Some(after(&setting, 7))).await, create(None).await);
    let version = management.key(&owner, &extended).await.unwrap().version;
    let change = KeyChange { expires_at: Some(Some(after(&setting, 1_500))), ..KeyChange::default() };
    management.update_key(&owner, &extended, change, version).await.unwrap();
    for (key, life) in [(usual, Some(90)), (short, Some(7)), (extended, Some(90)), (endless, None)] {
        let preview = management.preview_rotation(&owner, &key).await.unwrap().expires_at;
        assert_eq!(preview, life.map(|days| after(&setting, days)), "{life:?}");
        let successor = management.rotate_key(&owner, &key, Duration::ZERO).await.unwrap().view;
        assert_eq!(successor.expires_at, preview);
    }
    // A longer life is chosen.
    let key = create(None).await;
    let chosen = Some(Some(after(&setting, 1_500)));
    let rotation = KeyRotation { overlap: Duration::ZERO, expires_at: chosen };
    assert_eq!(management.rotate_key_with(&owner, &key, rotation).await.unwrap().view.expires_at, chosen.flatten());
}

async fn like(setting: &Setting, account: &AccountId) -> KeyRecord {
    let keys = keyward::Keys::new(keyward::MemoryStore::new()).with_clock(setting.clock.clone());
    keys.put_account(&keyward::AccountRecord::new(account.clone(), "Example")).await.unwrap();
    keys.issue(NewKey::secret(account.clone(), "old")).await.unwrap().record
}

#[tokio::test]
async fn the_configuration_bounds_plans_and_accounts() {
    let clock = clock();
    let store = keyward::sqlite::SqliteStore::temporary().unwrap();
    let records = keyward::manage::SqliteManagementStore::open(&store).unwrap();
    let day = Duration::from_secs(DAY.into());
    let configured = Lifetimes { default: Some(90 * day), maximum: Some(365 * day) };
    let management: Management = quick(Management::builder(store, records).key_lifetimes(configured), &clock);
    let system = Actor::system("test", Context::new());
    let account = management.create_account(&system, "Example").await.unwrap().value.id;
    let effective_now = async || management.effective_lifetimes(&system, &account).await.unwrap();
    assert_eq!(effective_now().await, effective(Some(90), Some(365)));
    let of = LifetimesOf::Account(account.clone());
    management.put_lifetimes(&system, &of, &days(Some(400), Some(5_000)), 0).await.unwrap();
    assert_eq!(effective_now().await, effective(Some(365), Some(365)));
    management.put_lifetimes(&system, &of, &days(None, Some(30)), 1).await.unwrap();
    assert_eq!(effective_now().await, effective(Some(30), Some(30)));
}

#[tokio::test]
async fn only_the_operator_changes_lifetimes() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let (stranger, _) = setting.customer("eve@example.com").await;
        on_plan(&setting, &account, "Pro").await;
        let (of_account, of_plan) = (LifetimesOf::Account(account.clone()), LifetimesOf::Plan("Pro".into()));
        let home = management.operator().clone();
        let viewer = setting.member(&operator, &home, "viewer@example.com", Role::Viewer).await;
        let developer = setting.member(&operator, &home, "developer@example.com", Role::Developer).await;
        let admin = setting.member(&owner, &account, "admin@example.com", Role::Admin).await;
        let all = NewKey { scopes: keyward::ScopeSet::all(), ..NewKey::secret(account.clone(), "all") };
        let key = management.create_key(&owner, KeyDraft::of(Purpose::Management, all)).await.unwrap().view.id;
        let key = Actor::of_identity(&Identity::api_key(key, account.clone()), Context::new());
        for (who, actor, on_account, on_plan) in [
            ("owner", &owner, "INSUFFICIENT_SCOPE", "NOT_FOUND"),
            ("admin", &admin, "INSUFFICIENT_SCOPE", "NOT_FOUND"),
            ("management key", &key, "INSUFFICIENT_SCOPE", "NOT_FOUND"),
            ("stranger", &stranger, "NOT_FOUND", "NOT_FOUND"),
            ("operator's viewer", &viewer, "INSUFFICIENT_SCOPE", "INSUFFICIENT_SCOPE"),
            ("operator's developer", &developer, "INSUFFICIENT_SCOPE", "INSUFFICIENT_SCOPE"),
        ] {
            for lifetimes in [days(None, Some(5_000)), days(None, Some(1)), days(None, None)] {
                let put = async |of| management.put_lifetimes(actor, of, &lifetimes, 0).await;
                assert_eq!(code(put(&of_account).await), on_account, "{who}");
                assert_eq!(code(put(&of_plan).await), on_plan, "{who}");
            }
        }
        assert_eq!(code(management.lifetimes(&stranger, &of_account).await), "NOT_FOUND");
        assert_eq!(management.lifetimes(&key, &of_account).await.unwrap().version, 0);
        management.put_lifetimes(&operator, &of_account, &days(None, Some(30)), 0).await.unwrap();
        management.put_lifetimes(&operator, &of_plan, &days(None, Some(60)), 0).await.unwrap();
        assert_eq!(
            code(management.put_lifetimes(&operator, &of_plan, &days(None, None), 0).await),
            "PRECONDITION_FAILED"
        );
        let entries = management.audit_log(&setting.system(), &Default::default()).await;
        let put = entries.unwrap().items.into_iter().filter(|entry| entry.action == "lifetimes.put");
        assert_eq!(put.filter(|entry| entry.outcome == keyward::manage::Outcome::Done).count(), 2);
    }
}

#[tokio::test]
async fn a_key_gives_no_end_beyond_its_own_whatever_the_default() {
    let setting = on_sqlite();
    let (owner, account) = setting.customer("ada@example.com").await;
    let management = &setting.management;
    let ending = NewKey { expires_at: Some(after(&setting, 20)), ..NewKey::secret(account.clone(), "maker") };
    let maker = management.create_key(&owner, KeyDraft::of(Purpose::Management, ending)).await.unwrap().view.id;
    let maker = Actor::of_identity(&Identity::api_key(maker, account.clone()), Context::new());
    let create = async || management.create_key(&maker, KeyDraft::secret(account.clone(), "made")).await;
    assert_eq!(code(create().await), "ESCALATION");
    let of = LifetimesOf::Account(account.clone());
    set(&setting, &of, days(Some(21), None)).await;
    assert_eq!(code(create().await), "ESCALATION");
    set(&setting, &of, days(Some(19), None)).await;
    let made = create().await.unwrap().view;
    assert_eq!(made.expires_at, Some(after(&setting, 19)));
    let preview = management.preview_rotation(&maker, &made.id).await.unwrap();
    assert_eq!(preview.latest_expires_at, Some(after(&setting, 20)));
    for end in [None, Some(after(&setting, 21)), Some(Timestamp::MAX)] {
        let rotation = KeyRotation { overlap: Duration::ZERO, expires_at: Some(end) };
        assert_eq!(code(management.rotate_key_with(&maker, &made.id, rotation).await), "ESCALATION", "{end:?}");
        let change = KeyChange { expires_at: Some(end), ..KeyChange::default() };
        assert_eq!(code(management.update_key(&maker, &made.id, change, 1).await), "ESCALATION", "{end:?}");
    }
}
