use std::time::Duration;

use async_trait::async_trait;
use keyward_core::CredentialId;
use keyward_core::store::StoreError;
use keyward_limits::{ChangedRules, Counter, CounterState, LimitRules, LimitStore, StoredRules, Subject};

use super::answer::answer;
use crate::error::Error;
use crate::store::PostgresStore;

/// Limits as data that all nodes share.
///
/// Credits that a node took survive a crash of the server, with its own settings of durability. A crash or a failover resets rates.
/// If the database does not answer, a node spends the units that it has, and then refuses.
///
/// # Examples
/// ```no_run
/// use keyward::limits::{Limits, RateLimitLayer};
/// use keyward::postgres::{PostgresLimits, PostgresStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://keyward@localhost/keyward").await?;
/// let layer = RateLimitLayer::from_rules(Limits::start(PostgresLimits::new(&store)).await?);
/// # let _ = layer;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresLimits(PostgresStore);

impl PostgresLimits {
    /// Uses the database of `store`.
    #[must_use]
    pub fn new(store: &PostgresStore) -> Self {
        Self(store.clone())
    }

    async fn changed(&self, after: u64) -> Result<ChangedRules, Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT head.version, changed.kind, changed.id, changed.rules FROM keyward_limit_head AS head \
                 LEFT JOIN keyward_limit_rules AS changed ON changed.version > $1 ORDER BY changed.version",
            )
            .await?;
        let mut found = ChangedRules::default();
        for row in client.query(&statement, &[&signed(after)]).await? {
            found.version = unsigned(row.try_get(0)?);
            let (kind, id, rules): (Option<String>, Option<String>, Option<String>) =
                (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            if let (Some(kind), Some(id), Some(rules)) = (kind, id, rules) {
                let subject = Subject::of(&kind, &id).ok_or_else(|| Error::Corrupt("not a bearer of limits".into()))?;
                found.rules.push((subject, parsed(&rules)?));
            }
        }
        Ok(found)
    }

    async fn stored(&self, subject: &Subject) -> Result<StoredRules, Error> {
        let client = self.0.0.pool.get().await?;
        let statement =
            client.prepare_cached("SELECT rules, version FROM keyward_limit_rules WHERE kind = $1 AND id = $2").await?;
        let Some(row) = client.query_opt(&statement, &[&subject.kind(), &subject.id()]).await? else {
            return Ok(StoredRules::default());
        };
        let rules: String = row.try_get(0)?;
        Ok(StoredRules { rules: parsed(&rules)?, version: unsigned(row.try_get(1)?) })
    }

    async fn put(&self, subject: &Subject, rules: &str, version: Option<u64>) -> Result<Option<u64>, Error> {
        let client = self.0.0.pool.get().await?;
        let statement = client.prepare_cached("SELECT keyward_put_limits($1, $2, $3, $4)").await?;
        let known = version.map(signed);
        let row = client.query_one(&statement, &[&subject.kind(), &subject.id(), &rules, &known]).await?;
        Ok(row.try_get::<_, Option<i64>>(0)?.map(unsigned))
    }

    async fn oldest(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, Error> {
        let client = self.0.0.pool.get().await?;
        let sql =
            "SELECT kind, id, rules, version FROM keyward_limit_rules WHERE version > $1 ORDER BY version LIMIT $2";
        let statement = client.prepare_cached(sql).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        for row in client.query(&statement, &[&signed(version), &limit]).await? {
            let (kind, id, rules): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let subject = Subject::of(&kind, &id).ok_or_else(|| Error::Corrupt("not a bearer of limits".into()))?;
            found.push((subject, StoredRules { rules: parsed(&rules)?, version: unsigned(row.try_get(3)?) }));
        }
        Ok(found)
    }

    async fn forget(&self, subject: &Subject, version: u64) -> Result<bool, Error> {
        let client = self.0.0.pool.get().await?;
        let sql = "WITH forgotten AS (DELETE FROM keyward_limit_rules WHERE kind = $1 AND id = $2 AND version = $3 \
                     AND version < (SELECT version FROM keyward_limit_head) RETURNING id), \
                   budget AS (DELETE FROM keyward_limit_budgets WHERE counter = $4 AND EXISTS (SELECT 1 FROM forgotten)) \
                   SELECT count(*) FROM forgotten";
        let statement = client.prepare_cached(sql).await?;
        let counter = Counter::of_budget(subject);
        let row =
            client.query_one(&statement, &[&subject.kind(), &subject.id(), &signed(version), &counter.id()]).await?;
        Ok(row.try_get::<_, i64>(0)? > 0)
    }

    async fn state(&self, counter: &Counter) -> Result<CounterState, Error> {
        let client = self.0.0.pool.get().await?;
        let sql = format!(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT, (SELECT state FROM {} WHERE counter = $1)",
            table(counter)
        );
        let statement = client.prepare_cached(&sql).await?;
        let row = client.query_one(&statement, &[&counter.id()]).await?;
        Ok(CounterState { now: row.try_get(0)?, text: row.try_get(1)? })
    }

    async fn replace(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, Error> {
        let client = self.0.0.pool.get().await?;
        let keep = keep.unwrap_or_default().as_secs_f64();
        let changed = match (counter.is_durable(), old) {
            (true, Some(old)) => {
                let sql = "UPDATE keyward_limit_budgets SET state = $3 WHERE counter = $1 AND state = $2";
                client.execute(&client.prepare_cached(sql).await?, &[&counter.id(), &old, &new]).await?
            }
            (true, None) => {
                let sql = "INSERT INTO keyward_limit_budgets VALUES ($1, $2) ON CONFLICT DO NOTHING";
                client.execute(&client.prepare_cached(sql).await?, &[&counter.id(), &new]).await?
            }
            (false, Some(old)) => {
                let sql = "UPDATE keyward_limit_rates SET state = $3, ends_at = clock_timestamp() + make_interval(secs => $4) \
                           WHERE counter = $1 AND state = $2";
                client.execute(&client.prepare_cached(sql).await?, &[&counter.id(), &old, &new, &keep]).await?
            }
            (false, None) => {
                // A new counter: also removes some that have ended. Rows that another session holds stay.
                let sql = "WITH ended AS (DELETE FROM keyward_limit_rates WHERE counter = ANY (ARRAY( \
                             SELECT counter FROM keyward_limit_rates WHERE ends_at < clock_timestamp() AND counter <> $1 \
                             ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED))) \
                           INSERT INTO keyward_limit_rates VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
                           ON CONFLICT DO NOTHING";
                client.execute(&client.prepare_cached(sql).await?, &[&counter.id(), &new, &keep]).await?
            }
        };
        Ok(changed > 0)
    }
}

#[async_trait]
impl LimitStore for PostgresLimits {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        Ok(answer(&self.0, self.changed(after)).await?)
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        Ok(answer(&self.0, self.stored(subject)).await?)
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let rules = serde_json::to_string(rules).map_err(StoreError::corrupt)?;
        Ok(answer(&self.0, self.put(subject, &rules, version)).await?)
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        Ok(answer(&self.0, self.oldest(version, limit)).await?)
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        let subject = Subject::Key(key.clone());
        Ok(answer(&self.0, self.forget(&subject, version)).await?)
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        Ok(answer(&self.0, self.state(counter)).await?)
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        Ok(answer(&self.0, self.replace(counter, old, new, keep)).await?)
    }
}

fn table(counter: &Counter) -> &'static str {
    if counter.is_durable() { "keyward_limit_budgets" } else { "keyward_limit_rates" }
}

fn parsed(rules: &str) -> Result<LimitRules, Error> {
    serde_json::from_str(rules).map_err(|error| Error::Corrupt(error.into()))
}

/// Versions stay below 2⁶³.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn unsigned(version: i64) -> u64 {
    u64::try_from(version).unwrap_or(0)
}
