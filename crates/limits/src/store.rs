use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::CredentialId;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::rejection::Budget;
use keyward_core::store::StoreError;

use crate::counter::{Grant, Rule, State, Wish, take};
use crate::rules::{BudgetRule, LimitRules, RateRule, Subject};

/// A rate or a budget of one holder, in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    id: String,
    keeps: bool,
}

impl Counter {
    pub(crate) fn new(id: String, keeps: bool) -> Self {
        Self { id, keeps }
    }

    /// Returns the counter of the budget of a key or an account.
    #[must_use]
    pub fn of_budget(holder: &Subject) -> Self {
        Self::new(format!("budget/{}/{}", holder.kind(), holder.id()), true)
    }

    /// Returns the counter of a rate that all keys of an account share, or that a key has by itself.
    #[must_use]
    pub fn of_rate(holder: &Subject, name: &str) -> Self {
        Self::new(format!("rate/{}/{name}/{}", holder.kind(), holder.id()), false)
    }

    /// Returns its name in the store.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns `true` for a budget, which must survive a crash of the store. A rate may be lost.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.keeps
    }
}

/// The state of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterState {
    /// What [`LimitStore::swap`] wrote, if anything.
    pub text: Option<String>,
    /// The store's time, in microseconds since 1970.
    pub now: i64,
}

/// Rules that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedRules {
    /// The newest version of all rules. Every change increments it.
    pub version: u64,
    /// The changed rules. Empty ones were removed.
    pub rules: Vec<(Subject, LimitRules)>,
}

/// Rules with the version of their last change, 0 if they never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRules {
    /// The rules.
    pub rules: LimitRules,
    /// The version.
    pub version: u64,
}

/// A store of [`LimitRules`] and of what was spent.
///
/// It decides nothing: a node computes a counter's next state, and the store replaces the state if it is still the one that was read.
#[async_trait]
pub trait LimitStore: Send + Sync + 'static {
    /// Returns the newest version, and all rules that changed after `version`. After 0, all rules.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError>;

    /// Returns a subject's rules.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError>;

    /// Replaces a subject's rules if they have this version, or always without one. Returns the new version, or `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError>;

    /// Returns at most `limit` rules that changed after `version`, oldest change first. Empty ones are among them.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError>;

    /// Forgets the rules of a key that has ended, and what was spent of its budget, if the rules still have this version and are not
    /// the newest of all. Nodes do not learn of it, so remove the rules with [`put_rules`](Self::put_rules) first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError>;

    /// Reads a counter and the store's clock.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError>;

    /// Replaces a counter's state if it is still `old`, or returns `false`. It may forget the state after `keep`.
    ///
    /// # Errors
    /// [`StoreError`]. The state may have been replaced.
    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError>;
}

#[async_trait]
impl<T: LimitStore + ?Sized> LimitStore for Arc<T> {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        (**self).changed_rules(after).await
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        (**self).rules(subject).await
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        (**self).put_rules(subject, rules, version).await
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        (**self).oldest_rules(version, limit).await
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        (**self).forget_key(key, version).await
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        (**self).read(counter).await
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        (**self).swap(counter, old, new, keep).await
    }
}

/// Returns what no node has taken of the budget of a key or an account.
///
/// # Errors
/// [`StoreError`].
pub async fn credits_left(store: &dyn LimitStore, holder: &Subject, budget: &BudgetRule) -> Result<Budget, StoreError> {
    let grant = left(store, &Counter::of_budget(holder), &Rule::Budget(budget.clone())).await?;
    Ok(Budget { credits: grant.total, remaining: grant.left, period: grant.length, resets_in: grant.valid })
}

/// Returns what no node has taken of a rate of a key, or of a rate that all keys of an account share.
///
/// # Errors
/// [`StoreError`].
///
/// # Examples
/// ```
/// use keyward::limits::{MemoryLimits, RateRule, Subject, rate_left};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, account) = (MemoryLimits::new(), Subject::Account("acct_1".parse()?));
/// assert_eq!(rate_left(&store, &account, &RateRule::new("default", 100, 60)).await?, 100);
/// # Ok(()) }
/// ```
pub async fn rate_left(store: &dyn LimitStore, holder: &Subject, rate: &RateRule) -> Result<u64, StoreError> {
    Ok(left(store, &Counter::of_rate(holder, &rate.name), &Rule::Rate(rate.clone())).await?.left)
}

async fn left(store: &dyn LimitStore, counter: &Counter, rule: &Rule) -> Result<Grant, StoreError> {
    let read = store.read(counter).await?;
    let state = read.text.as_deref().map(serde_json::from_str::<State>).transpose().map_err(StoreError::corrupt)?;
    let nothing = Wish { least: 0, most: 0 };
    Ok(take(state.as_ref(), rule, read.now, nothing).1)
}

