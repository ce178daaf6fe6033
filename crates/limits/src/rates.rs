use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter as Governor};
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::named::{NamedLimit, NamedLimits, RateLimitError, RateLimitsBuilder};
use crate::strict::StrictCounts;

const TIDY_EVERY: u32 = 10_000;

/// A counter of rates.
#[async_trait]
pub trait RateLimiter: Send + Sync + 'static {
    /// Spends `cost` of this limit, and returns what is left.
    ///
    /// # Errors
    /// - [`Rejection::RateLimitExceeded`]. Nothing is spent.
    /// - [`Rejection::NotConfigured`] without such a limit.
    /// - [`Rejection::StoreUnavailable`].
    async fn spend(&self, caller: &Identity, limit: &str, cost: NonZeroU32) -> Result<RateLimit, Rejection>;

    /// Returns the limits, so that a middleware finds a mistyped name when it is built. Defaults to `None`: the limits are unknown.
    fn limits(&self) -> Option<&NamedLimits> {
        None
    }
}

#[async_trait]
impl<T: RateLimiter + ?Sized> RateLimiter for Arc<T> {
    async fn spend(&self, caller: &Identity, limit: &str, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        (**self).spend(caller, limit, cost).await
    }

    fn limits(&self) -> Option<&NamedLimits> {
        (**self).limits()
    }
}

/// Limits, counted in this process. A quota comes back evenly over its window.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::Identity;
/// use keyward::limits::{Each, RateLimiter, RateLimits};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = RateLimits::builder()
///     .limit("default", Each::Key, 100, Duration::from_secs(60))
///     .limit("exports", Each::Account, 5, Duration::from_secs(3_600))
///     .build()?;
/// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let left = limits.spend(&caller, "exports", NonZeroU32::new(5).unwrap()).await?;
/// assert_eq!(left.remaining, 0);
/// let refused = limits.spend(&caller, "exports", NonZeroU32::MIN).await.unwrap_err();
/// assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RateLimits(Arc<Counters>);

struct Counters {
    named: NamedLimits,
    limits: Box<[Limit]>,
}

struct Limit {
    /// With the limit's own quota.
    general: Counter,
    plans: Vec<(SmolStr, Counter)>,
    strict: StrictCounts,
    spent: Spent,
    clock: LimitClock,
    calls: AtomicU32,
}

struct Counter {
    named: NamedLimit,
    governor: Governor<SmolStr, Spent, LimitClock, StateInformationMiddleware>,
}

/// The state of callers, which the counters of all plans share.
#[derive(Clone, Default)]
struct Spent(Arc<DashMapStateStore<SmolStr>>);

impl StateStore for Spent {
    type Key = SmolStr;

    fn measure_and_replace<T, F, E>(&self, key: &SmolStr, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, decide)
    }
}

/// The time since the start of a limit.
///
/// A governor keeps times relative to its creation. Until the limit starts, the clock shows zero, so all its governors agree.
#[derive(Clone, Default)]
struct LimitClock {
    clock: DefaultClock,
    start: Arc<OnceLock<<DefaultClock as Clock>::Instant>>,
}

impl Clock for LimitClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.start.get().map_or(Nanos::new(0), |start| self.clock.now().duration_since(*start))
    }
}

impl RateLimitsBuilder {
    /// Builds counters in this process.
    ///
    /// # Errors
    /// [`RateLimitError`].
    pub fn build(self) -> Result<RateLimits, RateLimitError> {
        self.named().map(|limits| RateLimits::new(&limits))
    }
}

impl RateLimits {
    /// Creates a builder without limits.
    pub fn builder() -> RateLimitsBuilder {
        RateLimitsBuilder::default()
    }

    /// Creates counters for these limits.
    #[must_use]
    pub fn new(limits: &NamedLimits) -> Self {
        Self(Arc::new(Counters { named: limits.clone(), limits: limits.iter().map(Limit::new).collect() }))
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.named.iter().map(NamedLimit::name)).finish()
    }
}

#[async_trait]
impl RateLimiter for RateLimits {
    async fn spend(&self, caller: &Identity, limit: &str, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        match self.0.limits.iter().find(|known| known.general.named.name() == limit) {
            Some(limit) => limit.spend(caller, cost),
            None => Err(self.0.named.unknown(limit)),
        }
    }

