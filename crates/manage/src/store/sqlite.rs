//! The management service's records in the SQLite file of the keys, over connections of their own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyward_core::Timestamp;
use keyward_core::store::StoreError;
use keyward_sqlite::SqliteStore;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, ToSql, TransactionBehavior, params_from_iter,
};

use super::{Count, Kind, List, ManagementStore, NewCount, Record, Write, Written, oldest_hour};

/// Only ever added to. The file's `user_version` is that of the keys' tables, so these have a count of their own.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE desk_records (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        owner TEXT NOT NULL,
        subject TEXT NOT NULL,
        key TEXT,
        sort INTEGER NOT NULL,
        expires_at INTEGER,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id),
        UNIQUE (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX desk_records_in_order ON desk_records (kind, sort, id);
    CREATE INDEX desk_records_of_owner ON desk_records (kind, owner, sort, id) WHERE owner <> '';
    CREATE INDEX desk_records_about ON desk_records (kind, subject, sort, id) WHERE subject <> '';
    CREATE INDEX desk_records_expire ON desk_records (expires_at) WHERE expires_at IS NOT NULL;

    CREATE TABLE desk_counts (
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        day INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (account, key, day, outcome)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE desk_totals (
        account TEXT NOT NULL,
        day INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (account, day, outcome)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO desk_totals SELECT account, day, outcome, sum(times) FROM desk_counts GROUP BY account, day, outcome;

    CREATE TABLE desk_hours (
        key TEXT NOT NULL,
        outcome TEXT NOT NULL,
        hour INTEGER NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (key, outcome, hour)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX desk_hours_in_order ON desk_hours (hour);
",
    // Links of older versions name neither their account nor their maker, and members who never signed in have accepted nothing.
    "
    DELETE FROM desk_records WHERE kind IN ('invitation', 'password_reset');
    DELETE FROM desk_records WHERE kind = 'member' AND subject IN (SELECT id FROM desk_records WHERE kind = 'user'
        AND json_extract(body, '$.password') IS NULL AND json_extract(body, '$.last_sign_in_at') IS NULL);
    DELETE FROM desk_records WHERE kind = 'user'
        AND json_extract(body, '$.password') IS NULL AND json_extract(body, '$.last_sign_in_at') IS NULL;
",
];

const COLUMNS: &str = "id, owner, subject, key, sort, expires_at, version, body";

/// How long one waits for another's write lock before looking again, and how often: about five seconds.
const BUSY_PAUSE: Duration = Duration::from_micros(500);
const BUSY_LOOKS: i32 = 10_000;

/// The management service's records in the SQLite file of a [`SqliteStore`].
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
#[derive(Clone)]
pub struct SqliteManagementStore(Arc<Shared>);

struct Shared {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Keeps the file while this is in use, if it is a temporary one.
    _keys: SqliteStore,
}

impl SqliteManagementStore {
    /// Opens the records beside these keys; makes their tables if they are not there. Blocks while it does.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written, or a newer version of keyward made the tables.
    pub fn open(keys: &SqliteStore) -> Result<Self, StoreError> {
        let path = keys.path().to_owned();
        let mut writer = connect(&path).map_err(failure)?;
        migrate(&mut writer)?;
        let readers = Mutex::default();
        Ok(Self(Arc::new(Shared { path, writer: Mutex::new(writer), readers, _keys: keys.clone() })))
    }

    /// Reads in the caller's thread: it takes microseconds.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = locked(&self.0.readers).pop();
        let connection = idle.map_or_else(|| connect(&self.0.path), Ok).map_err(failure)?;
        // One that has failed is closed: a fault of its own may not stay.
        let value = read(&connection).map_err(failure)?;
        let mut idle = locked(&self.0.readers);
        if idle.len() < 8 {
            idle.push(connection);
        }
        Ok(value)
    }

    async fn transact<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let shared = Arc::clone(&self.0);
        // Once it has begun it ends, even if the caller does not wait for it.
        tokio::task::spawn_blocking(move || {
            let mut writer = locked(&shared.writer);
            let transaction = writer.transaction()?;
            let value = write(&transaction)?;
            if value.is_some() {
                transaction.commit()?;
            }
            Ok(value)
        })
        .await
        .map_err(StoreError::unavailable)?
        .map_err(failure)
    }
}

impl fmt::Debug for SqliteManagementStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteManagementStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(|looks| {
        std::thread::sleep(BUSY_PAUSE);
        looks < BUSY_LOOKS
    }))?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is removed, a session or an expired token, is gone from the file too.
    connection.pragma_update(None, "secure_delete", true)?;
    // The lock is taken at the beginning: what a transaction has read still holds when it writes.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(failure)?;
    let made = || -> rusqlite::Result<u32> {
        transaction.execute_batch("CREATE TABLE IF NOT EXISTS desk_migrations (number INTEGER NOT NULL) STRICT")?;
        transaction.query_row("SELECT count(*) FROM desk_migrations", [], |row| row.get(0))
    };
    let made = made().map_err(failure)? as usize;
    if made > MIGRATIONS.len() {
        return Err(StoreError::corrupt("the management's tables were made by a newer version of keyward"));
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(made) {
        let step = || {
            transaction.execute_batch(sql)?;
            transaction.execute("INSERT INTO desk_migrations VALUES (?1)", [number as u32])
        };
        step().map_err(failure)?;
    }
    transaction.commit().map_err(failure)
}

fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch | ErrorCode::Unknown) => {
            StoreError::corrupt(error)
        }
        _ => StoreError::unavailable(error),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn record(kind: Kind, row: &Row<'_>) -> rusqlite::Result<Record> {
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

/// Gives whether the write fits what is there.
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
                // Somebody else has the key.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => 0,
                replaced => replaced?,
            }
        }
        Write::Remove { kind, id, version } => connection
            .prepare_cached("DELETE FROM desk_records WHERE kind = ?1 AND id = ?2 AND version = ?3")?
            .execute((kind.as_str(), id, signed(*version)))?,
        // Nothing changes in between: the transaction holds the write lock from its beginning.
        Write::Expect { kind, id, version } => connection
            .prepare_cached("SELECT count(*) FROM desk_records WHERE kind = ?1 AND id = ?2 AND version = ?3")?
            .query_row((kind.as_str(), id, signed(*version)), |row| row.get::<_, u32>(0))?
            as usize,
    };
    Ok(changed == 1)
}

#[async_trait]
impl ManagementStore for SqliteManagementStore {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1 AND id = ?2"))?
                .query_row((kind.as_str(), id), |row| record(kind, row))
                .optional()
        })
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1 AND key = ?2"))?
                .query_row((kind.as_str(), key), |row| record(kind, row))
                .optional()
        })
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let kind = list.kind.as_str();
        let limit = signed(list.limit as u64);
        values.push(&kind);
        values.push(&limit);
        let mut sql = format!("SELECT {COLUMNS} FROM desk_records WHERE kind = ?1");
        if let Some(owner) = &list.owner {
            values.push(owner);
            sql += &format!(" AND owner <> '' AND owner = ?{}", values.len());
        }
        if let Some(subject) = &list.subject {
            values.push(subject);
            sql += &format!(" AND subject <> '' AND subject = ?{}", values.len());
        }
        if let Some((sort, id)) = &list.after {
            values.push(sort);
            values.push(id);
            let (than, place) = (if list.newest_first { '<' } else { '>' }, values.len());
            sql += &format!(" AND (sort, id) {than} (?{}, ?{place})", place - 1);
        }
        sql += if list.newest_first { " ORDER BY sort DESC, id DESC" } else { " ORDER BY sort, id" };
        sql += " LIMIT ?2";
        self.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map(params_from_iter(&values), |row| record(list.kind, row))?
                .collect()
        })
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        let writes = writes.to_vec();
        let (told, hear) = std::sync::mpsc::channel();
        let written = self
            .transact(move |transaction| {
                for (place, write) in writes.iter().enumerate() {
                    if !write_one(transaction, write)? {
                        let _ = told.send(place);
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            })
            .await?;
        Ok(match written {
            Some(()) => Written::Done,
            None => Written::Conflict(hear.try_recv().unwrap_or(0)),
        })
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let swept = self
            .transact(move |transaction| {
                let swept =
                    transaction.execute("DELETE FROM desk_records WHERE expires_at < ?1", [before.as_millis()])?;
                transaction.execute("DELETE FROM desk_hours WHERE hour < ?1", [oldest_hour(before)])?;
                Ok(Some(swept as u64))
            })
            .await?;
        Ok(swept.unwrap_or(0))
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        let counts = counts.to_vec();
        self.transact(move |transaction| {
            let mut add = transaction.prepare_cached(
                "INSERT INTO desk_counts (account, key, day, outcome, times) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET times = times + excluded.times",
            )?;
            let mut add_total = transaction.prepare_cached(
                "INSERT INTO desk_totals (account, day, outcome, times) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET times = times + excluded.times",
            )?;
            let mut add_hour = transaction.prepare_cached(
                "INSERT INTO desk_hours (key, outcome, hour, times) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET times = times + excluded.times",
            )?;
            for count in &counts {
                let (day, times) = (count.day(), signed(count.times));
                add.execute((&count.account, &count.key, day, &count.outcome, times))?;
                add_total.execute((&count.account, day, &count.outcome, times))?;
                add_hour.execute((&count.key, &count.outcome, count.hour, times))?;
            }
            Ok(Some(()))
        })
        .await?;
        Ok(())
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        let times: i64 = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT coalesce(sum(times), 0) FROM desk_hours WHERE key = ?1 AND outcome = ?2 AND hour >= ?3",
                )?
                .query_row((key, outcome, hour), |row| row.get(0))
        })?;
        Ok(u64::try_from(times).unwrap_or(0))
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        // Two statements: with `?2 IS NULL OR key = ?2` the primary key would lead to the account alone.
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
        self.read(|connection| connection.prepare_cached(sql)?.query_map((account, key, from, to), count)?.collect())
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT account, '', day, outcome, times FROM desk_totals \
                     WHERE account = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, outcome",
                )?
                .query_map((account, from, to), count)?
                .collect()
        })
    }
}

fn count(row: &rusqlite::Row<'_>) -> rusqlite::Result<Count> {
    Ok(Count {
        account: row.get(0)?,
        key: row.get(1)?,
        day: row.get(2)?,
        outcome: row.get(3)?,
        times: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
    })
}
