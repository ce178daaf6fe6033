//! Plans and lifetimes become smaller in the middle of an operation on a key: it has read them, and has not written yet.

use std::time::Duration;

use keyward::clock::Clock as _;
use keyward::key::KeyKind;
use keyward::lifecycle::Imported;
use keyward::manage::{
    AccountUpdate, Actor, KeyChange, KeyDraft, KeyRotation, KeyView, Kind, LifetimesOf, Plan, Purpose,
};
use keyward::store::{KeyQuery, KeyStatus};
use keyward::{AccountId, NewKey, Timestamp};
use keyward_client::PutLifetimes;

use crate::plan_scopes::{foreign, scopes};
use crate::second_factor::code;
use crate::setting::{Setting, failing_everywhere};

const DAY: u32 = 24 * 3_600;
const HOUR: Duration = Duration::from_secs(3_600);

struct Customer {
    owner: Actor,
    account: AccountId,
}

impl Customer {
    async fn new(setting: &Setting) -> Self {
        let (owner, account) = setting.customer("ada@example.com").await;
        Self { owner, account }
    }

    async fn on_plan(setting: &Setting, plan: Plan) -> Self {
        let (customer, management, system) = (Self::new(setting).await, &setting.management, setting.system());
        put_plan(setting, plan).await;
        let update = AccountUpdate { plan: Some(Some("Free".into())), ..AccountUpdate::default() };
        let version = management.account(&system, &customer.account).await.unwrap().version;
        management.update_account(&system, &customer.account, &update, version).await.unwrap();
        customer
    }

    async fn key(&self, setting: &Setting, granted: &str, expires_at: Option<Timestamp>) -> KeyView {
        let new = NewKey::secret(self.account.clone(), "a key");
        let new = NewKey { kind: KeyKind::Restricted, scopes: scopes(granted), expires_at, ..new };
        setting.management.create_key(&self.owner, KeyDraft::of(Purpose::Api, new)).await.unwrap().view
    }

    async fn keys(&self, setting: &Setting) -> Vec<KeyView> {
        let query = KeyQuery { account: Some(self.account.clone()), ..KeyQuery::default() };
        setting.management.keys(&self.owner, &query).await.unwrap().items
    }

    async fn set_maximum(&self, setting: &Setting, days: u32) {
        let maximum = PutLifetimes { default_seconds: None, maximum_seconds: Some(days * DAY) };
        let of = LifetimesOf::Account(self.account.clone());
        setting.management.put_lifetimes(&setting.system(), &of, &maximum, 0).await.unwrap();
    }
}

fn free(allowed: &str) -> Plan {
    Plan { scopes: Some(scopes(allowed)), ..Plan::new("Free").with_key_limit(2) }
}

async fn put_plan(setting: &Setting, plan: Plan) {
    let (management, system) = (&setting.management, setting.system());
    let known = management.plans(&system).await.unwrap().first().map(|plan| plan.version);
    management.put_plan(&system, plan, known).await.unwrap();
}

fn after(setting: &Setting, days: u32) -> Timestamp {
    setting.clock.now().saturating_add(Duration::from_secs((days * DAY).into()))
}

#[tokio::test]
async fn a_change_of_scopes_is_taken_back() {
    for (setting, records) in failing_everywhere().await {
        let customer = Customer::on_plan(&setting, free("a:* b:*")).await;
        let key = customer.key(&setting, "a:read", None).await;
        let change = KeyChange { scopes: Some(scopes("a:read b:read")), ..KeyChange::default() };
        let changing = setting.management.update_key(&customer.owner, &key.id, change, key.version);
        let changed = records.change_after_read(Kind::Plan, changing, put_plan(&setting, free("a:*"))).await;
        assert_eq!(code(changed), "SCOPE_NOT_IN_PLAN");
        let key = setting.management.key(&customer.owner, &key.id).await.unwrap();
        assert_eq!((key.status, key.scopes), (KeyStatus::Active, scopes("a:read")));
    }
}

/// Another request renames the key while the change is taken back.
#[tokio::test]
async fn a_change_of_scopes_is_taken_back_from_a_key_that_changes() {
    for (setting, records) in failing_everywhere().await {
        let management = &setting.management;
        let customer = Customer::on_plan(&setting, free("a:* b:*")).await;
        let key = customer.key(&setting, "a:read", None).await;
        let rename = async || {
            let version = management.key(&customer.owner, &key.id).await.unwrap().version;
            let change = KeyChange { name: Some("renamed".into()), ..KeyChange::default() };
            management.update_key(&customer.owner, &key.id, change, version).await.unwrap();
        };
        let change = KeyChange { scopes: Some(scopes("a:read b:read")), ..KeyChange::default() };
        let changing = Box::pin(management.update_key(&customer.owner, &key.id, change, key.version));
        // Each operation on a key is noted as begun, and the note is removed. Undoing the change is the second operation.
        let changing = Box::pin(records.change_before_write((Kind::Begun, 2), changing, Box::pin(rename())));
        let changed = records.change_before_write((Kind::Begun, 0), changing, put_plan(&setting, free("a:*"))).await;
        assert_eq!(code(changed), "SCOPE_NOT_IN_PLAN");
        let key = management.key(&customer.owner, &key.id).await.unwrap();
        assert_eq!((key.name.as_str(), key.scopes), ("renamed", scopes("a:read")));
    }
}

