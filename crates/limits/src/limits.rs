use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::rejection::{Budget, RateLimit};
use keyward_core::store::StoreError;
use keyward_core::{AccountId, CredentialId, Identity, Rejection};
use smol_str::SmolStr;
use tokio::task::AbortHandle;

use crate::counter::Rule;
use crate::failure::refused;
use crate::meter::{Left, Meter, PATIENCE};
use crate::rules::{LimitRules, Per, Subject};
use crate::shared_reads::SharedReads;
use crate::store::{ChangedRules, Counter, LimitStore};

pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A change takes effect after at most this time and one answer of the store.
const POLL: Duration = Duration::from_millis(250);
const IDLE: Duration = Duration::from_secs(2);
/// Callers that sent nothing for this time are forgotten.
const FORGET: u32 = 240;
const SHARDS: usize = 16;

/// Options of [`Limits`].
#[derive(Clone, Debug)]
pub struct LimitsOptions {
    clock: Arc<dyn Clock>,
    poll: Duration,
    store_timeout: Duration,
}

impl Default for LimitsOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), poll: POLL, store_timeout: PATIENCE }
    }
}

impl LimitsOptions {
    /// Sets the clock that ends a node's units.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the pause between two looks for changed rules. Defaults to 250 milliseconds.
    #[must_use]
    pub fn poll(mut self, pause: Duration) -> Self {
        self.poll = pause;
        self
    }

    /// Sets how long calls wait for an answer of the store before [`Rejection::StoreUnavailable`]. Defaults to 250 milliseconds.
    ///
    /// Units that the store grants later are kept.
    #[must_use]
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Reads all rules, and follows their changes. Call it on a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start(self, store: impl LimitStore) -> Result<Limits, StoreError> {
        let inner = Arc::new(Inner {
            store: Arc::new(store),
            clock: self.clock,
            store_timeout: self.store_timeout,
            rules: RwLock::default(),
            generation: AtomicU64::new(1),
            reads: SharedReads::default(),
            callers: std::array::from_fn(|_| RwLock::default()),
            meters: Mutex::default(),
            following: Mutex::new(None),
        });
        inner.refresh().await?;
        let following = tokio::spawn(follow(Arc::downgrade(&inner), self.poll)).abort_handle();
        *locked(&inner.following) = Some(following);
        Ok(Limits(inner))
    }
}

/// Enforces the [`LimitRules`] of plans, accounts and keys. Clones share everything.
///
/// A key's rules hold in addition to its account's. An account's rules replace those of its plan: a rate by its name, the budget, and the
/// number of tasks. A caller without rules is not limited.
///
/// A node takes units from the store before it needs them, and spends them without the store. [The guide](https://github.com/keyward/keyward/blob/main/guide/src/limits.md)
/// has the bounds.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use keyward::Identity;
/// use keyward::limits::{BudgetRule, LimitRules, LimitStore, Limits, MemoryLimits, Refill, Subject};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryLimits::new();
/// let rules = LimitRules::new().budget(BudgetRule::new(2, Refill::Never))?;
/// store.put_rules(&Subject::Account("acct_1".parse()?), &rules, None).await?;
/// let limits = Limits::start(store).await?;
///
/// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let spent = limits.spend(&caller, &["default".into()], NonZeroU32::new(2).unwrap()).await?;
/// assert_eq!(spent.budget.unwrap().remaining, 0);
/// let refused = limits.spend(&caller, &["default".into()], NonZeroU32::MIN).await.unwrap_err();
/// assert_eq!(refused.code(), "BUDGET_EXHAUSTED");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

/// The rest after a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The rates from which it spent.
    pub rates: Vec<RateLimit>,
    /// The budget with the fewest credits left, if any.
    ///
    /// Other nodes may have spent some of them since this node last asked the store.
    pub budget: Option<Budget>,
}

