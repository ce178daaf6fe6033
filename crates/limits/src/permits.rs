use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::rejection::ConcurrencyLimit;
use keyward_core::store::StoreError;
use keyward_core::{AccountId, CredentialId, Identity, Rejection};
use smol_str::SmolStr;
use tokio::task::AbortHandle;

use crate::failure::refused;
use crate::limits::Limits;
use crate::plans::UnlistedPlans;

/// A dead process's permits stay taken for this long.
const LEASE: Duration = Duration::from_secs(30);

/// The id of a held permit.
pub type PermitId = CredentialId;

/// The account or the key whose tasks a [`PermitStore`] counts.
///
/// # Examples
/// ```
/// use keyward::limits::TaskHolder;
///
/// let account = TaskHolder::account(&"a".parse()?);
/// assert_eq!(account.as_str(), "a");
/// assert_ne!(TaskHolder::key(&"a".parse()?), account);
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskHolder(SmolStr);

impl TaskHolder {
    /// Counts the tasks of all keys of an account.
    #[must_use]
    pub fn account(id: &AccountId) -> Self {
        Self(id.as_str().into())
    }

    /// Counts the tasks of a key.
    #[must_use]
    pub fn key(id: &CredentialId) -> Self {
        // Ids have no space, so no account has this text.
        Self(smol_str::format_smolstr!("key {id}"))
    }

    /// Returns a text that no other holder has.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer to [`PermitStore::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The permit was granted.
    Granted(PermitId),
    /// All permits are taken.
    Full {
        /// The holder's permits.
        in_flight: u32,
    },
}

/// A store of permits, which end at their release or with their lease. A permit is not freed twice.
#[async_trait]
pub trait PermitStore: Send + Sync + 'static {
    /// Takes a permit for `lease`, if the holder has fewer than `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn acquire(&self, holder: &TaskHolder, limit: u32, lease: Duration) -> Result<Acquired, StoreError>;

    /// Extends a held permit by `lease` from now, or returns `false`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn renew(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, StoreError>;

    /// Starts to release a permit, without waiting. It is called once per permit, possibly at the runtime's end.
    fn release(&self, holder: &TaskHolder, permit: &PermitId);

    /// Returns the holder's permits.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn in_flight(&self, holder: &TaskHolder) -> Result<u32, StoreError>;
}

#[async_trait]
impl<T: PermitStore + ?Sized> PermitStore for Arc<T> {
    async fn acquire(&self, holder: &TaskHolder, limit: u32, lease: Duration) -> Result<Acquired, StoreError> {
        (**self).acquire(holder, limit, lease).await
    }

    async fn renew(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, StoreError> {
        (**self).renew(holder, permit, lease).await
    }

    fn release(&self, holder: &TaskHolder, permit: &PermitId) {
        (**self).release(holder, permit);
    }

    async fn in_flight(&self, holder: &TaskHolder) -> Result<u32, StoreError> {
        (**self).in_flight(holder).await
    }
}

/// Permits in memory.
///
/// # Examples
/// ```
/// let store = keyward::limits::MemoryPermits::new();
/// # let _ = store;
/// ```
#[derive(Debug)]
pub struct MemoryPermits {
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<TaskHolder, HashMap<PermitId, Duration>>>,
}

impl MemoryPermits {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Creates a store with this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<TaskHolder, HashMap<PermitId, Duration>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryPermits {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl PermitStore for MemoryPermits {
    async fn acquire(&self, holder: &TaskHolder, limit: u32, lease: Duration) -> Result<Acquired, StoreError> {
        let now = self.clock.boottime();
        let mut held = self.held();
        let own = held.entry(holder.clone()).or_default();
        own.retain(|_, end| *end > now);
        let in_flight = count(own.len());
        if in_flight >= limit {
            if own.is_empty() {
                held.remove(holder);
            }
            return Ok(Acquired::Full { in_flight });
        }
        let permit = PermitId::generate();
        own.insert(permit.clone(), now + lease);
        Ok(Acquired::Granted(permit))
    }

