use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use keyward_core::Timestamp;
use keyward_core::store::StoreError;
use keyward_sqlite::SqliteStore;
use keyward_sqlite::tables::Tables;
use keyward_sqlite::tables::rusqlite::types::Value;
use keyward_sqlite::tables::rusqlite::{self, Connection, ErrorCode, OptionalExtension, params_from_iter};

use super::management_store::ManagementStore;
use super::record::{Kind, List, Record, Write, Written};
use super::requests::{MOST_REQUESTS, RequestEntry, RequestPage, oldest_request};
use super::usage::{Count, CountUnit, ModeCount, NewCount, NewScopeCount, SCOPES_AT_ONCE, ScopeCount, oldest_hour};

mod usage;

/// The places of a statement for many ids.
const MOST_IDS: usize = 100;

const COLUMNS: &str = "id, owner, subject, key, sort, expires_at, version, body";

/// Management records in the SQLite file of a [`SqliteStore`].
///
/// # Examples
/// ```
/// use keyward::manage::SqliteManagementStore;
/// use keyward::sqlite::SqliteStore;
///
/// let keys = SqliteStore::temporary()?;
/// let management = SqliteManagementStore::open(&keys)?;
/// # let _ = management;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteManagementStore {
    tables: Tables,
}

impl SqliteManagementStore {
    /// Opens the records in the file of `keys`.
    ///
    /// # Errors
    /// [`StoreError`] if the file is unreadable or lacks the tables.
    pub fn open(keys: &SqliteStore) -> Result<Self, StoreError> {
        let tables = Tables::of(keys);
        tables.read(|connection| connection.prepare(&format!("SELECT {COLUMNS} FROM desk_records")).map(drop))?;
        Ok(Self { tables })
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn record(kind: Kind, row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        kind,
        id: row.get(0)?,
        owner: row.get(1)?,
        subject: row.get(2)?,
        key: row.get(3)?,
        sort: row.get(4)?,
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
        version: u64::try_from(row.get::<_, i64>(6)?).unwrap_or(0),
        body: row.get(7)?,
    })
}

fn write_one(connection: &Connection, write: &Write) -> rusqlite::Result<bool> {
    let changed = match write {
        Write::Insert(new) => connection
            .prepare_cached(
                "INSERT INTO desk_records (kind, id, owner, subject, key, sort, expires_at, version, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8) ON CONFLICT DO NOTHING",
            )?
            .execute((
                new.kind.as_str(),
                &new.id,
                &new.owner,
                &new.subject,
                &new.key,
                new.sort,
                new.expires_at.map(Timestamp::as_millis),
                &new.body,
            ))?,
        Write::Replace(new) => {
            let replaced = connection
                .prepare_cached(
                    "UPDATE desk_records SET owner = ?3, subject = ?4, key = ?5, sort = ?6, expires_at = ?7, body = ?8, \
                     version = version + 1 WHERE kind = ?1 AND id = ?2 AND version = ?9",
                )?
                .execute((
                    new.kind.as_str(),
                    &new.id,
                    &new.owner,
                    &new.subject,
                    &new.key,
                    new.sort,
                    new.expires_at.map(Timestamp::as_millis),
                    &new.body,
                    signed(new.version),
                ));
            match replaced {
                // Another record has the key.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => 0,
                replaced => replaced?,
            }
        }
        Write::Remove { kind, id, version } => connection
            .prepare_cached("DELETE FROM desk_records WHERE kind = ?1 AND id = ?2 AND version = ?3")?
            .execute((kind.as_str(), id, signed(*version)))?,
        // The transaction holds the write lock, so the version cannot change before the commit.
        Write::Expect { kind, id, version } => connection
            .prepare_cached("SELECT count(*) FROM desk_records WHERE kind = ?1 AND id = ?2 AND version = ?3")?
            .query_row((kind.as_str(), id, signed(*version)), |row| row.get::<_, u32>(0))?
            as usize,
    };
    Ok(changed == 1)
}

impl SqliteManagementStore {
    /// Writes one of many batches, and leaves as much time to other writers.
    async fn write_in_turn<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let written = self.tables.write(move |transaction| {
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        });
        let written = written.await?;
        tokio::time::sleep(began.elapsed()).await;
        Ok(written)
    }
}

