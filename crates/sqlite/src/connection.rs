//! Connections to the database: many for reading, two for writing.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// Connections for reading that are kept open while nobody uses them.
const IDLE_READERS: usize = 16;
/// More than there are statements, but for the rarer combinations of a list's filters.
const CACHED_STATEMENTS: usize = 32;

/// How long one waits for another process's write lock before looking again.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_micros(500);
/// Times that a writer looks: about five seconds.
const WRITER_LOOKS: i32 = 10_000;
/// Times that a reader looks, which happens only while a log is being recovered after a crash: about 50 milliseconds,
/// as it holds the caller's thread.
const READER_LOOKS: i32 = 100;

/// SQLite's own handler sleeps longer every time, up to 100 ms: too long for somebody who waits for a revocation.
fn look_again(looks: i32, limit: i32) -> bool {
    let again = looks < limit;
    if again {
        std::thread::sleep(BUSY_PAUSE);
    }
    again
}

/// A connection that may write.
pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    // No URIs: a path is a path, whatever characters it has.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(|looks| look_again(looks, WRITER_LOOKS)))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The lock is taken at the beginning: what a transaction has read still holds when it writes.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = writer(path)?;
    connection.busy_handler(Some(|looks| look_again(looks, READER_LOOKS)))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_transaction_behavior(TransactionBehavior::Deferred);
    Ok(connection)
}

/// The connections that write, one at a time.
pub(crate) struct Writers {
    /// Returns from a commit when it is on the disk.
    pub(crate) durable: Connection,
    /// Does not wait for the disk: for uses and leases.
    pub(crate) quick: Connection,
}

impl Writers {
    pub(crate) fn new(durable: Connection, path: &Path) -> rusqlite::Result<Self> {
        let quick = writer(path)?;
        quick.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { durable, quick })
    }
}

/// Idle connections for reading.
#[derive(Default)]
pub(crate) struct Readers(Mutex<Vec<Connection>>);

impl Readers {
    /// Reads with an idle connection, or with a new one if there is none.
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
        // One that has failed is closed: a fault of its own may not stay.
        let value = read(&mut connection)?;
        let mut idle = locked(&self.0);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(value)
    }
}

/// What a panic elsewhere left behind is whole all the same: a transaction that was under way is rolled back.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
