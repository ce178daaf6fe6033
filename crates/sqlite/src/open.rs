//! Opening a database: making it, checking whose it is, bringing it up to date.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use keyward_core::store::{Position, random_mark};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use rusqlite_migration::{Error as MigrationError, MigrationDefinitionError};

use crate::connection::{BUSY_PAUSE, Writers, writer};
use crate::log::newest;
use crate::schema::{APPLICATION_ID, MIGRATIONS};

/// SQLite 3.51.3. Earlier versions can corrupt a database in WAL mode when a checkpoint meets a writer that starts the
/// log anew.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long to wait for other processes that are making the same database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be found, made or reached.
    #[error("the database file cannot be opened or made")]
    File(#[source] io::Error),
    /// The file, or the directory that it is in, cannot be written.
    #[error("the database, or the directory that it is in, is read-only")]
    ReadOnly,
    /// The file is not an SQLite database, or is damaged.
    #[error("the file is not an SQLite database, or is damaged")]
    NotADatabase,
    /// The file is the database of another application.
    #[error("the file is the database of another application")]
    Foreign,
    /// A newer version of keyward has written it.
    #[error("the database was written by a newer version of keyward: update this program")]
    Newer,
    /// The SQLite that this program was linked with has a fault that can corrupt databases.
    #[error("SQLite {0} has a fault that can corrupt a database: 3.51.3 or later is needed")]
    OldSqlite(&'static str),
    /// The database cannot be used for another reason, which the source says.
    #[error("the database cannot be opened")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An [`OpenError`] on its way out. What it is made from stays inside: rusqlite's errors are no part of what this crate promises.
struct Fault(OpenError);

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => OpenError::ReadOnly,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::NotADatabase,
            _ => OpenError::Database(Box::new(error)),
        })
    }
}

impl From<MigrationError> for Fault {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
                OpenError::Newer.into()
            }
            MigrationError::RusqliteError { err, .. } => err.into(),
            other => OpenError::Database(Box::new(other)).into(),
        }
    }
}

/// A database that is ready.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) writers: Writers,
    pub(crate) newest: Position,
}

pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    try_open(path).map_err(|Fault(error)| error)
}

fn try_open(path: &Path) -> Result<Opened, Fault> {
    /// One at a time in a process: see [`make`].
    static OPENING: Mutex<()> = Mutex::new(());
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);

    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(rusqlite::version()).into());
    }
    make(path).map_err(|error| match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => OpenError::ReadOnly,
        _ => OpenError::File(error),
    })?;
    // Connections are opened later too, when the working directory may be another; and a path such as ":memory:", which
    // SQLite does not take for a path, is one now.
    let path = path.canonicalize().map_err(OpenError::File)?;
    if path.is_dir() {
        return Err(OpenError::File(io::ErrorKind::IsADirectory.into()).into());
    }
    let mut connection = writer(&path)?;
    if connection.is_readonly("main")? {
        return Err(OpenError::ReadOnly.into());
    }
    check_owner(&mut connection)?;
    let mode = use_wal(&connection)?;
    if mode != "wal" {
        return Err(OpenError::Database(format!("the journal mode stays {mode}, but has to be wal").into()).into());
    }
    migrate(&mut connection)?;
    let newest = newest(&connection)?;
    let writers = Writers::new(connection, &path)?;
    Ok(Opened { path, writers, newest })
}

/// Makes the file, for its owner alone, if it is not there. SQLite gives the files beside it the same mode.
///
/// A file that is there is not touched: closing any descriptor of it would release the locks that SQLite holds on it in
/// this process (`fcntl` locks belong to the process, not to the descriptor).
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Refuses to put tables into somebody else's database. In one snapshot, as another process may be making ours.
fn check_owner(connection: &mut Connection) -> Result<(), Fault> {
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let is_empty: bool = snapshot.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    let application: i32 = snapshot.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_ours = application == APPLICATION_ID || (application == 0 && is_empty);
    if is_ours { Ok(()) } else { Err(OpenError::Foreign.into()) }
}

/// Chooses the write-ahead log. It lasts, so only the first time it changes anything; and then SQLite does not wait by itself
/// for other processes that have the file open.
fn use_wal(connection: &Connection) -> rusqlite::Result<String> {
    let begun = Instant::now();
    loop {
        let chosen = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match chosen {
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => std::thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let done = MIGRATIONS.to_latest(connection);
    if matches!(done, Err(MigrationError::RusqliteError { .. })) {
        // Another process may have been quicker, between the look at the version and the lock.
        MIGRATIONS.to_latest(connection)?;
    } else {
        done?;
    }
    let transaction = connection.transaction()?;
    let mark = i64::try_from(random_mark()).unwrap_or(0);
    transaction.execute(
        "INSERT INTO log_head (one, number, mark, origin) VALUES (1, 0, ?1, ?1) ON CONFLICT DO NOTHING",
        [mark],
    )?;
    transaction.commit()?;
    Ok(())
}