impl Spent {
    /// Returns the fields `RateLimit-Policy` and `RateLimit` of a response, one pair for each limit.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
        let rates = self.rates.iter().map(|rate| (rate.policy_field(), rate.state_field()));
        let budget = self.budget.iter().map(|budget| (budget.policy_field(), budget.state_field()));
        rates.chain(budget).flat_map(|(policy, state)| [(RATELIMIT_POLICY, policy), (RATELIMIT, state)])
    }

    fn note(&mut self, left: Left) {
        match left {
            Left::Rate(rate) => self.rates.push(rate),
            Left::Budget(budget) => {
                if self.budget.as_ref().is_none_or(|known| budget.remaining < known.remaining) {
                    self.budget = Some(budget);
                }
            }
        }
    }
}

impl From<RateLimit> for Spent {
    fn from(rate: RateLimit) -> Self {
        Self { rates: vec![rate], budget: None }
    }
}

struct Inner {
    store: Arc<dyn LimitStore>,
    clock: Arc<dyn Clock>,
    store_timeout: Duration,
    rules: RwLock<Rules>,
    /// Incremented with each change of `rules`.
    generation: AtomicU64,
    reads: SharedReads,
    callers: [RwLock<HashMap<SmolStr, Arc<Caller>>>; SHARDS],
    meters: Mutex<HashMap<Counter, Arc<Meter>>>,
    following: Mutex<Option<AbortHandle>>,
}

#[derive(Default)]
struct Rules {
    version: u64,
    plans: HashMap<SmolStr, LimitRules>,
    accounts: HashMap<SmolStr, LimitRules>,
    keys: HashMap<SmolStr, LimitRules>,
    /// The names of all rates, and how many rules have them.
    rates: HashMap<SmolStr, usize>,
}

impl Rules {
    fn replace(&mut self, subject: &Subject, new: LimitRules) {
        for rate in new.rates() {
            *self.rates.entry(rate.name.clone()).or_default() += 1;
        }
        let of_kind = match subject {
            Subject::Plan(_) => &mut self.plans,
            Subject::Account(_) => &mut self.accounts,
            Subject::Key(_) => &mut self.keys,
        };
        let old = if new.is_empty() { of_kind.remove(subject.id()) } else { of_kind.insert(subject.id().into(), new) };
        for rate in old.iter().flat_map(LimitRules::rates) {
            if let Some(rules) = self.rates.get_mut(&rate.name) {
                *rules -= 1;
                if *rules == 0 {
                    self.rates.remove(&rate.name);
                }
            }
        }
    }

    /// Returns the rules of a key, and the key as which it counts.
    fn of_key<'a>(&'a self, key: &'a CredentialId) -> (Option<&'a LimitRules>, &'a CredentialId) {
        let own = self.keys.get(key.as_str());
        match own.and_then(LimitRules::counts_as) {
            Some(first) => (self.keys.get(first.as_str()), first),
            None => (own, key),
        }
    }
}

/// The counters of a key or a token.
struct Caller {
    generation: u64,
    account: AccountId,
    plan: Option<SmolStr>,
    rates: Vec<(SmolStr, Arc<Meter>)>,
    budgets: Vec<Arc<Meter>>,
    /// Which change of each meter's rule holds for this caller.
    stamps: Vec<u64>,
    was_used: AtomicBool,
}

impl Caller {
    /// Iterates over the meters of rates with these names, and over those of budgets.
    fn meters<'a>(&'a self, names: &'a [SmolStr], budgets: bool) -> impl Iterator<Item = &'a Arc<Meter>> {
        let of_rates = self.rates.iter().filter(|(name, _)| names.contains(name)).map(|(_, meter)| meter);
        of_rates.chain(self.budgets.iter().filter(move |_| budgets))
    }

    /// Returns `false` if another caller of the account, who still has another plan, changed the rule of a meter.
    fn has_its_rules(&self) -> bool {
        let meters = self.rates.iter().map(|(_, meter)| meter).chain(&self.budgets);
        meters.zip(&self.stamps).all(|(meter, stamp)| meter.stamp() == *stamp)
    }
}

