use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

const IDLE_READERS: usize = 16;
/// Too few only for rare list filters.
const CACHED_STATEMENTS: usize = 64;

pub(crate) const BUSY_PAUSE: Duration = Duration::from_micros(500);
/// About five seconds.
const WRITER_ATTEMPTS: i32 = 10_000;
/// About 50 milliseconds, since it blocks the caller's thread.
const READER_ATTEMPTS: i32 = 100;

pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    // No URIs, so every character of a path stands for itself.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(|attempts| try_again(attempts, WRITER_ATTEMPTS)))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite overwrites deleted rows, such as sessions and expired tokens.
    connection.pragma_update(None, "secure_delete", true)?;
    // A transaction locks the file when it begins, so the rows that it reads stay valid until it writes.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    Ok(connection)
}

pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = writer(path)?;
    connection.busy_handler(Some(|attempts| try_again(attempts, READER_ATTEMPTS)))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_transaction_behavior(TransactionBehavior::Deferred);
    Ok(connection)
}

/// Only one of them writes at a time.
pub(crate) struct Writers {
    /// Commits wait for the disk.
    pub(crate) durable: Connection,
    /// Commits do not wait for the disk.
    pub(crate) quick: Connection,
}

impl Writers {
    pub(crate) fn new(durable: Connection, path: &Path) -> rusqlite::Result<Self> {
        let quick = writer(path)?;
        quick.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { durable, quick })
    }
}

#[derive(Default)]
pub(crate) struct Readers(Mutex<Vec<Connection>>);

impl Readers {
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        path: &Path,
        read: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = locked(&self.0).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => reader(path)?,
        };
        // A connection that fails is closed, since the connection itself may be broken.
        let value = read(&mut connection)?;
        let mut idle = locked(&self.0);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(value)
    }
}

/// After a panic elsewhere, SQLite rolls the transaction back.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SQLite's own handler pauses up to 100 ms.
fn try_again(attempts: i32, limit: i32) -> bool {
    let again = attempts < limit;
    if again {
        std::thread::sleep(BUSY_PAUSE);
    }
    again
}
