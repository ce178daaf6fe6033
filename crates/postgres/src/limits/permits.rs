use std::time::Duration;

use async_trait::async_trait;
use keyward_core::store::StoreError;
use keyward_limits::{Acquired, PermitId, PermitStore, TaskHolder};

use super::answer::answer;
use crate::error::Error;
use crate::store::PostgresStore;

/// The database's calendar has an end.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Permits for tasks, with one limit for all nodes.
///
/// Without a renewal, a permit ends when its lease runs out by the server's clock.
///
/// If that clock is set back, permits of dead tasks end later. Set forward by a lease or more, it ends permits of running tasks early.
/// Permits protect capacity, not security.
///
/// Each waiting request holds a connection. If accounts start many tasks at once, give permits a separate [`PostgresStore`].
///
/// # Examples
/// ```no_run
/// use keyward::limits::TaskPermits;
/// use keyward::postgres::{PostgresPermits, PostgresStore};
///
/// # async fn run(caller: keyward::Identity) -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://keyward@localhost/keyward").await?;
/// let permits = TaskPermits::new(PostgresPermits::new(&store), [("Plus", 1), ("Pro", 3), ("Max", 5)]);
/// let permit = permits.acquire(&caller).await?;
/// # drop(permit);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresPermits(PostgresStore);

impl PostgresPermits {
    /// Uses the database of `store`.
    #[must_use]
    pub fn new(store: &PostgresStore) -> Self {
        Self(store.clone())
    }

    async fn grant(
        &self,
        holder: &TaskHolder,
        permit: &PermitId,
        limit: u32,
        lease: Duration,
    ) -> Result<Acquired, Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client.prepare_cached("SELECT keyward_acquire_permit($1, $2, $3, $4)").await?;
        let row = client
            .query_one(&statement, &[&holder.as_str(), &permit.as_str(), &i64::from(limit), &seconds(lease)])
            .await?;
        Ok(match row.try_get::<_, Option<i64>>(0)? {
            None => Acquired::Granted(permit.clone()),
            Some(held) => Acquired::Full { in_flight: count(held) },
        })
    }

    async fn prolong(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client
            .prepare_cached(
                "UPDATE keyward_permits SET ends_at = clock_timestamp() + make_interval(secs => $3) \
                 WHERE account = $1 AND permit = $2 AND ends_at > clock_timestamp()",
            )
            .await?;
        Ok(client.execute(&statement, &[&holder.as_str(), &permit.as_str(), &seconds(lease)]).await? > 0)
    }

    async fn give_back(&self, holder: &TaskHolder, permit: &PermitId) -> Result<(), Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client.prepare_cached("DELETE FROM keyward_permits WHERE account = $1 AND permit = $2").await?;
        client.execute(&statement, &[&holder.as_str(), &permit.as_str()]).await?;
        Ok(())
    }

    async fn held(&self, holder: &TaskHolder) -> Result<u32, Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client
            .prepare_cached("SELECT count(*) FROM keyward_permits WHERE account = $1 AND ends_at > clock_timestamp()")
            .await?;
        Ok(count(client.query_one(&statement, &[&holder.as_str()]).await?.try_get(0)?))
    }
}

#[async_trait]
impl PermitStore for PostgresPermits {
    async fn acquire(&self, holder: &TaskHolder, limit: u32, lease: Duration) -> Result<Acquired, StoreError> {
        let permit = PermitId::generate();
        let acquired = answer(&self.0, self.grant(holder, &permit, limit, lease)).await;
        if acquired.is_err() {
            // The server may have granted the permit before the answer was lost.
            self.release(holder, &permit);
        }
        Ok(acquired?)
    }

    async fn renew(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, StoreError> {
        Ok(answer(&self.0, self.prolong(holder, permit, lease)).await?)
    }

    fn release(&self, holder: &TaskHolder, permit: &PermitId) {
        let (permits, holder, permit) = (self.clone(), holder.clone(), permit.clone());
        // The caller may be on any thread, so this uses the runtime of the connections. If it has ended, the lease runs out.
        self.0.0.runtime.spawn(async move {
            if let Err(failure) = answer(&permits.0, permits.give_back(&holder, &permit)).await {
                tracing::warn!(%holder, %permit, ?failure, "cannot release a permit: it ends with its lease");
            }
        });
    }

    async fn in_flight(&self, holder: &TaskHolder) -> Result<u32, StoreError> {
        Ok(answer(&self.0, self.held(holder)).await?)
    }
}

fn seconds(lease: Duration) -> f64 {
    lease.min(LONGEST).as_secs_f64()
}

fn count(permits: i64) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
