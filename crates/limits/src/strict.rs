//! Strict limits that are defined in code.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_core::clock::{Clock, SystemClock};
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::counter::{Rule, State, Wish, is_over, take};
use crate::meter::{Left, Meter, PATIENCE};
use crate::named::NamedLimit;
use crate::store::{Counter, LimitStore};

const TIDY_EVERY: u32 = 10_000;

/// Counts strict limits of [`NamedLimits`](crate::NamedLimits) in a [`LimitStore`], for the [`RateLimiter`](crate::RateLimiter) of a
/// store.
///
/// A node takes a slice of a quota, and spends it without the store.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::Identity;
/// use keyward::limits::{Each, MemoryLimits, RateLimits, StrictRates};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = RateLimits::builder().limit("upstream", Each::Account, 10, Duration::from_secs(5)).strict().named()?;
/// let rates = StrictRates::new(MemoryLimits::new());
/// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let left = rates.spend(limits.get("upstream")?, &caller, NonZeroU32::new(4).unwrap()).await?;
/// assert_eq!(left.remaining, 6);
/// # Ok(()) }
/// ```
pub struct StrictRates {
    store: Arc<dyn LimitStore>,
    clock: Arc<dyn Clock>,
    meters: Mutex<HashMap<Counter, Arc<Meter>>>,
    calls: AtomicU32,
}

impl StrictRates {
    /// Counts in `store`. Call [`spend`](Self::spend) on a tokio runtime.
    pub fn new(store: impl LimitStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            meters: Mutex::default(),
            calls: AtomicU32::new(0),
        }
    }

    /// Spends `cost` of this limit, which already has the quota of the caller's plan.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] or [`Rejection::StoreUnavailable`].
    pub async fn spend(&self, limit: &NamedLimit, caller: &Identity, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        let mut now = self.clock.boottime();
        let meter = self.meter(limit, limit.whose(caller), now);
        match meter.spend(&self.store, &self.clock, &mut now, cost.get().into()).await? {
            Left::Rate(left) => Ok(left),
            Left::Budget(_) => Err(Rejection::NotConfigured),
        }
    }

    fn meter(&self, limit: &NamedLimit, whose: &str, now: Duration) -> Arc<Meter> {
        let counter = Counter::new(format!("strict/{}/{whose}", limit.name()), false);
        let rule = Rule::Rate(limit.rule());
        let mut meters = locked(&self.meters);
        if self.calls.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            meters.retain(|_, meter| Arc::strong_count(meter) > 1 || meter.was_used_within(limit.window() * 2, now));
        }
        let meter = meters
            .entry(counter)
            .or_insert_with_key(|counter| Arc::new(Meter::new(counter.clone(), rule.clone(), PATIENCE)));
        // A limit in code has no versions, and nothing of it is refunded.
        meter.use_rule(&rule, 0);
        Arc::clone(meter)
    }
}

impl fmt::Debug for StrictRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictRates").finish_non_exhaustive()
    }
}

/// A strict limit in this process.
#[derive(Default)]
pub(crate) struct StrictCounts(Mutex<HashMap<SmolStr, State>>);

impl StrictCounts {
    /// Spends at the time `now`, in microseconds.
    pub(crate) fn spend(
        &self,
        limit: &NamedLimit,
        whose: &str,
        now: i64,
        cost: NonZeroU32,
    ) -> Result<RateLimit, Rejection> {
        if cost > limit.quota() {
            return Err(limit.too_dear(cost));
        }
        let cost = u64::from(cost.get());
        let mut counts = locked(&self.0);
        let wish = Wish { least: cost, most: cost };
        let (next, grant) = take(counts.get(whose), &Rule::Rate(limit.rule()), now, wish);
        if grant.units == 0 {
            return Err(limit.exceeded(grant.wait.unwrap_or_else(|| limit.window())));
        }
        counts.insert(whose.into(), next);
        Ok(limit.left(u32::try_from(grant.left).unwrap_or(u32::MAX)))
    }

    /// Forgets callers that have everything back.
    pub(crate) fn tidy(&self, now: i64) {
        locked(&self.0).retain(|_, state| !is_over(state, now));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