    fn limits(&self) -> Option<&NamedLimits> {
        Some(&self.0.named)
    }
}

impl Limit {
    fn new(named: &NamedLimit) -> Self {
        let (spent, clock) = (Spent::default(), LimitClock::default());
        let counter = |limit: &NamedLimit| Counter::new(limit.clone(), spent.clone(), clock.clone());
        let plans = named.plans().map(|(plan, limit)| (plan.into(), counter(limit))).collect();
        let (strict, calls) = (StrictCounts::default(), AtomicU32::new(0));
        let limit = Self { general: counter(named), plans, strict, spent, clock, calls };
        limit.clock.start.get_or_init(|| limit.clock.clock.now());
        limit
    }

    fn spend(&self, caller: &Identity, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.spent.0.retain_recent(self.clock.now());
            self.strict.tidy(self.micros());
        }
        let plan = caller.plan().filter(|_| !self.plans.is_empty());
        let own = plan.and_then(|plan| self.plans.iter().find(|(known, _)| known == plan));
        if let (Some(plan), None) = (plan, own) {
            self.general.named.warn_unlisted(plan, caller);
        }
        let counter = own.map_or(&self.general, |(_, counter)| counter);
        if counter.named.is_strict() {
            let limit = &counter.named;
            return self.strict.spend(limit, limit.whose(caller), self.micros(), cost);
        }
        counter.spend(caller, cost)
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.clock.now().as_u64() / 1_000).unwrap_or(i64::MAX)
    }
}

impl Counter {
    fn new(named: NamedLimit, spent: Spent, clock: LimitClock) -> Self {
        // The whole quota may be spent at once, and comes back evenly over the window. The interval is above zero.
        let quota = Quota::with_period(named.interval()).unwrap_or_else(|| Quota::per_second(named.quota()));
        Self { governor: Governor::new(quota.allow_burst(named.quota()), spent, clock), named }
    }