#[async_trait]
impl ManagementStore for SqliteManagementStore {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.tables.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1 AND id = ?2"))?
                .query_row((kind.as_str(), id), |row| record(kind, row))
                .optional()
        })
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        self.tables.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1 AND key = ?2"))?
                .query_row((kind.as_str(), key), |row| record(kind, row))
                .optional()
        })
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        let kind = list.kind;
        let mut values: Vec<Value> = vec![kind.as_str().to_owned().into(), signed(list.limit as u64).into()];
        let mut sql = format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1");
        if let Some(owner) = &list.owner {
            values.push(owner.clone().into());
            sql += &format!(" AND owner <> '' AND owner = ?{}", values.len());
        }
        if let Some(subject) = &list.subject {
            values.push(subject.clone().into());
            sql += &format!(" AND subject <> '' AND subject = ?{}", values.len());
        }
        if let Some((sort, id)) = &list.after {
            values.push((*sort).into());
            values.push(id.clone().into());
            let (than, place) = (if list.newest_first { '<' } else { '>' }, values.len());
            sql += &format!(" AND (sort, id) {than} (?{}, ?{place})", place - 1);
        }
        sql += if list.newest_first { " ORDER BY sort DESC, id DESC" } else { " ORDER BY sort, id" };
        sql += " LIMIT ?2";
        let read = move |connection: &Connection| {
            connection.prepare_cached(&sql)?.query_map(params_from_iter(values), |row| record(kind, row))?.collect()
        };
        self.tables.read_long(read).await
    }

    async fn get_many(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>, StoreError> {
        // One read takes less than another thread.
        if let [id] = ids {
            return Ok(self.get(kind, id).await?.into_iter().collect());
        }
        let sql =
            format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ? AND id IN (?{})", ", ?".repeat(MOST_IDS - 1));
        let ids = ids.to_vec();
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut records = Vec::with_capacity(ids.len());
            for ids in ids.chunks(MOST_IDS) {
                // Every statement has as many places, so one is cached. No record's id is null.
                let missing = MOST_IDS - ids.len();
                let ids = ids.iter().cloned().map(Value::from).chain(std::iter::repeat_n(Value::Null, missing));
                let values = std::iter::once(kind.as_str().to_owned().into()).chain(ids);
                let found = statement.query_map(params_from_iter(values), |row| record(kind, row))?;
                records.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(records)
        };
        self.tables.read_long(read).await
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        let writes = writes.to_vec();
        self.tables
            .write(move |transaction| {
                for (index, write) in writes.iter().enumerate() {
                    if !write_one(&transaction, write)? {
                        return Ok(Written::Conflict(index));
                    }
                }
                transaction.commit()?;
                Ok(Written::Done)
            })
            .await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.tables
            .write(move |transaction| {
                let swept =
                    transaction.execute("DELETE FROM desk_records WHERE expires_at < ?1", [before.as_millis()])?;
                let hours = ["desk_hours WHERE hour < ?1", "desk_modes WHERE unit = 'hour' AND start < ?1"];
                for hours in hours {
                    transaction.execute(&format!("DELETE FROM {hours}"), [oldest_hour(before)])?;
                }
                transaction.execute("DELETE FROM desk_requests WHERE at < ?1", [oldest_request(before)])?;
                transaction.commit()?;
                Ok(swept as u64)
            })
            .await
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        let counts = counts.to_vec();
        self.tables
            .write(move |transaction| {
                usage::add(&transaction, &counts)?;
                transaction.commit()
            })
            .await
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        for account in self.tables.read_long(move |connection| usage::accounts_before(connection, day)).await? {
            let account: Arc<str> = account.into();
            loop {
                let account = Arc::clone(&account);
                if self.write_in_turn(move |connection| usage::remove_before(connection, &account, day)).await? {
                    break;
                }
            }
            let mut after = Some(String::new());
            while let Some(key) = after {
                let account = Arc::clone(&account);
                let remove =
                    move |connection: &Connection| usage::remove_without_spans(connection, &account, day, &key);
                after = self.write_in_turn(remove).await?;
            }
            self.write_in_turn(move |connection| usage::remove_sums_before(connection, &account, day)).await?;
        }
        Ok(())
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        let times: i64 = self.tables.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT coalesce(sum(times), 0) FROM desk_hours WHERE key = ?1 AND outcome = ?2 AND hour >= ?3",
                )?
                .query_row((key, outcome, hour), |row| row.get(0))
        })?;
        Ok(u64::try_from(times).unwrap_or(0))
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        // With `?2 IS NULL OR key = ?2` in one statement, SQLite would use the primary key for the account only.
        let sql = match key {
            Some(_) => {
                "SELECT account, key, day, outcome, times FROM desk_counts \
                 WHERE account = ?1 AND key = ?2 AND day BETWEEN ?3 AND ?4 ORDER BY key, day, outcome"
            }
            None => {
                "SELECT account, key, day, outcome, times FROM desk_counts \
                 WHERE account = ?1 AND ?2 IS NULL AND day BETWEEN ?3 AND ?4 ORDER BY key, day, outcome"
            }
        };
        let (account, key) = (account.to_owned(), key.map(str::to_owned));
        let read = move |connection: &Connection| {
            connection.prepare_cached(sql)?.query_map((account, key, from, to), usage::count)?.collect()
        };
        self.tables.read_long(read).await
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        let account = account.to_owned();
        let read = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "SELECT account, '', day, outcome, times FROM desk_totals \
                     WHERE account = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, outcome",
                )?
                .query_map((account, from, to), usage::count)?
                .collect()
        };
        self.tables.read_long(read).await
    }

    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError> {
        let account = account.to_owned();
        let read = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "SELECT start, mode, outcome, times FROM desk_modes \
                     WHERE account = ?1 AND unit = ?2 AND start BETWEEN ?3 AND ?4 ORDER BY start, mode, outcome",
                )?
                .query_map((account, unit.as_str(), from, to), usage::mode_count)?
                .collect()
        };
        self.tables.read_long(read).await
    }

    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        let account = account.to_owned();
        self.tables.read_long(move |connection| usage::key_totals(connection, &account, None, from, to)).await
    }

    async fn totals_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<Count>, StoreError> {
        let (account, keys) = (account.to_owned(), BTreeSet::from_iter(keys.to_vec()));
        self.tables.read_long(move |connection| usage::key_totals(connection, &account, Some(&keys), from, to)).await
    }

    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError> {
        let counts = counts.to_vec();
        self.tables
            .write(move |transaction| {
                usage::add_scopes(&transaction, &counts)?;
                transaction.commit()
            })
            .await
    }

    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        let (account, keys) = (account.to_owned(), BTreeSet::from_iter(keys.to_vec()));
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT account, key, day, scope, outcome, times FROM desk_scopes \
                 WHERE account = ?1 AND key = ?2 AND day BETWEEN ?3 AND ?4 ORDER BY day, scope, outcome",
            )?;
            let mut found = Vec::new();
            for key in &keys {
                let counts = statement.query_map((&account, key, from, to), usage::scope_count)?;
                found.extend(counts.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(found)
        };
        self.tables.read_long(read).await
    }

    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError> {
        loop {
            let account = account.to_owned();
            let removed = self.tables.write(move |transaction| {
                let removed = transaction.execute(
                    "DELETE FROM desk_scopes WHERE (account, key, day, scope, outcome) IN \
                     (SELECT account, key, day, scope, outcome FROM desk_scopes WHERE account = ?1 LIMIT ?2)",
                    (account, SCOPES_AT_ONCE),
                )?;
                transaction.commit()?;
                Ok(removed)
            });
            if removed.await? == 0 {
                return Ok(());
            }
        }
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        let requests = requests.to_vec();
        self.tables
            .write(move |transaction| {
                add_requests(&transaction, &requests)?;
                transaction.commit()
            })
            .await
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        let (at, number) = page.after.unwrap_or((i64::MAX, i64::MAX));
        let (key, since, limit) = (key.to_owned(), page.since, signed(page.limit as u64));
        let read = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "SELECT key, at, number, account, method, route, network, outcome, missing FROM desk_requests \
                     WHERE key = ?1 AND at >= ?2 AND (at, number) < (?3, ?4) ORDER BY at DESC, number DESC LIMIT ?5",
                )?
                .query_map((key, since, at, number, limit), request)?
                .collect()
        };
        self.tables.read_long(read).await
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.tables
            .write(move |transaction| {
                transaction.execute("DELETE FROM desk_requests WHERE account = ?1", [account])?;
                transaction.commit()
            })
            .await
    }
}

