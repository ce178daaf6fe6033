//! Rates, counted on the server.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use keyward_limits::{NamedLimit, NamedLimits, RateLimiter};

use super::NOW;
use crate::script::Script;
use crate::{ValkeyStore, unavailable};

/// Rate limits counted on a Valkey or Redis server: one quota for all nodes. Clones are cheap and share the connection of the store.
///
/// Every call is one script, by the server's clock. The server forgets a caller whose quota has come back. A server that does
/// not answer refuses every call with [`Rejection::StoreUnavailable`].
///
/// A step of the server's clock back makes callers wait as if it had stood still since their last calls; a step forward gives back as
/// much of their quotas as if the time had passed. After a failover some of what was spent may be forgotten, as no replica is waited for.
/// Rates are about capacity, not about security: no credential depends on them.
///
/// A server that holds keys writes every call to its disk (`appendfsync always`). A second server, connected to with
/// [`ValkeyOptions::accept_loss`](crate::ValkeyOptions::accept_loss), need not.
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
}

impl ValkeyRates {
    /// Counts these limits on the server of this store. Every node has to be given the same.
    #[must_use]
    pub fn new(store: &ValkeyStore, limits: NamedLimits) -> Self {
        Self { store: store.clone(), limits }
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
        let limit = self.limits.get(limit)?;
        let cost = limit.time_of(cost)?;
        limit.verdict(self.count(limit, caller, cost).await)
    }
}

/// No limit has more than a day, which a script's numbers hold exactly.
fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// ARGV: cost and the most that a caller can be ahead, in nanoseconds. The value is the time in microseconds at which it was written,
/// and how far ahead the caller was then. Gives how far ahead the caller is, or if it may not be, spends nothing and gives how long
/// to wait, below zero.
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
         -- Also if the call is refused, but the clock was set back: otherwise nothing came back until it has caught up.
         if wait <= 0 or now < last then
           redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, ahead), 'PX', string.format('%.0f', math.ceil(ahead / 1000000)))
         end
         if wait <= 0 then return ahead end
         return -wait"
    ))
});
