//! A process that ends between two writes of the management service finds the state before the operation or after it.

mod cases;
mod deletion;
mod links;
mod prune;
mod requests;
mod stores;
mod user_keys;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use keyward::clock::ManualClock;
use keyward::id::UserId;
use keyward::key::Digest;
use keyward::manage::{
    AccountUpdate, Actor, AppearanceUpdate, AuditEntry, AuditQuery, Context, Count, CountUnit, KeyChange, KeyDraft,
    Kind, LeakPolicy, List, Management, ManagementError, ManagementStore, ModeCount, NewCount, NewScopeCount, NewUser,
    Outcome, PageRequest, Plan, Record, RequestEntry, RequestPage, Role, ScopeCount, SignInLinkDraft,
    SqliteManagementStore, Write, Written,
};
use keyward::sqlite::SqliteStore;
use keyward::store::{
    AdminError, Committed, Found, Freshness, KeyAdmin, KeyPage, KeyQuery, KeyRecord, KeyStatus, KeyStore, KeyUse,
    Revocation, StoreError, async_trait,
};
use keyward::{AccountId, AccountRecord, CredentialId, KeyUpdate, Keys, Timestamp};

use cases::{CASES, Case, FIRST, Run, system};
use stores::{Crash, Crashing};

use crate::setting::{PASSWORD, Setting, clock, on_sqlite, quick, verdict};

const OTHER: &str = "another horse battery staple";
/// Of an account without a plan, and with the plan `Pro`.
const LIMITS: [usize; 2] = [10, 11];
const HOUR: Duration = Duration::from_secs(3_600);

/// Each crash gets a copy.
struct Prepared {
    file: PathBuf,
    _folder: tempfile::TempDir,
    entries: u64,
    people: Option<People>,
}

struct People {
    operator: Actor,
    ada: Actor,
    eve: Actor,
    account: AccountId,
    suspended: AccountId,
    active: CredentialId,
    plain: String,
    disabled: CredentialId,
    grace: (UserId, u64),
    grace_as_member: u64,
    dora: UserId,
    to_new: (String, String),
    to_eve: String,
    reset: String,
    link: String,
    refresh: String,
}

impl std::ops::Deref for Prepared {
    type Target = People;

    fn deref(&self) -> &People {
        self.people.as_ref().unwrap()
    }
}

async fn saved(setting: Setting, people: Option<People>) -> Arc<Prepared> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prepared.db");
    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    connection.execute("VACUUM INTO ?1", [file.to_str().unwrap()]).unwrap();
    let entries = setting.management.verify_audit_log(&setting.system(), None).await.unwrap().entries;
    Arc::new(Prepared { file, _folder: folder, entries, people })
}

async fn prepared() -> Arc<Prepared> {
    let setting = on_sqlite();
    let (management, context) = (&setting.management, Context::new());
    let operator = setting.operator().await;
    let (ada, account) = setting.customer("ada@example.com").await;
    let (eve, suspended) = setting.customer("eve@example.com").await;
    let grace = setting.member(&ada, &account, "grace@example.com", Role::Developer).await.user().unwrap().clone();
    let dora = setting.member(&ada, &account, "dora@example.com", Role::Viewer).await.user().unwrap().clone();
    let active = management.create_key(&ada, KeyDraft::secret(account.clone(), "active")).await.unwrap();
    let disabled = management.create_key(&ada, KeyDraft::secret(account.clone(), "disabled")).await.unwrap().view.id;
    management.set_key_disabled(&ada, &disabled, true).await.unwrap();
    management.create_key(&eve, KeyDraft::secret(suspended.clone(), "suspended")).await.unwrap();
    setting.member(&eve, &suspended, "fred@example.com", Role::Viewer).await;
    management.invite(&eve, &suspended, "later@example.com", Role::Viewer).await.unwrap();
    let webhook = management.create_webhook(&eve, &suspended, "https://localhost:1/", "", &[]).await.unwrap().webhook;
    management.test_webhook(&eve, &suspended, &webhook.id).await.unwrap();
    management.put_plan(&operator, Plan::new("Pro").with_key_limit(11), None).await.unwrap();
    let suspend = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
    management.update_account(&operator, &suspended, &suspend, 1).await.unwrap();
    let to_new = management.invite(&ada, &account, "new@example.com", Role::Developer).await.unwrap();
    let to_eve = management.invite(&ada, &account, "eve@example.com", Role::Developer).await.unwrap();
    management.set_user_disabled(&operator, &dora, true).await.unwrap();
    let reset = management.create_password_reset(&ada, &grace).await.unwrap().secret.to_string();
    let link = SignInLinkDraft::new(grace.as_str()).account(account.clone());
    let link = management.create_sign_in_link(&operator, &link).await.unwrap().secret.to_string();
    let refresh = management.issue_tokens(&context, "ada@example.com", PASSWORD).await.unwrap().refresh.to_string();
    let people = People {
        grace: (grace.clone(), management.user(&operator, &grace).await.unwrap().version),
        grace_as_member: management.member(&ada, &account, &grace).await.unwrap().version,
        active: active.view.id.clone(),
        plain: active.key.expose_once().to_string(),
        to_new: (to_new.invitation.id.clone(), to_new.secret.to_string()),
        to_eve: to_eve.secret.to_string(),
        operator,
        ada,
        eve,
        account,
        suspended,
        disabled,
        dora,
        reset,
        link,
        refresh,
    };
    saved(setting, Some(people)).await
}