/// Gives back what was spent, unless the whole call was accepted.
struct Held<'a> {
    caller: &'a Caller,
    rates: &'a [SmolStr],
    budgets: bool,
    /// The first meters, which have spent.
    meters: usize,
    cost: u64,
    clock: &'a dyn Clock,
    begun: Duration,
    /// The number of a meter, and when it and the next ones spent. Empty if none asked the store.
    later: Vec<(usize, Duration)>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.meters == 0 {
            return;
        }
        let (now, mut spent_at, mut later) = (self.clock.boottime(), self.begun, self.later.iter().peekable());
        for (number, meter) in self.caller.meters(self.rates, self.budgets).take(self.meters).enumerate() {
            if let Some((_, at)) = later.next_if(|(from, _)| *from == number) {
                spent_at = *at;
            }
            meter.refund(self.cost, self.caller.generation, spent_at, now);
        }
    }
}

impl Limits {
    /// Starts with the default [`LimitsOptions`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start(store: impl LimitStore) -> Result<Self, StoreError> {
        LimitsOptions::default().start(store).await
    }

    /// Spends `cost` from the caller's rates with these names, and from its budgets. A refused call spends nothing.
    ///
    /// # Errors
    /// - [`Rejection::RateLimitExceeded`].
    /// - [`Rejection::BudgetExhausted`].
    /// - [`Rejection::StoreUnavailable`] if units are needed and the store does not answer.
    pub async fn spend(&self, caller: &Identity, rates: &[SmolStr], cost: NonZeroU32) -> Result<Spent, Rejection> {
        self.spend_from(caller, rates, true, cost).await
    }

    pub(crate) async fn spend_from(
        &self,
        caller: &Identity,
        rates: &[SmolStr],
        budgets: bool,
        cost: NonZeroU32,
    ) -> Result<Spent, Rejection> {
        self.try_spend(caller, rates, budgets, cost, true).await
    }

    async fn try_spend(
        &self,
        caller: &Identity,
        rates: &[SmolStr],
        budgets: bool,
        cost: NonZeroU32,
        keeps: bool,
    ) -> Result<Spent, Rejection> {
        let cost = u64::from(cost.get());
        let caller = self.0.caller(caller).await?;
        let mut spent = Spent::default();
        let mut now = self.0.clock.boottime();
        let (clock, later) = (&*self.0.clock, Vec::new());
        let mut held = Held { caller: &caller, rates, budgets, meters: 0, cost, clock, begun: now, later };
        for meter in caller.meters(rates, budgets) {
            let before = now;
            spent.note(meter.spend(&self.0.store, &self.0.clock, &mut now, cost).await?);
            if now != before {
                held.later.push((held.meters, now));
            }
            held.meters += 1;
        }
        if spent.rates.len() < rates.len() && rates.iter().any(|rate| rate != "default") {
            self.0.warn_of_unknown(rates);
        }
        if keeps {
            held.meters = 0;
        }
        drop(held);
        Ok(spent)
    }

    /// Returns what is left of the caller's rates with these names, and of its budgets. It spends nothing.
    ///
    /// # Errors
    /// [`Rejection::StoreUnavailable`] if the store is needed and does not answer.
    pub async fn remaining(&self, caller: &Identity, rates: &[SmolStr]) -> Result<Spent, Rejection> {
        let mut rest = Spent::default();
        let caller = self.0.caller(caller).await?;
        for meter in caller.meters(rates, true) {
            rest.note(meter.rest(&self.0.store, &self.0.clock).await?);
        }
        Ok(rest)
    }

    pub(crate) async fn check_from(
        &self,
        caller: &Identity,
        rates: &[SmolStr],
        budgets: bool,
        cost: NonZeroU32,
    ) -> Result<(), Rejection> {
        self.try_spend(caller, rates, budgets, cost, false).await.map(drop)
    }

    /// Returns how many tasks an account on this plan may run at once, if that is limited.
    #[must_use]
    pub fn tasks(&self, account: &AccountId, plan: Option<&str>) -> Option<u32> {
        let own = self.0.rules().accounts.get(account.as_str()).and_then(LimitRules::get_tasks);
        own.or_else(|| self.tasks_of_plan(plan))
    }

    /// Returns how many tasks a key may run at once, if that is limited. Its account's limit holds as well.
    #[must_use]
    pub fn tasks_of_key(&self, key: &CredentialId) -> Option<u32> {
        self.held_tasks_of_key(key).map(|(_, tasks)| tasks)
    }

    /// Reads the rules of a caller that this node does not know yet.
    pub(crate) async fn learn(&self, caller: &Identity) -> Result<(), Rejection> {
        self.0.caller(caller).await.map(drop)
    }

    /// Returns the key as which the tasks count, too.
    pub(crate) fn held_tasks_of_key(&self, key: &CredentialId) -> Option<(CredentialId, u32)> {
        let rules = self.0.rules();
        let (own, first) = rules.of_key(key);
        Some((first.clone(), own?.get_tasks()?))
    }

    pub(crate) fn tasks_of_plan(&self, plan: Option<&str>) -> Option<u32> {
        self.0.rules().plans.get(plan?).and_then(LimitRules::get_tasks)
    }

    /// Reads changed rules now. Otherwise, they take effect with the next poll.
    ///
    /// # Errors
    /// [`StoreError`]. The known rules stay.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.0.refresh().await
    }

    /// Stops following changes, and returns unspent credits to the store. Without it, a node that ends loses them.
    pub async fn shutdown(&self) {
        if let Some(following) = locked(&self.0.following).take() {
            following.abort();
        }
        self.0.return_credits(Duration::ZERO).await;
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("version", &self.0.rules().version).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(following) = locked(&self.following).take() {
            following.abort();
        }
    }
}

