use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::adapter::Event;
use keyward_core::clock::ManualClock;
use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{AccountId, CredentialId, Identity, Rejection, Timestamp};
use keyward_sqlite::SqliteStore;
use tokio::sync::Semaphore;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::service::audit::{Draft, Target};
use crate::service::{AuditQuery, Management};
use crate::store::{
    Count, CountUnit, Kind, List, ManagementStore, ModeCount, NewCount, NewScopeCount, Record, RequestEntry,
    RequestPage, ScopeCount, SqliteManagementStore, Write, Written,
};

const FULL: i64 = 10_000;

struct Slow {
    inner: SqliteManagementStore,
    begun: Semaphore,
    let_through: Semaphore,
    failing: AtomicUsize,
    most: AtomicUsize,
    refuses_scopes: AtomicBool,
    /// The removal of old counts does not end.
    is_removing: Option<Semaphore>,
}

impl Slow {
    async fn wait(&self) -> Result<(), StoreError> {
        self.begun.add_permits(1);
        self.let_through.acquire().await.unwrap().forget();
        let fails = |left: usize| left.checked_sub(1);
        match self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Err(StoreError::unavailable("the disk is full")),
            Err(_) => Ok(()),
        }
    }

    async fn has_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl ManagementStore for Slow {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.inner.get(kind, id).await
    }

    async fn get_many(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>, StoreError> {
        self.inner.get_many(kind, ids).await
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        self.inner.find(kind, key).await
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        self.inner.list(list).await
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        self.wait().await?;
        self.inner.write(writes).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.inner.sweep(before).await
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        self.most.fetch_max(counts.len(), Ordering::SeqCst);
        self.wait().await?;
        self.inner.add(counts).await
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        if let Some(begun) = &self.is_removing {
            begun.add_permits(1);
            std::future::pending::<()>().await;
        }
        self.inner.remove_counts(day).await
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        self.inner.times_since(key, outcome, hour).await
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.inner.counts(account, key, from, to).await
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.inner.totals(account, from, to).await
    }

    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError> {
        self.inner.modes(account, unit, from, to).await
    }

    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.inner.key_totals(account, from, to).await
    }

    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError> {
        self.most.fetch_max(counts.len(), Ordering::SeqCst);
        if self.refuses_scopes.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("canceling statement due to statement timeout"));
        }
        self.inner.add_scopes(counts).await
    }

    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        self.inner.scopes_of_keys(account, keys, from, to).await
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        self.inner.add_requests(requests).await
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        self.inner.requests(key, page).await
    }

    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError> {
        self.inner.remove_scopes(account).await
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        self.inner.remove_requests(account).await
    }
}

struct Setting {
    management: Management,
    store: Arc<Slow>,
    clock: Arc<ManualClock>,
    identity: Identity,
}

impl Setting {
    fn new(failing: usize) -> Self {
        Self::with(failing, None)
    }

    fn with(failing: usize, is_removing: Option<Semaphore>) -> Self {
        let keys = SqliteStore::temporary().unwrap();
        let store = Arc::new(Slow {
            inner: SqliteManagementStore::open(&keys).unwrap(),
            begun: Semaphore::new(0),
            let_through: Semaphore::new(0),
            failing: AtomicUsize::new(failing),
            most: AtomicUsize::new(0),
            refuses_scopes: AtomicBool::new(false),
            is_removing,
        });
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let shared = Arc::<ManualClock>::clone(&clock);
        // Some tests count for longer than the default.
        let builder = Management::builder(keys, Arc::clone(&store)).clock(shared).usage_retention(Duration::MAX);
        let management = builder.build().unwrap();
        let account: AccountId = "acct_1".parse().unwrap();
        Self { management, store, clock, identity: Identity::api_key(CredentialId::generate(), account) }
    }

    fn use_key(&self, hours: i64) {
        for _ in 0..hours {
            self.management.count(&Event::Accepted { identity: &self.identity });
            self.clock.advance(Duration::from_secs(3_600));
        }
    }