fn everything() -> PageRequest {
    PageRequest { after: None, limit: 500 }
}

async fn keys_of(management: &Management, account: &AccountId) -> Vec<keyward::manage::KeyView> {
    let query = KeyQuery { account: Some(account.clone()), limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() };
    management.keys(&system(), &query).await.unwrap().items
}

struct Restarted {
    management: Management,
    keys: Keys,
    records: SqliteManagementStore,
    on: Arc<Prepared>,
}

impl Restarted {
    fn new(file: &Path, clock: &Arc<ManualClock>, on: &Arc<Prepared>) -> Self {
        let store = SqliteStore::open(file).unwrap();
        let records = SqliteManagementStore::open(&store).unwrap();
        let management = quick(Management::builder(store.clone(), records.clone()), clock);
        Self { management, keys: Keys::new(store), records, on: Arc::clone(on) }
    }

    /// Everything visible except the IDs, which differ from run to run.
    async fn seen(&self) -> Vec<String> {
        let (management, system) = (&self.management, system());
        let mut seen = Vec::new();
        for account in management.accounts(&system, &everything()).await.unwrap().items {
            let id = &account.id;
            // A crash leaves an account without members in the key store.
            if account.created_at == Timestamp::from_millis(0) {
                continue;
            }
            assert_eq!(account, management.account(&system, id).await.unwrap());
            let name = &account.name;
            let state = (&account.plan, &account.features, account.suspended_at.is_some(), account.version);
            seen.push(format!("account {name} {state:?}"));
            for member in management.members(&system, id, &everything()).await.unwrap().items {
                seen.push(format!("member {name} {} {:?} {}", member.user.email, member.role, member.version));
            }
            for invitation in management.invitations(&system, id, &everything()).await.unwrap().items {
                seen.push(format!("invitation {name} {} {:?}", invitation.email, invitation.role));
            }
            for key in keys_of(management, id).await {
                let rotated = (key.rotated_from.is_some(), key.rotated_to.is_some());
                seen.push(format!("key {name} {} {:?} {rotated:?} {}", key.name, key.status, key.version));
            }
        }
        for user in management.users(&system, &everything()).await.unwrap().items {
            let state = (user.disabled_at.is_some(), user.version);
            seen.push(format!("user {} {} {state:?}", user.email, user.name));
        }
        for plan in management.plans(&system).await.unwrap() {
            seen.push(format!("plan {plan:?}"));
        }
        seen.push(format!("{:?}", management.appearance().await.unwrap()));
        if let Some(people) = &self.on.people {
            let sessions = management.own_sessions(&people.ada, &everything()).await.unwrap().items.len();
            let usage = management.key_usage(&system, &people.active, 1).await.unwrap();
            let times: u64 = usage.days.iter().map(|day| day.times).sum();
            seen.push(format!("{sessions} sessions, {times} times used"));
        }
        seen.sort();
        seen
    }

    async fn entries(&self, action: &str) -> Vec<AuditEntry> {
        let query = AuditQuery { page: everything(), ..AuditQuery::default() };
        let mut entries = self.management.audit_log(&system(), &query).await.unwrap().items;
        entries.retain(|entry| entry.number > self.on.entries && entry.action == action);
        entries
    }

