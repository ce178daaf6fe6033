//! Permits for tasks, on the server.

use std::time::Duration;

use async_trait::async_trait;
use keyward_core::AccountId;
use keyward_core::store::StoreError;
use keyward_limits::{Acquired, PermitId, PermitStore};

use super::NOW;
use crate::script::Script;
use crate::{ValkeyStore, unavailable};

/// No lease is longer than a year: a script's numbers are not exact without bounds.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Permits for tasks in a Valkey or Redis server: one limit for all nodes. Clones are cheap and share the connection of the store.
///
/// A permit is granted by one script. A permit that is not renewed ends by the server's clock when its lease has run out, and the
/// server itself forgets an account's permits with the last of them.
///
/// A step of the server's clock moves the ends of all leases. Back, and what the dead have held is missed for so much longer; forward
/// by a lease or more, and permits of running tasks end early, so that more run than are allowed until those have ended. The same
/// can follow a failover, as no replica is waited for. Permits are about capacity, not about security: no credential depends on them.
///
/// # Examples
/// ```no_run
/// use keyward::limits::TaskPermits;
/// use keyward::valkey::{ValkeyPermits, ValkeyStore};
///
/// # async fn run(caller: keyward::Identity) -> Result<(), Box<dyn std::error::Error>> {
/// let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
/// let permits = TaskPermits::new(ValkeyPermits::new(&store), [("Plus", 1), ("Pro", 3), ("Max", 5)]);
/// let permit = permits.acquire(&caller).await?;
/// # drop(permit);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ValkeyPermits(ValkeyStore);

impl ValkeyPermits {
    /// Permits on the server of this store.
    #[must_use]
    pub fn new(store: &ValkeyStore) -> Self {
        Self(store.clone())
    }
}

#[async_trait]
impl PermitStore for ValkeyPermits {
    async fn acquire(&self, account: &AccountId, limit: u32, lease: Duration) -> Result<Acquired, StoreError> {
        let permit = PermitId::generate();
        let full: Result<Option<u32>, _> = ACQUIRE
            .key(permits_key(account))
            .arg(permit.as_str())
            .arg(limit)
            .arg(micros(lease))
            .invoke_async(&mut self.0.connection())
            .await;
        if full.is_err() {
            // It may have been granted, and only the answer was late.
            self.release(account, &permit);
        }
        Ok(full.map_err(unavailable)?.map_or(Acquired::Granted(permit), |in_flight| Acquired::Full { in_flight }))
    }

    async fn renew(&self, account: &AccountId, permit: &PermitId, lease: Duration) -> Result<bool, StoreError> {
        RENEW
            .key(permits_key(account))
            .arg(permit.as_str())
            .arg(micros(lease))
            .invoke_async(&mut self.0.connection())
            .await
            .map_err(unavailable)
    }

    fn release(&self, account: &AccountId, permit: &PermitId) {
        let (store, account, permit) = (self.0.clone(), account.clone(), permit.clone());
        // On the runtime that drives the connection, whichever thread calls. If it has ended, so will the lease.
        self.0.0.runtime.spawn(async move {
            let mut remove = redis::cmd("ZREM");
            remove.arg(permits_key(&account)).arg(permit.as_str());
            if let Err(error) = remove.query_async::<()>(&mut store.connection()).await {
                tracing::warn!(%account, %permit, %error, "a permit is not given back before its lease ends");
            }
        });
    }

    async fn in_flight(&self, account: &AccountId) -> Result<u32, StoreError> {
        IN_FLIGHT.key(permits_key(account)).invoke_async(&mut self.0.connection()).await.map_err(unavailable)
    }
}

/// A sorted set: permits, by the ends of their leases in microseconds of the server's time.
fn permits_key(account: &AccountId) -> String {
    format!("{{keyward}}:permits:{account}")
}

fn micros(lease: Duration) -> u64 {
    lease.min(LONGEST).as_micros() as u64
}

/// The set goes with the last of its permits.
const EXPIRE: &str = "local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
         redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(last / 1000)))";

/// ARGV: permit, limit, lease. Gives how many are held if that is all of them, and nothing if this one is granted.
static ACQUIRE: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
         local held = redis.call('ZCARD', KEYS[1])
         if held >= tonumber(ARGV[2]) then return held end
         redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
         {EXPIRE}
         return false"
    ))
});

/// ARGV: permit, lease. Gives 1 if it was still held.
static RENEW: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
         if not ends or tonumber(ends) <= now then return 0 end
         redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
         {EXPIRE}
         return 1"
    ))
});

/// Gives how many are held.
static IN_FLIGHT: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         return redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf')"
    ))
});