    fn spend(&self, caller: &Identity, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        match self.governor.check_key_n(&self.named.whose(caller).into(), cost) {
            Ok(Ok(snapshot)) => Ok(self.named.left(snapshot.remaining_burst_capacity())),
            Ok(Err(not_until)) => Err(self.named.exceeded(not_until.wait_time_from(self.governor.clock().now()))),
            Err(_) => Err(self.named.too_dear(cost)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Each;

    fn caller(key: &str, account: &str) -> Identity {
        Identity::api_key(key.parse().unwrap(), account.parse().unwrap())
    }

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    #[tokio::test]
    async fn each_key_has_its_own_quota_and_the_keys_of_an_account_share_one() {
        let limits = RateLimits::builder()
            .limit("key", Each::Key, 2, Duration::from_secs(60))
            .limit("account", Each::Account, 3, Duration::from_secs(60))
            .build()
            .unwrap();
        let (a, b, other) = (caller("k1", "a1"), caller("k2", "a1"), caller("k3", "a2"));
        for expected in [1, 0] {
            assert_eq!(limits.spend(&a, "key", ONE).await.unwrap().remaining, expected);
        }
        assert!(limits.spend(&a, "key", ONE).await.is_err());
        assert!(limits.spend(&b, "key", ONE).await.is_ok());
        for spender in [&a, &b, &a] {
            assert!(limits.spend(spender, "account", ONE).await.is_ok());
        }
        assert!(limits.spend(&b, "account", ONE).await.is_err());
        assert!(limits.spend(&other, "account", ONE).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_passes_after_its_retry_after() {
        let limits = RateLimits::builder().limit("a", Each::Key, 4, Duration::from_secs(1)).build().unwrap();
        let mut number = 0;
        let (caller, limit) = loop {
            number += 1;
            let (caller, begun) = (caller(&format!("k{number}"), "a1"), Instant::now());
            limits.spend(&caller, "a", NonZeroU32::new(4).unwrap()).await.unwrap();
            match limits.spend(&caller, "a", ONE).await {
                Err(Rejection::RateLimitExceeded(limit)) if !limit.retry_after.is_zero() => break (caller, limit),
                // A busy machine: one of four has come back.
                other => assert!(begun.elapsed() >= Duration::from_millis(250), "of an empty quota: {other:?}"),
            }
        };
        assert!(limit.retry_after <= Duration::from_millis(250), "{limit:?}");
        assert_eq!((limit.retry_after_seconds(), limit.remaining), (1, 0));
        assert_eq!(limit.policy_field(), r#""a";q=4;w=1"#);
        assert_eq!(limit.state_field(), r#""a";r=0;t=1"#);
        tokio::time::sleep(limit.retry_after).await;
        assert!(limits.spend(&caller, "a", ONE).await.is_ok());
    }

    #[tokio::test]
    async fn impossible_costs_and_limits_are_refused() {
        let limits = RateLimits::builder().limit("a", Each::Key, 4, Duration::from_secs(1)).build().unwrap();
        let dear = limits.spend(&caller("k1", "a1"), "a", NonZeroU32::new(5).unwrap()).await;
        assert_eq!(dear.unwrap_err().code(), "RATE_LIMIT_EXCEEDED");
        assert_eq!(limits.spend(&caller("k1", "a1"), "none", ONE).await, Err(Rejection::NotConfigured));
        let second = Duration::from_secs(1);
        for (name, quota, window, error) in [
            ("", 1, second, RateLimitError::Name("".into())),
            ("a b", 1, second, RateLimitError::Name("a b".into())),
            ("a", 0, second, RateLimitError::Quota("a".into())),
            ("a", 1, Duration::ZERO, RateLimitError::Quota("a".into())),
            ("a", 1, Duration::from_millis(1_500), RateLimitError::Quota("a".into())),
            ("a", 1, Duration::from_secs(90_000), RateLimitError::Quota("a".into())),
        ] {
            assert_eq!(RateLimits::builder().limit(name, Each::Key, quota, window).build().unwrap_err(), error);
        }
        let twice = RateLimits::builder().limit("a", Each::Key, 1, second).limit("a", Each::Key, 1, second).build();
        assert_eq!(twice.unwrap_err(), RateLimitError::Twice("a".into()));
    }

    #[test]
    fn impossible_quotas_of_plans_are_build_errors() {
        let a = || RateLimits::builder().limit("a", Each::Key, 4, Duration::from_secs(1));
        let (limit, plan) = (SmolStr::new("a"), SmolStr::new("Pro"));
        let is_refused = |builder: RateLimitsBuilder, error, text: &str| {
            let refused = builder.build().unwrap_err();
            assert_eq!(refused, error);
            assert!(refused.to_string().contains(text), "{refused}");
        };
        let twice = RateLimitError::PlanTwice { limit: limit.clone(), plan: plan.clone() };
        is_refused(a().for_plan("Pro", 5).for_plan("Pro", 6), twice, r#""a" has two quotas for the plan "Pro""#);
        let quota = RateLimitError::PlanQuota { limit, plan: plan.clone() };
        is_refused(a().for_plan("Pro", 0), quota.clone(), r#"the plan "Pro" of the rate limit "a""#);
        is_refused(a().for_plan("Pro", u32::MAX), quota, "at most 1000000000 per second");
        is_refused(RateLimits::builder().strict(), RateLimitError::StrictFirst, "call limit() before strict()");
        let before = RateLimits::builder().for_plan("Pro", 5).limit("a", Each::Key, 4, Duration::from_secs(1));
        is_refused(before, RateLimitError::NoLimit(plan), "call limit() before for_plan()");
        // Each limit has its own plans.
        a().for_plan("Pro", 5).limit("b", Each::Key, 4, Duration::from_secs(1)).for_plan("Pro", 5).build().unwrap();
    }

    #[tokio::test]
    async fn callers_that_have_everything_back_are_forgotten() {
        let quick = RateLimits::builder().limit("a", Each::Key, 1_000, Duration::from_secs(1)).for_plan("Pro", 5_000);
        let limits = quick.build().unwrap();
        for number in 0..TIDY_EVERY * 2 {
            limits.spend(&caller(&format!("k{number}"), "a1"), "a", ONE).await.unwrap();
        }
        assert!(limits.0.limits[0].spent.0.len() < TIDY_EVERY as usize * 2, "no caller was forgotten");
    }
}
