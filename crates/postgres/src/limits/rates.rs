//! Rates, counted in the database.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use keyward_limits::{NamedLimit, NamedLimits, RateLimiter};

use crate::PostgresStore;
use crate::failure::Failure;

/// Rate limits counted in a PostgreSQL database: one quota for all nodes. Clones are cheap and share the connections of the store.
///
/// Every call is one statement, by the server's clock. It waits for no disk: a crash of the server, or a failover, gives every quota
/// back. A database that does not answer refuses every call with [`Rejection::StoreUnavailable`].
///
/// A step of the server's clock back makes callers wait as if it had stood still since their last calls; a step forward gives back as
/// much of their quotas as if the time had passed. Rates are about capacity, not about security: no credential depends on them.
///
/// Calls that spend one quota follow one another, and who waits holds a connection of the pool. Where one caller may send very many
/// requests at once, a [`PostgresStore`] of their own keeps rates from taking the connections that credentials are looked up with.
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
}

impl PostgresRates {
    /// Counts these limits in the database of this store. Every node has to be given the same.
    #[must_use]
    pub fn new(store: &PostgresStore, limits: NamedLimits) -> Self {
        Self { store: store.clone(), limits }
    }

    async fn count(&self, limit: &NamedLimit, caller: &Identity, cost: Duration) -> Result<i64, Failure> {
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
        let limit = self.limits.get(limit)?;
        let cost = limit.time_of(cost)?;
        limit.verdict(self.count(limit, caller, cost).await.map_err(Failure::into))
    }
}

/// No limit has more than a day.
fn nanos(time: Duration) -> i64 {
    time.as_nanos() as i64
}