    async fn check_invariants(&self, at: &str) {
        let (management, system) = (&self.management, system());
        for member in self.records.list(&List::of(Kind::Member, 500)).await.unwrap() {
            let user = self.records.get(Kind::User, &member.subject).await.unwrap();
            assert!(user.is_some(), "{at}: a member without a user: {}", member.id);
            assert!(self.records.get(Kind::Account, &member.owner).await.unwrap().is_some(), "{at}: {}", member.id);
        }
        for account in management.accounts(&system, &everything()).await.unwrap().items {
            let kept = self.keys.get_account(&account.id).await.unwrap();
            let kept = kept.unwrap_or_else(|| panic!("{at}: not in the key store: {}", account.name));
            let values = (&account.name, &account.plan, &account.features, account.suspended_at);
            assert_eq!((&kept.name, &kept.plan, &kept.features, kept.suspended_at), values, "{at}");
            let members = management.members(&system, &account.id, &everything()).await.unwrap().items;
            let owner = members.iter().find(|member| member.role == Role::Owner && member.user.disabled_at.is_none());
            assert!(members.is_empty() || owner.is_some(), "{at}: no owner of {}", account.name);
            if let Some(owner) = owner {
                let signed_in = management.sign_in(&Context::new(), &owner.user.email, PASSWORD).await;
                assert!(signed_in.is_ok(), "{at}: {}: {signed_in:?}", owner.user.email);
            }
        }
        let verdict = management.verify_audit_log(&system, None).await.unwrap();
        assert_eq!(verdict.first_bad, None, "{at}");
        assert!(
            self.records.list(&List::of(Kind::Begun, 10)).await.unwrap().is_empty(),
            "{at}: an operation was never completed"
        );
    }

    /// Exactly as many key slots as the plan allows, and every key can be revoked.
    async fn check_places(&self, at: &str) {
        let Some(people) = &self.on.people else { return };
        let management = &self.management;
        let mut made = 0;
        let refused = loop {
            match management.create_key(&system(), KeyDraft::secret(people.account.clone(), "filling")).await {
                Ok(_) => made += 1,
                Err(error) => break error.code(),
            }
            assert!(made < 20, "{at}: the key limit is not enforced");
        };
        assert_eq!(refused, "KEY_LIMIT_REACHED", "{at}");
        let mut keys = keys_of(management, &people.account).await;
        keys.retain(|key| matches!(key.status, KeyStatus::Active | KeyStatus::Disabled));
        let plan = management.account(&system(), &people.account).await.unwrap().value.plan;
        assert_eq!(keys.len(), LIMITS[usize::from(plan.is_some())], "{at}: wrong number of key slots");
        for key in keys {
            let (view, _) = management.revoke_key(&system(), &key.id).await.unwrap();
            assert_eq!(view.status, KeyStatus::Revoked, "{at}");
        }
    }
}

struct Outlived {
    said: &'static str,
    writes: usize,
    restarted: Restarted,
    seen: Vec<String>,
    _folder: tempfile::TempDir,
}

fn code(result: Result<(), ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |()| "done")
}

async fn outlive(on: &Arc<Prepared>, run: Option<Run>, crash: Crash) -> Outlived {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let file = folder.path().join("keys.db");
    std::fs::copy(&on.file, &file).unwrap();
    let crash = Arc::new(crash);
    let mut said = "";
    if let Some(run) = run {
        let store = SqliteStore::open(&file).unwrap();
        let records = Crashing { inner: SqliteManagementStore::open(&store).unwrap(), crash: crash.clone() };
        let management = quick(Management::builder(Crashing { inner: store, crash: crash.clone() }, records), &clock);
        said = code(run(management, Arc::clone(on)).await);
    }
    let writes = crash.writes.load(Ordering::SeqCst);
    clock.advance(Duration::from_secs(600));
    let restarted = Restarted::new(&file, &clock, on);
    restarted.management.maintain().await.unwrap();
    let seen = restarted.seen().await;
    Outlived { said, writes, restarted, seen, _folder: folder }
}