async fn follow(inner: Weak<Inner>, pause: Duration) {
    let mut turns = 0_u32;
    loop {
        tokio::time::sleep(pause).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.refresh().await {
            keyward_core::log_limited!(warn, %error, "cannot read changed limits: the known ones stay in force");
        }
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(4) {
            inner.return_credits(IDLE).await;
        }
        if turns.is_multiple_of(FORGET) {
            inner.forget();
        }
    }
}

impl Inner {
    fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let known = self.rules().version;
        let mut changed = self.store.changed_rules(known).await?;
        if changed.version < known {
            // A backup was restored.
            changed = self.store.changed_rules(0).await?;
            let mut rules = write(&self.rules);
            *rules = Rules::default();
            self.apply(&mut rules, changed);
        } else if changed.version > known {
            self.apply(&mut write(&self.rules), changed);
        }
        Ok(())
    }

    fn apply(&self, rules: &mut Rules, changed: ChangedRules) {
        if changed.version < rules.version {
            return;
        }
        rules.version = changed.version;
        for (subject, new) in changed.rules {
            rules.replace(&subject, new);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A caller without a rule of this name is not limited by it. A name without any rule may be mistyped.
    #[cold]
    fn warn_of_unknown(&self, rates: &[SmolStr]) {
        let rules = self.rules();
        let is_known = |name: &SmolStr| *name == "default" || rules.rates.contains_key(name);
        if let Some(rate) = rates.iter().find(|name| !is_known(name)) {
            keyward_core::log_limited!(warn, %rate, known = ?rules.rates.keys(), "no rule has a rate of this name, so it limits nothing: set one, or correct the name");
        }
    }

    /// A key may be newer than the last poll: a successor has the rules of its predecessor from its first request on. So this
    /// node reads what changed before it first serves a key, and refuses if the store does not answer. That holds for a node
    /// without any rule, too: the first rule of all may be this key's.
    async fn caller(&self, identity: &Identity) -> Result<Arc<Caller>, Rejection> {
        let id = identity.id().as_str();
        // The map hashes the id, so this spreads ids without a second hash.
        let sum = id.bytes().fold(0_u8, u8::wrapping_add);
        let shard = &self.callers[usize::from(sum) % SHARDS];
        let generation = self.generation.load(Ordering::Acquire);
        let is_new = match shard.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            Some(known)
                if known.generation == generation
                    && known.plan.as_deref() == identity.plan()
                    && known.account == *identity.account()
                    && known.has_its_rules() =>
            {
                known.was_used.store(true, Ordering::Relaxed);
                return Ok(Arc::clone(known));
            }
            known => known.is_none(),
        };
        if is_new {
            self.refresh_in_time().await?;
        }
        let caller = Arc::new(self.resolve(identity));
        write(shard).insert(id.into(), Arc::clone(&caller));
        Ok(caller)
    }

    #[cold]
    async fn refresh_in_time(&self) -> Result<(), Rejection> {
        let read = tokio::time::timeout(self.store_timeout, self.reads.share(self.refresh())).await;
        read.map_err(StoreError::unavailable).flatten().map_err(|error| refused(&error, "read the limits of a new key"))
    }

    fn resolve(&self, identity: &Identity) -> Caller {
        let (id, account) = (identity.id().as_str(), identity.account().as_str());
        let rules = self.rules();
        let generation = self.generation.load(Ordering::Acquire);
        let plan = identity.plan().and_then(|plan| rules.plans.get(plan));
        let of_account = LimitRules::of_account(rules.accounts.get(account), plan);
        let (own, first) = rules.of_key(identity.id());
        let own = own.cloned().unwrap_or_default();
        // The rules stay locked, so that no slower thread puts an older rule back.
        let (mut rates, mut budgets) = (Vec::new(), Vec::new());
        let mut stamps = Vec::new();
        let mut meters = locked(&self.meters);
        let mut meter = |counter: Counter, rule: Rule| {
            let new = |counter: &Counter| Arc::new(Meter::new(counter.clone(), rule.clone(), self.store_timeout));
            let meter = meters.entry(counter).or_insert_with_key(new);
            stamps.push(meter.use_rule(&rule, generation));
            Arc::clone(meter)
        };
        for rate in own.rates() {
            let counter = Counter::of_rate(&Subject::Key(first.clone()), &rate.name);
            rates.push((rate.name.clone(), meter(counter, Rule::Rate(rate.clone()))));
        }
        for rate in of_account.rates() {
            let counter = match rate.per {
                Per::Account => Counter::of_rate(&Subject::Account(identity.account().clone()), &rate.name),
                Per::Key => Counter::new(format!("rate/each/{}/{id}", rate.name), false),
            };
            rates.push((rate.name.clone(), meter(counter, Rule::Rate(rate.clone()))));
        }
        if let Some(budget) = own.get_budget() {
            budgets.push(meter(Counter::of_budget(&Subject::Key(first.clone())), Rule::Budget(budget.clone())));
        }
        if let Some(budget) = of_account.get_budget() {
            budgets.push(meter(
                Counter::of_budget(&Subject::Account(identity.account().clone())),
                Rule::Budget(budget.clone()),
            ));
        }
        Caller {
            generation,
            account: identity.account().clone(),
            plan: identity.plan().map(Into::into),
            rates,
            budgets,
            stamps,
            was_used: AtomicBool::new(true),
        }
    }

    async fn return_credits(&self, idle: Duration) {
        let meters: Vec<_> = locked(&self.meters).values().cloned().collect();
        for meter in meters {
            meter.return_idle(&*self.store, &*self.clock, idle).await;
        }
    }

    fn forget(&self) {
        for shard in &self.callers {
            write(shard).retain(|_, caller| caller.was_used.swap(false, Ordering::Relaxed));
        }
        locked(&self.meters).retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_empty());
    }
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