    async fn renew(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, StoreError> {
        let now = self.clock.boottime();
        let mut held = self.held();
        let end = held.get_mut(holder).and_then(|own| own.get_mut(permit)).filter(|end| **end > now);
        Ok(end.map(|end| *end = now + lease).is_some())
    }

    fn release(&self, holder: &TaskHolder, permit: &PermitId) {
        let mut held = self.held();
        if let Some(own) = held.get_mut(holder) {
            own.remove(permit);
            if own.is_empty() {
                held.remove(holder);
            }
        }
    }

    async fn in_flight(&self, holder: &TaskHolder) -> Result<u32, StoreError> {
        let now = self.clock.boottime();
        let held = self.held();
        Ok(held.get(holder).map_or(0, |own| count(own.values().filter(|end| **end > now).count())))
    }
}

fn count(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}

/// Permits for tasks, shared by clones. See the [example](crate).
#[derive(Clone)]
pub struct TaskPermits(Arc<Inner>);

struct Inner {
    store: Arc<dyn PermitStore>,
    source: Source,
}

enum Source {
    Plans { limits: HashMap<SmolStr, u32>, unlisted: UnlistedPlans },
    Rules(Limits),
}

impl TaskPermits {
    /// Creates permits with a limit for each plan. Other plans, and no plan, have 0.
    ///
    /// The first task of another plan logs a warning, because the plan may be mistyped. List plans without permits with 0.
    pub fn new<P: Into<SmolStr>>(store: impl PermitStore, plans: impl IntoIterator<Item = (P, u32)>) -> Self {
        let limits = plans.into_iter().map(|(plan, limit)| (plan.into(), limit)).collect();
        Self(Arc::new(Inner {
            store: Arc::new(store),
            source: Source::Plans { limits, unlisted: UnlistedPlans::default() },
        }))
    }

    /// Creates permits with the numbers of tasks in [`LimitRules`](crate::LimitRules). Accounts and keys without a number are not limited.
    ///
    /// # Examples
    /// ```
    /// use keyward::limits::{Limits, MemoryLimits, MemoryPermits, TaskPermits};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = Limits::start(MemoryLimits::new()).await?;
    /// let permits = TaskPermits::from_rules(MemoryPermits::new(), limits);
    /// # let _ = permits;
    /// # Ok(()) }
    /// ```
    pub fn from_rules(store: impl PermitStore, limits: Limits) -> Self {
        Self(Arc::new(Inner { store: Arc::new(store), source: Source::Rules(limits) }))
    }

    /// Returns the plan's limit.
    #[must_use]
    pub fn limit(&self, plan: Option<&str>) -> u32 {
        match &self.0.source {
            Source::Plans { limits, .. } => plan.and_then(|plan| limits.get(plan)).copied().unwrap_or(0),
            Source::Rules(limits) => limits.tasks_of_plan(plan).unwrap_or(u32::MAX),
        }
    }

    fn limit_of(&self, account: &AccountId, plan: Option<&str>) -> u32 {
        match &self.0.source {
            Source::Plans { limits, unlisted } => {
                if let Some(plan) = plan.filter(|plan| !limits.contains_key(*plan)) {
                    let known = limits.keys().map(SmolStr::as_str);
                    unlisted.warn("task permits", plan, account, known, "it may run no tasks");
                }
                self.limit(plan)
            }
            Source::Rules(limits) => limits.tasks(account, plan).unwrap_or(u32::MAX),
        }
    }

