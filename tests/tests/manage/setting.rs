use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use argon2::Params;
use keyward::adapter::Admission;
use keyward::clock::ManualClock;
use keyward::manage::{
    Actor, Context, Count, CountUnit, Kind, List, Management, ManagementBuilder, ManagementStore, ModeCount, NewCount,
    NewScopeCount, NewUser, PostgresManagementStore, Record, RequestEntry, RequestPage, Role, ScopeCount, SignUpPolicy,
    SqliteManagementStore, Write, Written,
};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward::store::{StoreError, async_trait};
use keyward::{AccountId, Authenticator, Rejection, Timestamp};
use keyward_needs::missing;
use keyward_tests::program::skip_part;
use tokio::sync::oneshot;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Setting {
    pub(crate) management: Management,
    pub(crate) records: Arc<dyn ManagementStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) file: Option<std::path::PathBuf>,
}

pub(crate) fn quick(builder: ManagementBuilder, clock: &Arc<ManualClock>) -> Management {
    let many = NonZeroU32::new(10_000).unwrap();
    builder
        .clock(Arc::<ManualClock>::clone(clock))
        // Use the cheapest argon2 parameters, since these tests are not about argon2.
        .password_params(Params::new(8, 1, 1, None).unwrap())
        .sign_in_attempts(many, many)
        .sign_up(SignUpPolicy::Open)
        .key_limit(10)
        .build()
        .unwrap()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap()))
}

pub(crate) fn on_sqlite() -> Setting {
    let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let file = Some(store.path().to_owned());
    Setting {
        management: quick(
            Management::builder(store.clone(), records.clone()).limits(SqliteLimits::new(&store)),
            &clock,
        ),
        records: Arc::new(records),
        clock,
        file,
    }
}

pub(crate) fn failing() -> (Setting, Arc<Failing>) {
    let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
    let records = Arc::new(Failing::over(SqliteManagementStore::open(&store).unwrap()));
    let management = quick(Management::builder(store, records.clone()), &clock);
    (Setting { management, records: records.clone(), clock, file: None }, records)
}

/// The same on each store.
pub(crate) async fn failing_everywhere() -> Vec<(Setting, Arc<Failing>)> {
    let mut settings = vec![failing()];
    match missing!(postgresql) {
        None => {
            let (clock, store) = (clock(), keyward_tests::postgres::store(&keyward_tests::postgres::database()).await);
            let records = Arc::new(Failing::over(PostgresManagementStore::open(&store).await.unwrap()));
            let management = quick(Management::builder(store, records.clone()), &clock);
            settings.push((Setting { management, records: records.clone(), clock, file: None }, records));
        }
        Some(reason) => skip_part(reason),
    }
    settings
}

/// Fails on demand to write batches of several records, which complete an operation, and stops an operation after a read.
pub(crate) struct Failing {
    inner: Box<dyn ManagementStore>,
    pub(crate) fails: AtomicBool,
    /// How often a single account was looked up among the deleted ones.
    pub(crate) looked_up: AtomicUsize,
    pauses: Mutex<Vec<Pause>>,
    /// Batches with a record of this kind fail.
    refuses: Mutex<Option<Kind>>,
    /// How many of them have failed.
    pub(crate) refused: AtomicUsize,
}

struct Pause {
    kind: Kind,
    /// A pause before a write, after this many others of its kind.
    writes: Option<usize>,
    reached: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
}

impl Failing {
    fn over(inner: impl ManagementStore + 'static) -> Self {
        Self {
            inner: Box::new(inner),
            fails: AtomicBool::new(false),
            looked_up: AtomicUsize::new(0),
            pauses: Mutex::default(),
            refuses: Mutex::new(None),
            refused: AtomicUsize::new(0),
        }
    }

    pub(crate) fn refuse(&self, kind: Option<Kind>) {
        *self.refuses.lock().unwrap() = kind;
    }

    /// Runs the operation up to its first read of this kind, then the change, then the rest of the operation.
    pub(crate) async fn change_after_read<T>(
        &self,
        kind: Kind,
        operation: impl Future<Output = T>,
        change: impl Future<Output = ()>,
    ) -> T {
        self.change_at(kind, None, operation, change).await
    }

    /// The same before a write of this kind, after `others`.
    pub(crate) async fn change_before_write<T>(
        &self,
        (kind, others): (Kind, usize),
        operation: impl Future<Output = T>,
        change: impl Future<Output = ()>,
    ) -> T {
        self.change_at(kind, Some(others), operation, change).await
    }

    fn reached(&self, mut is_reached: impl FnMut(&mut Pause) -> bool) -> Option<Pause> {
        let mut pauses = self.pauses.lock().unwrap();
        // Each of them counts.
        let reached: Vec<bool> = pauses.iter_mut().map(&mut is_reached).collect();
        reached.iter().position(|is_reached| *is_reached).map(|place| pauses.remove(place))
    }

