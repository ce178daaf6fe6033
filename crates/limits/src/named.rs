use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::failure::refused;
use crate::plans::UnlistedPlans;
use crate::rules::RateRule;

/// The holder of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Each key has a quota.
    Key,
    /// An account's keys share a quota.
    Account,
}

/// An invalid definition of a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// A name is not 1 to 32 of `a-z A-Z 0-9 _ -`.
    #[error("invalid rate limit name {0:?}: expected 1 to 32 of `a-z A-Z 0-9 _ -`")]
    Name(SmolStr),
    /// Two limits have this name.
    #[error("two rate limits have the name {0:?}: give each limit its own name")]
    Twice(SmolStr),
    /// A quota is zero, or its window is not 1 second to 24 hours.
    #[error("invalid rate limit {0:?}: expected a quota of at least 1 and a window of 1 s to 24 h in whole seconds")]
    Quota(SmolStr),
    /// `strict()` comes before any limit.
    #[error("strict() belongs to no rate limit: call limit() before strict()")]
    StrictFirst,
    /// A plan's quota comes before any limit.
    #[error("the quota for the plan {0:?} belongs to no rate limit: call limit() before for_plan()")]
    NoLimit(SmolStr),
    /// A limit has two quotas for a plan.
    #[error("the rate limit {limit:?} has two quotas for the plan {plan:?}: remove one")]
    PlanTwice {
        /// The limit's name.
        limit: SmolStr,
        /// The plan.
        plan: SmolStr,
    },
    /// A plan's quota is zero or too large.
    #[error(
        "invalid quota for the plan {plan:?} of the rate limit {limit:?}: expected at least 1 per window and at most 1000000000 per second"
    )]
    PlanQuota {
        /// The limit's name.
        limit: SmolStr,
        /// The plan.
        plan: SmolStr,
    },
}

/// A builder of [`RateLimits`](crate::RateLimits) or [`NamedLimits`].
#[derive(Debug, Default)]
#[must_use = "nothing is built before build() or named()"]
pub struct RateLimitsBuilder {
    limits: Vec<Definition>,
    /// The first mistake.
    misplaced: Option<RateLimitError>,
}

#[derive(Debug)]
struct Definition {
    name: SmolStr,
    each: Each,
    quota: u32,
    window: Duration,
    strict: bool,
    plans: Vec<(SmolStr, u32)>,
}

impl RateLimitsBuilder {
    /// Adds a limit for each key or account: `quota` units, which come back evenly over `window`.
    ///
    /// A caller that has spent nothing may spend the whole quota at once, and each unit again when it is back. So one period of
    /// length `window` can admit almost twice the quota: up to 19 calls at a quota of 10.
    pub fn limit(mut self, name: impl Into<SmolStr>, each: Each, quota: u32, window: Duration) -> Self {
        self.limits.push(Definition { name: name.into(), each, quota, window, strict: false, plans: Vec::new() });
        self
    }

    /// Lets no period of the last added limit's window admit more than the quota, wherever it begins.
    ///
    /// A unit comes back up to an eighth of the window later than it left the window. After a change of plan, the spent units stay.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::limits::{Each, RateLimits};
    ///
    /// let limits = RateLimits::builder().limit("upstream", Each::Account, 10, Duration::from_secs(5)).strict().named()?;
    /// assert!(limits.get("upstream").unwrap().is_strict());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn strict(mut self) -> Self {
        match self.limits.last_mut() {
            Some(limit) => limit.strict = true,
            None => self.misplaced = self.misplaced.or(Some(RateLimitError::StrictFirst)),
        }
        self
    }

    /// Sets the last added limit's quota for accounts on this plan. The window is the same. Other plans, and no plan,
    /// have the limit's own quota.
    ///
    /// A change of plan takes effect with the identity, usually with the next request. The spent share of the quota stays: after half of
    /// the old quota, half of the new one is left.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::Identity;
    /// use keyward::limits::{Each, RateLimits};
    ///
    /// let minute = Duration::from_secs(60);
    /// let limits = RateLimits::builder()
    ///     .limit("default", Each::Key, 100, minute)
    ///     .for_plan("Pro", 1_000)
    ///     .for_plan("Max", 5_000)
    ///     .limit("exports", Each::Account, 5, minute)
    ///     .named()?;
    /// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_plan("Pro");
    /// assert_eq!(limits.get("default").unwrap().of(&caller).quota().get(), 1_000);
    /// assert_eq!(limits.get("exports").unwrap().of(&caller).quota().get(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_plan(mut self, plan: impl Into<SmolStr>, quota: u32) -> Self {
        let plan = plan.into();
        match self.limits.last_mut() {
            Some(limit) => limit.plans.push((plan, quota)),
            None => self.misplaced = self.misplaced.or(Some(RateLimitError::NoLimit(plan))),
        }
        self
    }

    /// Returns the limits, for a store.
    ///
    /// # Errors
    /// [`RateLimitError`].
    pub fn named(self) -> Result<NamedLimits, RateLimitError> {
        if let Some(misplaced) = self.misplaced {
            return Err(misplaced);
        }
        let mut limits: Vec<NamedLimit> = Vec::new();
        for definition in self.limits {
            if limits.iter().any(|limit| limit.name == definition.name) {
                return Err(RateLimitError::Twice(definition.name));
            }
            limits.push(NamedLimit::checked(definition)?);
        }
        Ok(NamedLimits(limits.into()))
    }
}