    /// Takes a permit, by the caller's current plan. If the caller's key has its own number of tasks, the task counts for both.
    ///
    /// Call it on a tokio runtime, which renews the permit. Dropping the future leaves no permit behind.
    ///
    /// # Errors
    /// [`Rejection::ConcurrencyLimitExceeded`] or [`Rejection::StoreUnavailable`].
    pub async fn acquire(&self, caller: &Identity) -> Result<Permit, Rejection> {
        let limit = match &self.0.source {
            Source::Plans { .. } => None,
            Source::Rules(limits) => {
                limits.learn(caller).await?;
                limits.held_tasks_of_key(caller.id())
            }
        };
        let of_key = match limit {
            Some((key, limit)) => Some(self.take(TaskHolder::key(&key), limit, caller.plan()).await?),
            None => None,
        };
        let permit = self.acquire_for(caller.account(), caller.plan()).await?;
        Ok(Permit { of_key, ..permit })
    }

    /// Takes a permit for an account on this plan, as [`acquire`](Self::acquire) does. Both count together. It counts for no key.
    ///
    /// A queue worker has no identity. It reads the account with [`Keys::get_account`](keyward_core::Keys::get_account) when the task
    /// starts, so a change of plan since the request counts. The record also shows a suspension, which this method does not check.
    ///
    /// # Errors
    /// [`Rejection::ConcurrencyLimitExceeded`] or [`Rejection::StoreUnavailable`].
    ///
    /// # Examples
    /// ```
    /// use keyward::limits::{MemoryPermits, TaskPermits};
    /// use keyward::{AccountId, AccountRecord, Keys, MemoryStore};
    ///
    /// async fn work(keys: &Keys, permits: &TaskPermits, account: &AccountId) -> Result<bool, Box<dyn std::error::Error>> {
    ///     let found = keys.get_account(account).await?;
    ///     let Some(record) = found.filter(|record| record.suspended_at.is_none()) else {
    ///         return Ok(false); // the account may not run tasks
    ///     };
    ///     let Ok(permit) = permits.acquire_for(account, record.plan.as_deref()).await else {
    ///         return Ok(false); // all permits are taken: leave the task in the queue
    ///     };
    ///     // … the task …
    ///     drop(permit);
    ///     Ok(true)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd").with_plan("Plus");
    /// keys.put_account(&account).await?;
    /// let permits = TaskPermits::new(MemoryPermits::new(), [("Plus", 1)]);
    /// assert!(work(&keys, &permits, &account.id).await?);
    /// # Ok(()) }
    /// ```
    pub async fn acquire_for(&self, account: &AccountId, plan: Option<&str>) -> Result<Permit, Rejection> {
        let of_account = self.take(TaskHolder::account(account), self.limit_of(account, plan), plan).await?;
        Ok(Permit { of_account, of_key: None })
    }

    async fn take(&self, holder: TaskHolder, limit: u32, plan: Option<&str>) -> Result<Held, Rejection> {
        let store = Arc::clone(&self.0.store);
        // A separate task: if this future is dropped while the store grants a permit, the task still ends and releases it.
        let acquiring = tokio::spawn(async move {
            let acquired = store.acquire(&holder, limit, LEASE).await?;
            Ok(match acquired {
                Acquired::Granted(id) => Ok(Held::new(store, holder, id)),
                Acquired::Full { in_flight } => Err(in_flight),
            })
        });
        let acquired = acquiring.await.unwrap_or_else(|ended| Err(StoreError::unavailable(ended)));
        acquired.map_err(unanswered)?.map_err(|in_flight| {
            let plan = plan.map(SmolStr::new);
            Rejection::ConcurrencyLimitExceeded(Box::new(ConcurrencyLimit { limit, in_flight, plan }))
        })
    }

