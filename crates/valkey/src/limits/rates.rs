use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use keyward_limits::{NamedLimit, NamedLimits, RateLimiter, StrictRates};

use super::clock::NOW;
use super::rules::ValkeyLimits;
use crate::script::Script;
use crate::store::ValkeyStore;
use crate::value::unavailable;

/// Rate limits that all nodes share.
///
/// If the server does not answer, calls are refused with [`Rejection::StoreUnavailable`].
///
/// If the server's clock is set back, callers wait as if no time had passed. If it is set forward, quotas recover.
/// A failover may undo the last calls. Rates protect capacity, not security.
///
/// With `appendfsync always`, every call waits for the disk. To avoid this, count rates on a second server with
/// [`ValkeyOptions::accept_loss`](crate::ValkeyOptions::accept_loss).
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimitLayer, RateLimits};
/// use keyward::valkey::{ValkeyRates, ValkeyStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
/// let limits = RateLimits::builder().limit("default", Each::Key, 100, Duration::from_secs(60)).named()?;
/// let layer = RateLimitLayer::new(ValkeyRates::new(&store, limits), "default");
/// # let _ = layer;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ValkeyRates {
    store: ValkeyStore,
    limits: NamedLimits,
    strict: Arc<StrictRates>,
}

impl ValkeyRates {
    /// Counts on the server of `store`. Every node must use the same limits.
    #[must_use]
    pub fn new(store: &ValkeyStore, limits: NamedLimits) -> Self {
        let strict = Arc::new(StrictRates::new(ValkeyLimits::new(store)));
        Self { store: store.clone(), limits, strict }
    }

    async fn count(&self, limit: &NamedLimit, caller: &Identity, cost: Duration) -> Result<i64, StoreError> {
        SPEND
            .key(format!("{{keyward}}:rate:{}:{}", limit.name(), limit.whose(caller)))
            .arg(nanos(cost))
            .arg(nanos(limit.most()))
            .invoke_async(&mut self.store.connection())
            .await
            .map_err(unavailable)
    }
}

#[async_trait]
impl RateLimiter for ValkeyRates {
    async fn spend(&self, caller: &Identity, limit: &str, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        let limit = self.limits.get(limit)?.of(caller);
        if limit.is_strict() {
            return self.strict.spend(limit, caller, cost).await;
        }
        let cost = limit.time_of(cost)?;
        limit.verdict(self.count(limit, caller, cost).await)
    }

    fn limits(&self) -> Option<&NamedLimits> {
        Some(&self.limits)
    }
}

/// No limit is longer than a day, so numbers are exact.
fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// ARGV: the cost and the most that a caller can be ahead, in nanoseconds. The value: time of the last write in microseconds, how far ahead.
/// Returns how far ahead the caller is, or the negative wait.
static SPEND: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         local last, ahead = now, 0
         local known = redis.call('GET', KEYS[1])
         if known then
           last, ahead = string.match(known, '^(%d+) (%d+)$')
           last = tonumber(last)
           ahead = math.max(0, ahead - 1000 * math.max(0, now - last))
         end
         local wait = ahead + ARGV[1] - ARGV[2]
         if wait <= 0 then ahead = ahead + ARGV[1] end
         -- Also writes if the clock was set back: otherwise the quota would not recover until the clock catches up.
         if wait <= 0 or now < last then
           redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, ahead), 'PX', string.format('%.0f', math.ceil(ahead / 1000000)))
         end
         if wait <= 0 then return ahead end
         return -wait"
    ))
});
