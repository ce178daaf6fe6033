use std::time::Duration;

use async_trait::async_trait;
use keyward_core::store::StoreError;
use keyward_limits::{Acquired, PermitId, PermitStore, TaskHolder};

use super::clock::NOW;
use crate::script::Script;
use crate::store::ValkeyStore;
use crate::value::unavailable;

/// Large numbers of a script are not exact.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Permits for tasks, with one limit for all nodes.
///
/// Without a renewal, a permit ends when its lease runs out by the server's clock.
///
/// If that clock is set back, permits of dead tasks end later. Set forward by a lease or more, it ends permits of running tasks early.
/// So does a failover. Permits protect capacity, not security.
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
    /// Uses the server of `store`.
    #[must_use]
    pub fn new(store: &ValkeyStore) -> Self {
        Self(store.clone())
    }
}

#[async_trait]
impl PermitStore for ValkeyPermits {
    async fn acquire(&self, holder: &TaskHolder, limit: u32, lease: Duration) -> Result<Acquired, StoreError> {
        let permit = PermitId::generate();
        let full: Result<Option<u32>, _> = ACQUIRE
            .key(permits_key(holder))
            .arg(permit.as_str())
            .arg(limit)
            .arg(micros(lease))
            .invoke_async(&mut self.0.connection())
            .await;
        if full.is_err() {
            // The server may have granted the permit before the answer was lost.
            self.release(holder, &permit);
        }
        Ok(full.map_err(unavailable)?.map_or(Acquired::Granted(permit), |in_flight| Acquired::Full { in_flight }))
    }

    async fn renew(&self, holder: &TaskHolder, permit: &PermitId, lease: Duration) -> Result<bool, StoreError> {
        RENEW
            .key(permits_key(holder))
            .arg(permit.as_str())
            .arg(micros(lease))
            .invoke_async(&mut self.0.connection())
            .await
            .map_err(unavailable)
    }

    fn release(&self, holder: &TaskHolder, permit: &PermitId) {
        let (store, holder, permit) = (self.0.clone(), holder.clone(), permit.clone());
        // The caller may be on any thread, so this uses the runtime of the connection. If it has ended, the lease runs out.
        self.0.0.runtime.spawn(async move {
            let mut remove = redis::cmd("ZREM");
            remove.arg(permits_key(&holder)).arg(permit.as_str());
            if let Err(error) = remove.query_async::<()>(&mut store.connection()).await {
                tracing::warn!(%holder, %permit, %error, "cannot release a permit: it ends with its lease");
            }
        });
    }

    async fn in_flight(&self, holder: &TaskHolder) -> Result<u32, StoreError> {
        IN_FLIGHT.key(permits_key(holder)).invoke_async(&mut self.0.connection()).await.map_err(unavailable)
    }
}

/// Scores: ends of leases, in microseconds of the server's time.
fn permits_key(holder: &TaskHolder) -> String {
    format!("{{keyward}}:permits:{holder}")
}

fn micros(lease: Duration) -> u64 {
    lease.min(LONGEST).as_micros() as u64
}

const EXPIRE: &str = "local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
         redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(last / 1000)))";

/// Returns nothing, or the number of held permits. ARGV: permit, limit, lease.
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

/// Returns 1 if the permit was still held. ARGV: permit, lease.
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

static IN_FLIGHT: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         return redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf')"
    ))
});
