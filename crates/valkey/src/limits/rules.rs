use std::time::Duration;

use async_trait::async_trait;
use keyward_core::CredentialId;
use keyward_core::store::StoreError;
use keyward_limits::{ChangedRules, Counter, CounterState, LimitRules, LimitStore, StoredRules, Subject};

use super::clock::NOW;
use crate::script::Script;
use crate::store::ValkeyStore;
use crate::value::{parse, parse_number, to_json, unavailable};

/// Limits as data that all nodes share.
///
/// Credits are as durable as keys: a failover that loses the last writes gives the credits in them back.
/// If the server does not answer, a node spends the units that it has, and then refuses.
///
/// # Examples
/// ```no_run
/// use keyward::limits::{Limits, RateLimitLayer};
/// use keyward::valkey::{ValkeyLimits, ValkeyStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
/// let layer = RateLimitLayer::from_rules(Limits::start(ValkeyLimits::new(&store)).await?);
/// # let _ = layer;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ValkeyLimits(ValkeyStore);

impl ValkeyLimits {
    /// Uses the server of `store`.
    #[must_use]
    pub fn new(store: &ValkeyStore) -> Self {
        Self(store.clone())
    }
}

#[async_trait]
impl LimitStore for ValkeyLimits {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        let (version, changed): (String, Vec<(String, String)>) =
            CHANGED.arg(after).invoke_async(&mut self.0.connection()).await.map_err(unavailable)?;
        let rules = changed.iter().map(|(field, text)| Ok((subject(field)?, stored(text)?.rules)));
        Ok(ChangedRules { version: parse_number(&version)?, rules: rules.collect::<Result<_, StoreError>>()? })
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(RULES).arg(field(subject));
        let text: Option<String> = get.query_async(&mut self.0.connection()).await.map_err(unavailable)?;
        text.as_deref().map_or_else(|| Ok(StoredRules::default()), stored)
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let known = version.map(|version| version.to_string()).unwrap_or_default();
        let next: Option<String> = PUT
            .arg(field(subject))
            .arg(to_json(rules)?)
            .arg(known)
            .invoke_async(&mut self.0.connection())
            .await
            .map_err(unavailable)?;
        next.as_deref().map(parse_number).transpose()
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        let found: Vec<(String, String)> =
            OLDEST.arg(version).arg(limit).invoke_async(&mut self.0.connection()).await.map_err(unavailable)?;
        found.iter().map(|(field, text)| Ok((subject(field)?, stored(text)?))).collect()
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        let subject = Subject::Key(key.clone());
        FORGET
            .key(counter_key(&Counter::of_budget(&subject)))
            .arg(field(&subject))
            .arg(version.to_string())
            .invoke_async(&mut self.0.connection())
            .await
            .map_err(unavailable)
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        let (now, text): (String, Option<String>) =
            READ.key(counter_key(counter)).invoke_async(&mut self.0.connection()).await.map_err(unavailable)?;
        Ok(CounterState { now: now.parse().map_err(StoreError::corrupt)?, text })
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        // 0 keeps the state forever.
        let keep = keep.map_or(0, |keep| keep.as_millis().max(1) as u64);
        SWAP.key(counter_key(counter))
            .arg(old.unwrap_or_default())
            .arg(new)
            .arg(keep)
            .invoke_async(&mut self.0.connection())
            .await
            .map_err(unavailable)
    }
}

const RULES: &str = "{keyward}:limits";

fn counter_key(counter: &Counter) -> String {
    format!("{{keyward}}:limit:{}", counter.id())
}

fn field(subject: &Subject) -> String {
    format!("{} {}", subject.kind(), subject.id())
}

fn subject(field: &str) -> Result<Subject, StoreError> {
    let subject = field.split_once(' ').and_then(|(kind, id)| Subject::of(kind, id));
    subject.ok_or_else(|| StoreError::corrupt("not a bearer of limits"))
}

/// The version, and the rules.
fn stored(text: &str) -> Result<StoredRules, StoreError> {
    let (version, rules) = text.split_once(' ').ok_or_else(|| StoreError::corrupt("limits without a version"))?;
    Ok(StoredRules { rules: parse(rules)?, version: parse_number(version)? })
}

/// Returns the newest version, and the fields and values that changed. ARGV: the known version.
static CHANGED: Script = Script::new(|| {
    redis::Script::new(
        "local version = redis.call('GET', '{keyward}:limits:version') or '0'
         local changed = {}
         for _, field in ipairs(redis.call('ZRANGEBYSCORE', '{keyward}:limits:changed', '(' .. ARGV[1], '+inf')) do
           changed[#changed + 1] = {field, redis.call('HGET', '{keyward}:limits', field)}
         end
         return {version, changed}",
    )
});

/// Returns fields and values, oldest change first. ARGV: the version after which they changed, how many.
static OLDEST: Script = Script::new(|| {
    redis::Script::new(
        "local found = {}
         for _, field in ipairs(redis.call('ZRANGEBYSCORE', '{keyward}:limits:changed', '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[2])) do
           found[#found + 1] = {field, redis.call('HGET', '{keyward}:limits', field)}
         end
         return found",
    )
});

/// Returns 1 if the rules had the version and are forgotten. ARGV: the field, the version. KEYS: the counter of the budget.
static FORGET: Script = Script::new(|| {
    redis::Script::new(
        "local current = redis.call('HGET', '{keyward}:limits', ARGV[1])
         if not current or string.match(current, '^%d+') ~= ARGV[2] then return 0 end
         if redis.call('GET', '{keyward}:limits:version') == ARGV[2] then return 0 end
         redis.call('HDEL', '{keyward}:limits', ARGV[1])
         redis.call('ZREM', '{keyward}:limits:changed', ARGV[1])
         redis.call('DEL', KEYS[1])
         return 1",
    )
});

/// Returns the new version, or nothing if the rules have another one. ARGV: the field, the rules, the known version or nothing.
static PUT: Script = Script::new(|| {
    redis::Script::new(
        "local current = redis.call('HGET', '{keyward}:limits', ARGV[1])
         local known = current and string.match(current, '^%d+') or '0'
         if ARGV[3] ~= '' and ARGV[3] ~= known then return false end
         local version = string.format('%.0f', redis.call('INCR', '{keyward}:limits:version'))
         redis.call('HSET', '{keyward}:limits', ARGV[1], version .. ' ' .. ARGV[2])
         redis.call('ZADD', '{keyward}:limits:changed', version, ARGV[1])
         return version",
    )
});

/// Returns the server's time in microseconds, and the state.
static READ: Script = Script::new(|| {
    redis::Script::new(&format!(
        "{NOW}
         return {{string.format('%.0f', now), redis.call('GET', KEYS[1])}}"
    ))
});

/// Returns 1 if the state was still the old one. ARGV: the old state or nothing, the new one, how long to keep it in milliseconds.
static SWAP: Script = Script::new(|| {
    redis::Script::new(
        "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
         if ARGV[3] == '0' then
           redis.call('SET', KEYS[1], ARGV[2])
         else
           redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
         end
         return 1",
    )
});