    async fn written(&self) -> u64 {
        let counts = self.store.counts("acct_1", None, 0, i64::MAX).await.unwrap();
        counts.iter().map(|count| count.times).sum()
    }
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_no_counts() {
    // The abandoned write succeeds, or fails.
    for failing in [0, 1] {
        let setting = Setting::new(failing);
        setting.use_key(3);
        tokio::select! {
            _ = setting.management.flush_usage() => panic!("it is not let through"),
            () = setting.store.has_begun() => {}
        }
        setting.use_key(2);
        setting.store.let_through.add_permits(9);
        setting.management.flush_usage().await.unwrap();
        assert_eq!(setting.written().await, 5, "failing: {failing}");
        setting.management.flush_usage().await.unwrap();
        assert_eq!(setting.written().await, 5, "failing: {failing}: none is left");
    }
}

#[tokio::test(start_paused = true)]
async fn maintenance_goes_on_while_old_counts_are_removed() {
    let setting = Setting::with(0, Some(Semaphore::new(0)));
    setting.store.let_through.add_permits(99);
    let writing = async {
        setting.store.is_removing.as_ref().unwrap().acquire().await.unwrap().forget();
        setting.use_key(3);
        let draft = Draft::anonymous(&Context::new(), "session.begin", Target::new("user", ""));
        setting.management.note_refused(draft);
        let system = Actor::system("test", Context::new());
        let refused = async || setting.management.audit_log(&system, &AuditQuery::default()).await.unwrap().items.len();
        // The clock of the test may run ahead of the thread that writes.
        let hour = tokio::time::timeout(Duration::from_secs(3_600), async {
            while setting.written().await < 3 || refused().await < 1 {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        });
        hour.await.unwrap();
    };
    tokio::select! {
        _ = setting.management.maintain() => panic!("the removal does not end"),
        () = writing => {}
    }
}

#[tokio::test]
async fn a_call_that_a_limit_refuses_is_not_counted_as_accepted() {
    let setting = Setting::new(0);
    setting.store.let_through.add_permits(99);
    let rejection = Rejection::RateLimitExceeded(Box::new(RateLimit {
        name: "default".into(),
        quota: 1,
        window: Duration::from_secs(60),
        remaining: 0,
        retry_after: Duration::from_secs(1),
    }));
    let accept = || setting.management.count(&Event::Accepted { identity: &setting.identity });
    let refuse = || {
        let identity = &setting.identity;
        setting.management.count(&Event::KeyRefused { identity, rejection: &rejection, accepted: true });
    };
    let written = async || {
        setting.management.flush_usage().await.unwrap();
        let counts = setting.store.counts("acct_1", None, 0, i64::MAX).await.unwrap();
        let of = |wanted: &str| -> u64 {
            counts.iter().filter(|count| count.outcome == wanted).map(|count| count.times).sum()
        };
        (of("accepted"), of("rate_limit_exceeded"))
    };
    for _ in 0..3 {
        accept();
    }
    refuse();
    assert_eq!(written().await, (2, 1));
    // The counts are written between the two events, and the next accepted call settles it.
    accept();
    assert_eq!(written().await, (3, 1));
    refuse();
    accept();
    assert_eq!(written().await, (3, 2));
    // The hour ends between the two events.
    accept();
    setting.clock.advance(Duration::from_secs(3_600));
    refuse();
    assert_eq!(written().await, (3, 3));
}

#[tokio::test]
async fn counts_are_bounded_while_a_store_fails_again_and_again() {
    let setting = Setting::new(2);
    setting.use_key(FULL);
    for _ in 0..2 {
        let (flushed, ()) = tokio::join!(setting.management.flush_usage(), async {
            setting.store.has_begun().await;
            setting.use_key(FULL);
            setting.store.let_through.add_permits(1);
        });
        assert!(matches!(flushed, Err(ManagementError::Store(_))), "{flushed:?}");
    }
    setting.store.let_through.add_permits(99);
    setting.management.flush_usage().await.unwrap();
    assert_eq!(setting.written().await, FULL as u64);
    assert_eq!(setting.store.most.load(Ordering::SeqCst), 500, "a write is short");
    // The counts that were left out are reported.
    assert!(setting.management.dropped_counts() >= FULL as u64);
    assert_eq!(setting.management.dropped_counts(), 0);
}

#[tokio::test]
async fn a_failure_of_scopes_stops_no_other_step_and_counts_once() {
    let setting = Setting::new(0);
    setting.store.let_through.add_permits(999);
    let management = &setting.management;
    let scopes = |number: usize| (0..10).map(move |part| format!("a:s{number}x{part}").parse().unwrap());
    for number in 0..1_000 {
        let identity = Identity::api_key(format!("key_{number}").parse().unwrap(), "acct_1".parse().unwrap())
            .with_scopes(keyward_core::ScopeSet::all());
        let required: Vec<_> = scopes(number).collect();
        management.count(&Event::ScopesGranted { identity: &identity, required: &required });
    }
    let counted = async || {
        let counts = setting.store.scopes("acct_1", None, 0, i64::MAX).await.unwrap();
        counts.iter().map(|count| count.times).sum::<u64>()
    };
    setting.use_key(1);
    assert!(management.sign_in(&Context::new(), "ada@example.com", "a guess").await.is_err());
    setting.store.refuses_scopes.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let failed = management.maintain().await;
        assert!(matches!(failed, Err(ManagementError::Store(_))), "{failed:?}");
    }
    assert_eq!((setting.written().await, counted().await), (1, 0));
    let system = Actor::system("test", Context::new());
    let log = management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
    assert_eq!(log.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["session.begin"]);
    setting.store.refuses_scopes.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        management.maintain().await.unwrap();
        assert_eq!((setting.written().await, counted().await), (1, 10_000));
    }
    assert_eq!(setting.store.most.load(Ordering::SeqCst), 500, "a write is short");
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_no_refused_attempts() {
    for failing in [0, 1] {
        let setting = Setting::new(failing);
        assert!(setting.management.sign_in(&Context::new(), "ada@example.com", "a guess").await.is_err());
        tokio::select! {
            _ = setting.management.flush_refused() => panic!("it is not let through"),
            () = setting.store.has_begun() => {}
        }
        setting.store.let_through.add_permits(9);
        setting.management.flush_refused().await.unwrap();
        let system = Actor::system("test", Context::new());
        let log = setting.management.audit_log(&system, &AuditQuery::default()).await.unwrap().items;
        let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["session.begin"], "failing: {failing}");
    }
}