fn add_requests(connection: &Connection, requests: &[RequestEntry]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO desk_requests (key, at, number, account, method, route, network, outcome, missing) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 \
         WHERE NOT EXISTS (SELECT 1 FROM desk_records WHERE kind = 'deleted_account' AND id = ?4) ON CONFLICT DO NOTHING",
    )?;
    let mut trim = connection.prepare_cached(
        "DELETE FROM desk_requests WHERE key = ?1 AND (at, number) < \
         (SELECT at, number FROM desk_requests WHERE key = ?1 ORDER BY at DESC, number DESC LIMIT 1 OFFSET ?2)",
    )?;
    let mut keys = BTreeSet::new();
    for new in requests {
        let (method, route, network) = (&new.method, &new.route, &new.network);
        let (outcome, missing) = (&new.outcome, &new.missing);
        add.execute((&new.key, new.at, new.number, &new.account, method, route, network, outcome, missing))?;
        keys.insert(&new.key);
    }
    for key in keys {
        trim.execute((key, signed(MOST_REQUESTS as u64 - 1)))?;
    }
    Ok(())
}

fn request(row: &rusqlite::Row<'_>) -> rusqlite::Result<RequestEntry> {
    Ok(RequestEntry {
        key: row.get(0)?,
        at: row.get(1)?,
        number: row.get(2)?,
        account: row.get(3)?,
        method: row.get(4)?,
        route: row.get(5)?,
        network: row.get(6)?,
        outcome: row.get(7)?,
        missing: row.get(8)?,
    })
}