/// Named limits. Clones share them.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimits};
///
/// let limits = RateLimits::builder().limit("exports", Each::Account, 5, Duration::from_secs(3_600)).named()?;
/// assert_eq!(limits.get("exports").unwrap().quota().get(), 5);
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamedLimits(Arc<[NamedLimit]>);

impl NamedLimits {
    /// Returns a limit. A store counts with [`of`](NamedLimit::of), the limit for the caller's plan.
    ///
    /// # Errors
    /// [`Rejection::NotConfigured`] without one.
    pub fn get(&self, name: &str) -> Result<&NamedLimit, Rejection> {
        self.0.iter().find(|known| known.name == name).ok_or_else(|| self.unknown(name))
    }

    /// Iterates over the limits in order.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLimit> {
        self.0.iter()
    }

    /// A middleware with a wrong name would refuse each request, so it is not built.
    pub(crate) fn assert_has(&self, name: &str) {
        let is_known = self.0.iter().any(|known| known.name == name);
        assert!(
            is_known,
            "no rate limit has the name {name:?}, expected one of {}: correct it, or add it to the RateLimitsBuilder",
            self.names()
        );
    }

    pub(crate) fn unknown(&self, name: &str) -> Rejection {
        let known = self.names();
        keyward_core::log_limited!(error, limit = name, %known, "no rate limit has this name: correct it, or add it to the RateLimitsBuilder");
        Rejection::NotConfigured
    }

    fn names(&self) -> String {
        self.0.iter().map(|limit| limit.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A limit for the generic cell rate algorithm.
///
/// A caller is *ahead* by the time until all it spent has come back. A call that would put it ahead by more than
/// [`most`](Self::most) is refused.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimits};
///
/// let limits = RateLimits::builder().limit("default", Each::Key, 60, Duration::from_secs(60)).named()?;
/// let limit = limits.get("default").unwrap();
/// let (cost, most) = (limit.time_of(NonZeroU32::new(5).unwrap()).unwrap(), limit.most());
/// assert_eq!((cost.as_secs(), most.as_secs()), (5, 60));
/// // This call was accepted. The caller is now ahead by 15 seconds.
/// assert_eq!(limit.verdict(Ok(15_000_000_000)).unwrap().remaining, 45);
/// // This call was refused. It can be retried in 2 seconds.
/// assert_eq!(limit.verdict(Ok(-2_000_000_000)).unwrap_err().code(), "RATE_LIMIT_EXCEEDED");
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamedLimit {
    name: SmolStr,
    each: Each,
    quota: NonZeroU32,
    window: Duration,
    interval: Duration,
    strict: bool,
    plans: Vec<(SmolStr, NamedLimit)>,
    unlisted: Arc<UnlistedPlans>,
}

impl NamedLimit {
    fn checked(definition: Definition) -> Result<Self, RateLimitError> {
        let Definition { name, each, quota, window, strict, plans } = definition;
        let is_name = (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !is_name {
            return Err(RateLimitError::Name(name));
        }
        let fits = (1..=86_400).contains(&window.as_secs()) && window.subsec_nanos() == 0;
        let Some((quota, interval)) = NonZeroU32::new(quota).filter(|_| fits).and_then(|quota| refill(quota, window))
        else {
            return Err(RateLimitError::Quota(name));
        };
        let unlisted = Arc::new(UnlistedPlans::default());
        let mut limit = Self { name, each, quota, window, interval, strict, plans: Vec::new(), unlisted };
        for (plan, quota) in plans {
            let name = limit.name.clone();
            if limit.plans.iter().any(|(known, _)| *known == plan) {
                return Err(RateLimitError::PlanTwice { limit: name, plan });
            }
            let Some((quota, interval)) = NonZeroU32::new(quota).and_then(|quota| refill(quota, window)) else {
                return Err(RateLimitError::PlanQuota { limit: name, plan });
            };
            let unlisted = Arc::clone(&limit.unlisted);
            limit.plans.push((plan, Self { name, each, quota, window, interval, strict, plans: Vec::new(), unlisted }));
        }
        Ok(limit)
    }

    /// Returns the limit with the quota of the caller's plan.
    ///
    /// If the limit lists plans, the first caller of another plan logs a warning, because the plan may be mistyped.
    #[must_use]
    pub fn of(&self, caller: &Identity) -> &Self {
        let Some(plan) = caller.plan().filter(|_| !self.plans.is_empty()) else { return self };
        if let Some((_, limit)) = self.plans.iter().find(|(known, _)| known == plan) {
            return limit;
        }
        self.warn_unlisted(plan, caller);
        self
    }

    pub(crate) fn warn_unlisted(&self, plan: &str, caller: &Identity) {
        let known = self.plans.iter().map(|(known, _)| known.as_str());
        self.unlisted.warn(&self.name, plan, caller.account(), known, "the limit's own quota applies");
    }

    /// Iterates over the plans with their own quota.
    pub fn plans(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.plans.iter().map(|(plan, limit)| (plan.as_str(), limit))
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns each quota's holder.
    #[must_use]
    pub fn each(&self) -> Each {
        self.each
    }

    /// Returns the units per window.
    #[must_use]
    pub fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// Returns the window's length.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Returns `true` if no period of the window's length admits more than the quota. A store counts such a limit with
    /// [`StrictRates`](crate::StrictRates).
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Returns one unit's time to come back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns how far ahead a caller can be.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.interval * self.quota.get()
    }

    /// Returns the caller's key or account.
    #[must_use]
    pub fn whose<'a>(&self, caller: &'a Identity) -> &'a str {
        match self.each {
            Each::Key => caller.id().as_str(),
            Each::Account => caller.account().as_str(),
        }
    }

    /// Returns the time in which `cost` comes back.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] above the quota.
    pub fn time_of(&self, cost: NonZeroU32) -> Result<Duration, Rejection> {
        if cost > self.quota { Err(self.too_dear(cost)) } else { Ok(self.interval * cost.get()) }
    }

    /// Converts a store's count to a verdict.
    ///
    /// It is how far ahead the caller is, in nanoseconds. Below zero, the call is refused, and may be retried after the absolute value.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] or [`Rejection::StoreUnavailable`].
    pub fn verdict(&self, counted: Result<i64, StoreError>) -> Result<RateLimit, Rejection> {
        let nanos = counted.map_err(|error| refused(&error, "count a call against its rate limit"))?;
        let time = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            return Err(self.exceeded(time));
        }
        let remaining = self.most().saturating_sub(time).as_nanos() / self.interval.as_nanos();
        Ok(self.left(u32::try_from(remaining).unwrap_or(u32::MAX)))
    }

    pub(crate) fn left(&self, remaining: u32) -> RateLimit {
        // Spent units come back evenly, so the missing share of the quota takes that share of the window.
        let missing = self.quota.get().saturating_sub(remaining);
        if self.strict {
            return self.state(remaining, self.window);
        }
        self.state(remaining, self.window * missing / self.quota.get())
    }

    pub(crate) fn too_dear(&self, cost: NonZeroU32) -> Rejection {
        tracing::error!(limit = %self.name, cost, quota = self.quota, "a call costs more than the quota of its rate limit, so it can never pass: raise the quota");
        self.exceeded(self.window)
    }

    pub(crate) fn exceeded(&self, retry_after: Duration) -> Rejection {
        Rejection::RateLimitExceeded(Box::new(self.state(0, retry_after)))
    }

    /// The same limit as a rule.
    pub(crate) fn rule(&self) -> RateRule {
        let window = u32::try_from(self.window.as_secs()).unwrap_or(u32::MAX);
        RateRule { strict: self.strict, ..RateRule::new(self.name.clone(), self.quota.get(), window) }
    }

    fn state(&self, remaining: u32, retry_after: Duration) -> RateLimit {
        let (name, quota, window) = (self.name.clone(), self.quota.get(), self.window);
        RateLimit { name, quota, window, remaining, retry_after }
    }
}

/// Returns the quota and the time in which one unit comes back, if it is at least a nanosecond.
fn refill(quota: NonZeroU32, window: Duration) -> Option<(NonZeroU32, Duration)> {
    let interval = window / quota.get();
    (!interval.is_zero()).then_some((quota, interval))
}
