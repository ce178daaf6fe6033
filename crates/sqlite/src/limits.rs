use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use keyward_core::CredentialId;
use keyward_core::store::StoreError;
use keyward_limits::{ChangedRules, Counter, CounterState, LimitRules, LimitStore, StoredRules, Subject};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::{Error, corrupt};
use crate::row::{number, to_json, to_signed};
use crate::store::SqliteStore;

/// Limits as data in the file of a store, for all processes that open it.
///
/// Credits are on the disk before a process spends them. A power cut may give the last units of rates back.
///
/// # Examples
/// ```
/// use keyward::limits::Limits;
/// use keyward::sqlite::{SqliteLimits, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::temporary()?;
/// let limits = Limits::start(SqliteLimits::new(&store)).await?;
/// # let _ = limits;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteLimits(SqliteStore);

impl SqliteLimits {
    /// Uses the file of `store`.
    #[must_use]
    pub fn new(store: &SqliteStore) -> Self {
        Self(store.clone())
    }
}

#[async_trait]
impl LimitStore for SqliteLimits {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        Ok(self.0.0.read(|connection| {
            let snapshot = connection.transaction()?;
            let version = newest(&snapshot)?;
            if version == after {
                return Ok::<_, Error>(ChangedRules { version, rules: Vec::new() });
            }
            let rules = snapshot
                .prepare_cached("SELECT kind, id, rules FROM limit_rules WHERE version > ?1 ORDER BY version")?
                .query_map([to_signed(after)], |row| Ok((subject(row)?, rules(row, 2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(ChangedRules { version, rules })
        })?)
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        Ok(self.0.0.read(|connection| {
            let stored = connection
                .prepare_cached("SELECT rules, version FROM limit_rules WHERE kind = ?1 AND id = ?2")?
                .query_row((subject.kind(), subject.id()), |row| {
                    Ok(StoredRules { rules: rules(row, 0)?, version: number(row, 1)? })
                })
                .optional()?;
            Ok::<_, Error>(stored.unwrap_or_default())
        })?)
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let (subject, rules) = (subject.clone(), to_json(rules).map_err(Error::from)?);
        Ok(self
            .0
            .0
            .write(move |transaction| {
                let known: Option<u64> = transaction
                    .prepare_cached("SELECT version FROM limit_rules WHERE kind = ?1 AND id = ?2")?
                    .query_row((subject.kind(), subject.id()), |row| number(row, 0))
                    .optional()?;
                if version.is_some_and(|version| version != known.unwrap_or(0)) {
                    return Ok(None);
                }
                let next = newest(transaction)? + 1;
                transaction
                    .prepare_cached(
                        "INSERT INTO limit_rules (kind, id, rules, version) VALUES (?1, ?2, ?3, ?4) \
                         ON CONFLICT (kind, id) DO UPDATE SET rules = ?3, version = ?4",
                    )?
                    .execute((subject.kind(), subject.id(), rules, to_signed(next)))?;
                Ok(Some(next))
            })
            .await?)
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = move |connection: &mut Connection| {
            let sql = "SELECT kind, id, rules, version FROM limit_rules WHERE version > ?1 ORDER BY version LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_map((to_signed(version), limit), |row| {
                Ok((subject(row)?, StoredRules { rules: rules(row, 2)?, version: number(row, 3)? }))
            })?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        };
        Ok(self.0.0.read_long(read).await?)
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        let subject = Subject::Key(key.clone());
        Ok(self
            .0
            .0
            .write(move |transaction| {
                // The newest version is the largest one of the table, and must not become smaller.
                let forgotten = transaction
                    .prepare_cached(
                        "DELETE FROM limit_rules WHERE kind = ?1 AND id = ?2 AND version = ?3 \
                         AND version < (SELECT max(version) FROM limit_rules)",
                    )?
                    .execute((subject.kind(), subject.id(), to_signed(version)))?;
                if forgotten > 0 {
                    transaction
                        .prepare_cached("DELETE FROM limit_counters WHERE counter = ?1")?
                        .execute([Counter::of_budget(&subject).id()])?;
                }
                Ok::<_, Error>(forgotten > 0)
            })
            .await?)
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        let text = self.0.0.read(|connection| {
            let text = connection
                .prepare_cached("SELECT state FROM limit_counters WHERE counter = ?1")?
                .query_row([counter.id()], |row| row.get(0))
                .optional()?;
            Ok::<_, Error>(text)
        })?;
        Ok(CounterState { text, now: now() })
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let (id, old, new) = (counter.id().to_owned(), old.map(str::to_owned), new.to_owned());
        let ends_at = keep.map(|keep| now().saturating_add(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)));
        let swap = move |transaction: &rusqlite::Transaction<'_>| -> Result<bool, Error> {
            let changed = match old {
                Some(old) => transaction
                    .prepare_cached(
                        "UPDATE limit_counters SET state = ?3, ends_at = ?4 WHERE counter = ?1 AND state = ?2",
                    )?
                    .execute((&id, old, new, ends_at))?,
                None => {
                    // A new counter: also removes some that have ended.
                    transaction
                        .prepare_cached(
                            "DELETE FROM limit_counters WHERE counter IN \
                             (SELECT counter FROM limit_counters WHERE ends_at < ?1 ORDER BY ends_at LIMIT 10)",
                        )?
                        .execute([now()])?;
                    transaction
                        .prepare_cached("INSERT INTO limit_counters VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                        .execute((&id, new, ends_at))?
                }
            };
            Ok(changed > 0)
        };
        let swapped = if counter.is_durable() { self.0.0.write(swap).await } else { self.0.0.note(swap).await };
        Ok(swapped?)
    }
}

fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT coalesce(max(version), 0) FROM limit_rules")?.query_row([], |row| number(row, 0))
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Subject> {
    let (kind, id): (String, String) = (row.get(0)?, row.get(1)?);
    Subject::of(&kind, &id)
        .ok_or_else(|| corrupt(1, rusqlite::types::Type::Text, std::io::Error::other("not a bearer of limits")))
}

fn rules(row: &Row<'_>, column: usize) -> rusqlite::Result<LimitRules> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| corrupt(column, rusqlite::types::Type::Text, error))
}

/// In microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