    /// The same after a read, or before a write after some others.
    pub(crate) async fn change_at<T>(
        &self,
        kind: Kind,
        writes: Option<usize>,
        operation: impl Future<Output = T>,
        change: impl Future<Output = ()>,
    ) -> T {
        let ((reached, is_reached), (go, waits)) = (oneshot::channel(), oneshot::channel());
        self.pauses.lock().unwrap().push(Pause { kind, writes, reached, go: waits });
        let change = async {
            is_reached.await.unwrap();
            change.await;
            go.send(()).unwrap();
        };
        tokio::join!(operation, change).0
    }
}

#[async_trait]
impl ManagementStore for Failing {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.looked_up.fetch_add(usize::from(kind == Kind::DeletedAccount), Ordering::Relaxed);
        let found = self.inner.get(kind, id).await;
        let pause = self.reached(|pause| pause.kind == kind && pause.writes.is_none());
        if let Some(Pause { reached, go, .. }) = pause {
            let _ = reached.send(());
            let _ = go.await;
        }
        found
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
        let concerns = |kind: Kind| {
            writes.iter().any(|write| match write {
                Write::Insert(record) | Write::Replace(record) => record.kind == kind,
                Write::Remove { kind: of, .. } | Write::Expect { kind: of, .. } => *of == kind,
            })
        };
        let pause = self.reached(|pause| {
            let Some(others) = pause.writes.as_mut().filter(|_| concerns(pause.kind)) else { return false };
            let is_next = *others == 0;
            *others = others.saturating_sub(1);
            is_next
        });
        if let Some(Pause { reached, go, .. }) = pause {
            let _ = reached.send(());
            let _ = go.await;
        }
        if self.refuses.lock().unwrap().is_some_and(concerns) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::unavailable("the disk is full"));
        }
        if writes.len() > 1 && self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("the disk is full"));
        }
        self.inner.write(writes).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.inner.sweep(before).await
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        self.inner.remove_counts(day).await
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        self.inner.times_since(key, outcome, hour).await
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        self.inner.add(counts).await
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

/// Makes writes to a table fail, until it is dropped. The blob is too big for SQLite, whose error is one that may pass, as on a full
/// disk. `RAISE` would give the error of damaged data.
pub(crate) struct FullTable {
    connection: rusqlite::Connection,
}

impl FullTable {
    pub(crate) fn new(file: &Path, table: &str) -> Self {
        let connection = rusqlite::Connection::open(file).unwrap();
        let full = format!("CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT zeroblob(2000000000); END");
        connection.execute(&full, []).unwrap();
        Self { connection }
    }
}

impl Drop for FullTable {
    fn drop(&mut self) {
        self.connection.execute("DROP TRIGGER full", []).unwrap();
    }
}

pub(crate) async fn on_postgres() -> Setting {
    let clock = clock();
    let store = keyward_tests::postgres::store(&keyward_tests::postgres::database()).await;
    let records = PostgresManagementStore::open(&store).await.unwrap();
    let management = quick(Management::builder(store, records.clone()), &clock);
    Setting { management, records: Arc::new(records), clock, file: None }
}

pub(crate) async fn everywhere() -> Vec<Setting> {
    let mut settings = vec![on_sqlite()];
    match missing!(postgresql) {
        None => settings.push(on_postgres().await),
        Some(reason) => skip_part(reason),
    }
    settings
}

/// Repeats an unavailable verdict, because the store may be slow on a busy machine.
pub(crate) async fn verdict(authenticator: &Authenticator, key: &str) -> Result<Admission, Rejection> {
    let field = format!("Bearer {key}");
    for _ in 0..20 {
        match authenticator.authenticate([field.as_bytes()]).await {
            Err(Rejection::StoreUnavailable) => {}
            verdict => return verdict,
        }
    }
    Err(Rejection::StoreUnavailable)
}

impl Setting {
    pub(crate) fn system(&self) -> Actor {
        Actor::system("test", Context::new())
    }

    pub(crate) async fn operator(&self) -> Actor {
        let new = NewUser::new("operator@example.com", "Operator", PASSWORD);
        self.management.create_owner(&self.system(), new).await.unwrap();
        self.signed_in("operator@example.com").await
    }

    pub(crate) async fn customer(&self, email: &str) -> (Actor, AccountId) {
        self.management.sign_up(&Context::new(), NewUser::new(email, "Customer", PASSWORD)).await.unwrap();
        let actor = self.signed_in(email).await;
        let account = self.management.own_accounts(&actor).await.unwrap().remove(0).0.value.id;
        (actor, account)
    }

    pub(crate) async fn member(&self, by: &Actor, account: &AccountId, email: &str, role: Role) -> Actor {
        let invited = self.management.invite(by, account, email, role).await.unwrap();
        self.management.accept_invitation(&Context::new(), &invited.secret, "Member", PASSWORD).await.unwrap();
        self.signed_in(email).await
    }

    pub(crate) async fn signed_in(&self, email: &str) -> Actor {
        let session = self.management.sign_in(&Context::new(), email, PASSWORD).await.unwrap().session;
        self.management.session(&session, Context::new()).await.unwrap()
    }
}