/// Returns whose rules and counters hold for a subject: for a successor the first key of its rotations, for others themselves.
///
/// # Errors
/// [`StoreError`].
pub async fn counted_as(store: &dyn LimitStore, subject: &Subject) -> Result<Subject, StoreError> {
    let Subject::Key(_) = subject else { return Ok(subject.clone()) };
    let first = store.rules(subject).await?.rules.counts_as().cloned();
    Ok(first.map_or_else(|| subject.clone(), Subject::Key))
}

/// Lets a successor count as its predecessor, if that key ever had rules. Call it before the rotation, with the id of
/// [`Rotation::successor`](keyward_core::lifecycle::Rotation::successor), so that the successor never works without limits.
///
/// # Errors
/// [`StoreError`].
///
/// # Examples
/// ```
/// use keyward::CredentialId;
/// use keyward::limits::{BudgetRule, LimitRules, LimitStore, MemoryLimits, Refill, Subject, counted_as, hand_on_rules};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, old, new) = (MemoryLimits::new(), "key_1".parse::<CredentialId>()?, CredentialId::generate());
/// let rules = LimitRules::new().budget(BudgetRule::new(10, Refill::Never))?;
/// store.put_rules(&Subject::Key(old.clone()), &rules, None).await?;
/// hand_on_rules(&store, &old, &new).await?;
/// assert_eq!(counted_as(&store, &Subject::Key(new)).await?, Subject::Key(old));
/// # Ok(()) }
/// ```
pub async fn hand_on_rules(
    store: &dyn LimitStore,
    predecessor: &CredentialId,
    successor: &CredentialId,
) -> Result<(), StoreError> {
    let known = store.rules(&Subject::Key(predecessor.clone())).await?;
    if known.version > 0 {
        let first = known.rules.counts_as().unwrap_or(predecessor);
        store.put_rules(&Subject::Key(successor.clone()), &LimitRules::counting_as(first.clone()), None).await?;
    }
    Ok(())
}

/// Rules and counters in memory. Clones share them.
///
/// # Examples
/// ```
/// use keyward::limits::{BudgetRule, LimitRules, LimitStore, MemoryLimits, Refill, Subject};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryLimits::new();
/// let rules = LimitRules::new().budget(BudgetRule::new(1_000, Refill::Day))?;
/// store.put_rules(&Subject::Plan("Free".into()), &rules, None).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryLimits {
    clock: Arc<dyn Clock>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    rules: HashMap<Subject, StoredRules>,
    by_version: BTreeMap<u64, Subject>,
    counters: HashMap<Counter, (String, Option<i64>)>,
    writes: u32,
}

impl Kept {
    fn after(&self, version: u64) -> impl Iterator<Item = (Subject, StoredRules)> + '_ {
        let later = self.by_version.range(version.saturating_add(1)..);
        later.filter_map(|(_, subject)| Some((subject.clone(), self.rules.get(subject)?.clone())))
    }
}

impl MemoryLimits {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Creates an empty store with this clock, whose wall time decides when budgets are refilled.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Arc::default() }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Kept) -> T) -> T {
        use_it(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millis().saturating_mul(1_000)
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl LimitStore for MemoryLimits {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        Ok(self.with(|kept| {
            let rules = kept.after(after).map(|(subject, stored)| (subject, stored.rules)).collect();
            ChangedRules { version: kept.version, rules }
        }))
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        Ok(self.with(|kept| kept.rules.get(subject).cloned().unwrap_or_default()))
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        Ok(self.with(|kept| {
            let known = kept.rules.get(subject).map_or(0, |stored| stored.version);
            if version.is_some_and(|version| version != known) {
                return None;
            }
            kept.version += 1;
            let stored = StoredRules { rules: rules.clone(), version: kept.version };
            kept.rules.insert(subject.clone(), stored);
            kept.by_version.remove(&known);
            kept.by_version.insert(kept.version, subject.clone());
            Some(kept.version)
        }))
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        Ok(self.with(|kept| kept.after(version).take(limit).collect()))
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        let subject = Subject::Key(key.clone());
        Ok(self.with(|kept| {
            let is_known = kept.rules.get(&subject).is_some_and(|stored| stored.version == version);
            if is_known && version < kept.version {
                kept.rules.remove(&subject);
                kept.by_version.remove(&version);
                kept.counters.remove(&Counter::of_budget(&subject));
                return true;
            }
            false
        }))
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        let now = self.now();
        let text = self.with(|kept| kept.counters.get(counter).map(|(text, _)| text.clone()));
        Ok(CounterState { text, now })
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        const TIDY_EVERY: u32 = 10_000;
        let now = self.now();
        let ends = keep.map(|keep| now.saturating_add(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)));
        Ok(self.with(|kept| {
            if kept.counters.get(counter).map(|(text, _)| text.as_str()) != old {
                return false;
            }
            kept.counters.insert(counter.clone(), (new.to_owned(), ends));
            kept.writes = (kept.writes + 1) % TIDY_EVERY;
            if kept.writes == 0 {
                kept.counters.retain(|_, (_, ends)| ends.is_none_or(|ends| ends > now));
            }
            true
        }))
    }
}