    /// Returns the account's permits.
    ///
    /// # Errors
    /// [`Rejection::StoreUnavailable`].
    pub async fn in_flight(&self, account: &AccountId) -> Result<u32, Rejection> {
        self.0.store.in_flight(&TaskHolder::account(account)).await.map_err(unanswered)
    }
}

impl fmt::Debug for TaskPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.source {
            Source::Plans { limits, .. } => {
                f.debug_struct("TaskPermits").field("limits", limits).finish_non_exhaustive()
            }
            Source::Rules(limits) => f.debug_struct("TaskPermits").field("limits", limits).finish_non_exhaustive(),
        }
    }
}

fn unanswered(error: StoreError) -> Rejection {
    refused(&error, "use the store of task permits")
}

/// The right to run a task. Dropping it releases the permit.
#[derive(Debug)]
#[must_use = "dropping this releases the permit"]
pub struct Permit {
    of_account: Held,
    /// Held in addition, if the key has its own number of tasks.
    #[expect(dead_code, reason = "its drop releases it")]
    of_key: Option<Held>,
}

impl Permit {
    /// Returns the permit's id.
    #[must_use]
    pub fn id(&self) -> &PermitId {
        &self.of_account.id
    }
}

struct Held {
    store: Arc<dyn PermitStore>,
    holder: TaskHolder,
    id: PermitId,
    renewing: AbortHandle,
}

impl Held {
    fn new(store: Arc<dyn PermitStore>, holder: TaskHolder, id: PermitId) -> Self {
        let renewal = renew(Arc::clone(&store), holder.clone(), id.clone());
        Self { renewing: tokio::spawn(renewal).abort_handle(), store, holder, id }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
        self.store.release(&self.holder, &self.id);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("id", &self.id).field("holder", &self.holder).finish_non_exhaustive()
    }
}

async fn renew(store: Arc<dyn PermitStore>, holder: TaskHolder, id: PermitId) {
    loop {
        // Two renewals may fail before the lease runs out.
        tokio::time::sleep(LEASE / 3).await;
        match store.renew(&holder, &id, LEASE).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(%holder, permit = %id, "a running task lost its permit: no renewal succeeded in time, so another task may start beyond the limit");
                return;
            }
            Err(error) => {
                tracing::warn!(%holder, permit = %id, %error, "cannot renew the permit of a running task; retrying")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use keyward_core::clock::ManualClock;

    use super::*;

    fn caller(plan: &str) -> Identity {
        Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap()).with_plan(plan)
    }

    fn permits() -> TaskPermits {
        TaskPermits::new(MemoryPermits::new(), [("Plus", 1), ("Pro", 3), ("Max", 5)])
    }

    #[tokio::test]
    async fn a_plan_limits_the_tasks_at_once() {
        for (plan, limit) in [("Free", 0_u32), ("Plus", 1), ("Pro", 3), ("Max", 5)] {
            let permits = permits();
            let mut held = Vec::new();
            for _ in 0..limit {
                held.push(permits.acquire(&caller(plan)).await.unwrap());
            }
            let refused = permits.acquire(&caller(plan)).await.unwrap_err();
            let details = refused.details().unwrap();
            assert_eq!((&details["limit"], &details["in_flight"]), (&limit.into(), &limit.into()));
            assert_eq!(details["plan"], plan);
            drop(held.pop());
            assert_eq!(permits.acquire(&caller(plan)).await.is_ok(), limit > 0, "{plan}");
        }
    }

    #[tokio::test]
    async fn permits_of_requests_and_workers_count_together() {
        let permits = permits();
        let account = "acct_1".parse().unwrap();
        let request = permits.acquire(&caller("Plus")).await.unwrap();
        let refused = permits.acquire_for(&account, Some("Plus")).await.map(drop).unwrap_err();
        assert_eq!(permits.acquire(&caller("Plus")).await.map(drop), Err(refused));
        drop(request);
        let _worker = permits.acquire_for(&account, Some("Plus")).await.unwrap();
        assert!(permits.acquire(&caller("Plus")).await.is_err());
        assert!(permits.acquire_for(&account, None).await.is_err(), "no plan has no permits");
        assert!(permits.acquire_for(&"acct_2".parse().unwrap(), Some("Plus")).await.is_ok());
    }

    #[tokio::test]
    async fn an_upgrade_counts_from_the_next_task_on() {
        let permits = permits();
        let _first = permits.acquire(&caller("Plus")).await.unwrap();
        assert!(permits.acquire(&caller("Plus")).await.is_err());
        let _second = permits.acquire(&caller("Pro")).await.unwrap();
        assert_eq!(permits.in_flight(&"acct_1".parse().unwrap()).await, Ok(2));
    }

    #[tokio::test]
    async fn a_permit_is_given_back_however_the_task_ends() {
        let permits = permits();
        let permit = permits.acquire(&caller("Plus")).await.unwrap();
        let panicked = tokio::spawn(async move {
            let _permit = permit;
            panic!("the task fails");
        });
        assert!(panicked.await.is_err());
        let permit = permits.acquire(&caller("Plus")).await.unwrap();
        let cancelled = tokio::spawn(async move {
            let _permit = permit;
            std::future::pending::<()>().await;
        });
        cancelled.abort();
        assert!(cancelled.await.is_err());
        assert!(permits.acquire(&caller("Plus")).await.is_ok());
    }

    #[derive(Clone, Default)]
    struct Slow {
        grant: Arc<tokio::sync::Notify>,
        released: Arc<tokio::sync::Notify>,
    }

    #[async_trait]
    impl PermitStore for Slow {
        async fn acquire(&self, _: &TaskHolder, _: u32, _: Duration) -> Result<Acquired, StoreError> {
            self.grant.notified().await;
            Ok(Acquired::Granted(PermitId::generate()))
        }

        async fn renew(&self, _: &TaskHolder, _: &PermitId, _: Duration) -> Result<bool, StoreError> {
            Ok(true)
        }

        fn release(&self, _: &TaskHolder, _: &PermitId) {
            self.released.notify_one();
        }

        async fn in_flight(&self, _: &TaskHolder) -> Result<u32, StoreError> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_before_the_grant_leaves_no_permit_behind() {
        let store = Slow::default();
        let permits = TaskPermits::new(store.clone(), [("Plus", 1)]);
        let caller = caller("Plus");
        let mut acquiring = Box::pin(permits.acquire(&caller));
        assert!(asked_once(&mut acquiring).await.is_none(), "nothing is granted yet");
        drop(acquiring);
        store.grant.notify_one();
        store.released.notified().await;
    }

    async fn asked_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn an_expired_permit_is_freed_once() {
        let clock = Arc::new(ManualClock::at(keyward_core::Timestamp::from_millis(0)));
        let store = MemoryPermits::with_clock(clock.clone());
        let account = TaskHolder::account(&"acct_1".parse().unwrap());
        let Acquired::Granted(dead) = store.acquire(&account, 1, LEASE).await.unwrap() else { panic!("it is free") };
        assert_eq!(store.acquire(&account, 1, LEASE).await.unwrap(), Acquired::Full { in_flight: 1 });
        clock.advance(LEASE);
        let Acquired::Granted(next) = store.acquire(&account, 1, LEASE).await.unwrap() else {
            panic!("it has run out")
        };
        assert!(!store.renew(&account, &dead, LEASE).await.unwrap(), "an expired permit was renewed");
        store.release(&account, &dead);
        assert_eq!(store.in_flight(&account).await.unwrap(), 1, "it was freed twice");
        clock.advance(LEASE / 2);
        assert!(store.renew(&account, &next, LEASE).await.unwrap());
        clock.advance(LEASE / 2);
        assert_eq!(store.in_flight(&account).await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn never_more_than_the_limit_run_at_once() {
        let permits = permits();
        let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (permits, running, most) = (permits.clone(), Arc::clone(&running), Arc::clone(&most));
                tokio::spawn(async move {
                    let mut done = 0;
                    while done < 100 {
                        let Ok(permit) = permits.acquire(&caller("Pro")).await else {
                            tokio::task::yield_now().await;
                            continue;
                        };
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        running.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                        done += 1;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(permits.in_flight(&"acct_1".parse().unwrap()).await, Ok(0));
    }
}