/// Returns the number of crashes.
async fn check(case: Case, on: Arc<Prepared>, before: Arc<Vec<String>>) -> usize {
    let whole = outlive(&on, Some(case.run), Crash::default()).await;
    assert_eq!(whole.said, "done", "{} without a crash", case.name);
    let after = whole.seen;
    let mut tried = 0;
    let ways = [(false, false), (true, false), (false, true), (true, true)];
    for (n, (is_done, is_short)) in (1..=whole.writes).flat_map(|n| ways.map(|way| (n, way))) {
        let at = format!("{}, write {n} of {}, done: {is_done}, outage: {is_short}", case.name, whole.writes);
        let outlived = outlive(&on, Some(case.run), Crash { at: n, is_done, is_short, ..Crash::default() }).await;
        let Outlived { said, restarted, seen, .. } = &outlived;
        assert!(matches!(*said, "done" | "SERVICE_UNAVAILABLE"), "{at}: {said}");

        let entries = restarted.entries(case.action).await;
        let is_logged = entries.iter().any(|entry| entry.outcome == Outcome::Done);
        // If the operation leaves nothing visible, the audit log decides.
        let has_happened = if *before == after { is_logged } else { *seen == after };
        let is_half_way = case.name == "invite_first_owner"
            && *seen == after.iter().filter(|line| !line.starts_with("invitation")).cloned().collect::<Vec<_>>();
        assert!(
            has_happened || *seen == *before || is_half_way,
            "{at}: neither {before:#?}\nnor {after:#?}: {seen:#?}"
        );
        assert!(has_happened || *said != "done", "{at}: the operation returned success but did not happen");
        assert!(!has_happened || n > 1 || is_done, "{at}: done although nothing was written");
        let may_be = entries.iter().any(|entry| matches!(entry.outcome, Outcome::Done | Outcome::Unknown));
        assert!(!has_happened || case.action.is_empty() || may_be, "{at}: not in the log: {entries:?}");
        assert!(has_happened || !is_logged, "{at}: the log has an operation that did not happen");

        let again = code((case.run)(restarted.management.clone(), Arc::clone(&on)).await);
        assert_eq!(
            again,
            if has_happened { case.again } else { "done" },
            "{at}: repeated, has happened: {has_happened}"
        );
        if case.name == "reset_password" {
            let signed_in = restarted.management.sign_in(&Context::new(), "grace@example.com", OTHER).await;
            assert!(signed_in.is_ok(), "{at}: {signed_in:?}");
        }
        restarted.check_invariants(&at).await;
        restarted.check_places(&at).await;
        tried += 1;
    }
    tried
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_two_writes_leaves_before_or_after() {
    let (full, empty) = tokio::join!(prepared(), saved(on_sqlite(), None));
    let mut checks = tokio::task::JoinSet::new();
    let turns = Arc::new(tokio::sync::Semaphore::new(4));
    for (on, cases) in [(full, CASES), (empty, FIRST)] {
        let before = Arc::new(outlive(&on, None, Crash::default()).await.seen);
        for case in cases {
            let (turns, on, before) = (Arc::clone(&turns), Arc::clone(&on), Arc::clone(&before));
            checks.spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                (case.name, check(*case, on, before).await)
            });
        }
    }
    let (mut operations, mut points, mut failed) = (0, 0, 0);
    while let Some(checked) = checks.join_next().await {
        match checked {
            Ok((name, tried)) => {
                assert!(tried > 0, "{name} writes nothing");
                (operations, points) = (operations + 1, points + tried);
            }
            Err(_) => failed += 1,
        }
    }
    println!("{points} crash points in {operations} operations");
    assert_eq!(failed, 0, "some operations left a forbidden state: see above");
}

#[tokio::test]
async fn an_account_that_another_node_makes_is_not_overwritten() {
    let (store, crash) = (SqliteStore::temporary().unwrap(), Arc::new(Crash::default()));
    let records = SqliteManagementStore::open(&store).unwrap();
    let other = Keys::new(store.clone());
    let management =
        quick(Management::builder(Crashing { inner: store, crash: Arc::clone(&crash) }, records), &clock());
    let made = AccountRecord::new(management.operator().clone(), "Made by another node").with_plan("Pro");
    other.insert_account(&made).await.unwrap();
    crash.hides_accounts.store(true, Ordering::SeqCst);
    management.create_owner(&system(), NewUser::new("first@example.com", "First", PASSWORD)).await.unwrap();
    assert_eq!(other.get_account(&made.id).await.unwrap(), Some(made));
}