#[tokio::test]
async fn a_later_end_is_taken_back() {
    for (setting, records) in failing_everywhere().await {
        let customer = Customer::new(&setting).await;
        let end = Some(after(&setting, 10));
        let key = customer.key(&setting, "a:read", end).await;
        let change = KeyChange { expires_at: Some(Some(after(&setting, 30))), ..KeyChange::default() };
        let changing = setting.management.update_key(&customer.owner, &key.id, change, key.version);
        let changed = records.change_after_read(Kind::Lifetimes, changing, customer.set_maximum(&setting, 20)).await;
        assert_eq!(code(changed), "LIFETIME_TOO_LONG");
        let key = setting.management.key(&customer.owner, &key.id).await.unwrap();
        assert_eq!((key.status, key.expires_at), (KeyStatus::Active, end));
    }
}

#[tokio::test]
async fn a_change_is_taken_back_although_the_old_end_has_passed() {
    for (setting, records) in failing_everywhere().await {
        let customer = Customer::on_plan(&setting, free("a:* b:*")).await;
        let key = customer.key(&setting, "a:read", Some(after(&setting, 1))).await;
        let change = KeyChange {
            scopes: Some(scopes("a:read b:read")),
            expires_at: Some(Some(after(&setting, 30))),
            ..KeyChange::default()
        };
        let changing = setting.management.update_key(&customer.owner, &key.id, change, key.version);
        // The change is noted as begun, the key is changed, and the note is removed.
        let later = async { setting.clock.advance(Duration::from_secs((2 * DAY).into())) };
        let changing = Box::pin(records.change_before_write((Kind::Begun, 1), changing, later));
        let changed = records.change_before_write((Kind::Begun, 0), changing, put_plan(&setting, free("a:*"))).await;
        assert_eq!(code(changed), "SCOPE_NOT_IN_PLAN");
        let key = setting.management.key(&setting.system(), &key.id).await.unwrap();
        let end = setting.clock.now().saturating_add(Duration::from_secs(10));
        assert_eq!((key.expires_at, key.scopes), (Some(end), scopes("a:read")));
    }
}

#[tokio::test]
async fn a_successor_beyond_the_limit_of_keys_is_revoked() {
    for (setting, records) in failing_everywhere().await {
        let customer = Customer::on_plan(&setting, free("a:*")).await;
        let key = customer.key(&setting, "a:read", None).await;
        let rotating = setting.management.rotate_key(&customer.owner, &key.id, HOUR);
        let smaller = put_plan(&setting, free("a:*").with_key_limit(1));
        assert_eq!(code(records.change_after_read(Kind::Plan, rotating, smaller).await), "KEY_LIMIT_REACHED");
        let keys = customer.keys(&setting).await;
        let (old, new): (Vec<_>, Vec<_>) = keys.into_iter().partition(|known| known.id == key.id);
        assert_eq!(new.iter().map(|key| key.status).collect::<Vec<_>>(), [KeyStatus::Revoked]);
        assert_eq!(old[0].status, KeyStatus::Active, "it has the overlap");
        // Without an overlap, a successor takes the place of its key.
        setting.management.revoke_key(&customer.owner, &key.id).await.unwrap();
        put_plan(&setting, free("a:*")).await;
        let key = customer.key(&setting, "a:read", None).await;
        customer.key(&setting, "a:read", None).await;
        put_plan(&setting, free("a:*").with_key_limit(1)).await;
        setting.management.rotate_key(&customer.owner, &key.id, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn a_successor_gets_the_maximum_that_holds_now() {
    for (setting, records) in failing_everywhere().await {
        for (overlap, expires_at) in [(Duration::ZERO, None), (HOUR, None), (HOUR, Some(Some(after(&setting, 30))))] {
            let customer = Customer { account: another(&setting).await, owner: setting.system() };
            let key = customer.key(&setting, "a:read", None).await;
            let rotation = KeyRotation { overlap, expires_at };
            let rotating = setting.management.rotate_key_with(&customer.owner, &key.id, rotation);
            let smaller = customer.set_maximum(&setting, 20);
            let rotated = records.change_after_read(Kind::Lifetimes, rotating, smaller).await.unwrap();
            assert_eq!(rotated.view.expires_at, Some(after(&setting, 20)), "{overlap:?}");
            let stored = setting.management.key(&customer.owner, &rotated.view.id).await.unwrap();
            assert_eq!((stored.status, stored), (KeyStatus::Active, rotated.view));
        }
    }
}

async fn another(setting: &Setting) -> AccountId {
    setting.management.create_account(&setting.system(), "Another").await.unwrap().value.id
}

#[tokio::test]
async fn an_imported_key_beyond_plan_or_lifetime_is_revoked() {
    for (setting, records) in failing_everywhere().await {
        let (management, system) = (&setting.management, setting.system());
        let customer = Customer::on_plan(&setting, free("a:*")).await;
        let record = foreign(&customer.account, KeyKind::Restricted, "a:write").await;
        let importing = management.import_key(&system, &record);
        let imported = records.change_after_read(Kind::Plan, importing, put_plan(&setting, free("a:read"))).await;
        assert_eq!(code(imported), "SCOPE_NOT_IN_PLAN");
        assert_eq!(management.key(&system, &record.id).await.unwrap().status, KeyStatus::Revoked);

        let customer = Customer { account: another(&setting).await, owner: setting.system() };
        let record = foreign(&customer.account, KeyKind::Secret, "*").await;
        let importing = management.import_key(&system, &record);
        let imported = records.change_after_read(Kind::Lifetimes, importing, customer.set_maximum(&setting, 20)).await;
        assert_eq!(code(imported), "LIFETIME_TOO_LONG");
        assert_eq!(management.key(&system, &record.id).await.unwrap().status, KeyStatus::Revoked);
        assert!(matches!(management.import_key(&system, &record).await, Ok(Imported::AlreadyThere(_))));
    }
}
