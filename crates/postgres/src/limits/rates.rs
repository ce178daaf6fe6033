use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use keyward_limits::{NamedLimit, NamedLimits, RateLimiter, StrictRates};

use super::answer::answer;
use super::rules::PostgresLimits;
use crate::error::Error;
use crate::store::PostgresStore;

/// Rate limits that all nodes share.
///
/// A crash or a failover resets every quota. If the database does not answer, calls are refused with [`Rejection::StoreUnavailable`].
///
/// If the server's clock is set back, callers wait as if no time had passed. If it is set forward, quotas recover.
/// Rates protect capacity, not security.
///
/// Each waiting call holds a connection. If callers send many requests at once, give rates a separate [`PostgresStore`].
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimitLayer, RateLimits};
/// use keyward::postgres::{PostgresRates, PostgresStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://keyward@localhost/keyward").await?;
/// let limits = RateLimits::builder().limit("default", Each::Key, 100, Duration::from_secs(60)).named()?;
/// let layer = RateLimitLayer::new(PostgresRates::new(&store, limits), "default");
/// # let _ = layer;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresRates {
    store: PostgresStore,
    limits: NamedLimits,
    strict: Arc<StrictRates>,
}

impl PostgresRates {
    /// Counts in the database of `store`. Every node must use the same limits.
    #[must_use]
    pub fn new(store: &PostgresStore, limits: NamedLimits) -> Self {
        let strict = Arc::new(StrictRates::new(PostgresLimits::new(store)));
        Self { store: store.clone(), limits, strict }
    }

    async fn count(&self, limit: &NamedLimit, caller: &Identity, cost: Duration) -> Result<i64, Error> {
        let client = self.store.0.pool.get().await?;
        let statement = client.prepare_cached("SELECT keyward_spend($1, $2, $3, $4)").await?;
        let (name, whose) = (limit.name().as_str(), limit.whose(caller));
        let row = client.query_one(&statement, &[&name, &whose, &nanos(cost), &nanos(limit.most())]).await?;
        Ok(row.try_get(0)?)
    }
}

#[async_trait]
impl RateLimiter for PostgresRates {
    async fn spend(&self, caller: &Identity, limit: &str, cost: NonZeroU32) -> Result<RateLimit, Rejection> {
        let limit = self.limits.get(limit)?.of(caller);
        if limit.is_strict() {
            return self.strict.spend(limit, caller, cost).await;
        }
        let cost = limit.time_of(cost)?;
        limit.verdict(answer(&self.store, self.count(limit, caller, cost)).await.map_err(Error::into))
    }

    fn limits(&self) -> Option<&NamedLimits> {
        Some(&self.limits)
    }
}

/// No limit is longer than a day.
fn nanos(time: Duration) -> i64 {
    time.as_nanos() as i64
}
