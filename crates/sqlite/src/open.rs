use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use keyward_core::store::{Position, random_mark};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::changes::newest;
use crate::connection::{BUSY_PAUSE, Writers, writer};
use crate::schema::{APPLICATION_ID, TooNew, migrate};

/// SQLite 3.51.3. Earlier versions can corrupt a database in WAL mode.
const OLDEST_SQLITE: i32 = 3_051_003;

/// For other processes that create the same database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why opening failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Cannot be opened or created.
    #[error("cannot open or create the database file")]
    File(#[source] io::Error),
    /// The file or its directory is read-only.
    #[error("the database file or its directory is read-only: grant write access")]
    ReadOnly,
    /// Not an SQLite database, or damaged.
    #[error("the file is not an SQLite database, or is damaged: restore a backup or choose another file")]
    NotADatabase,
    /// Another application's file.
    #[error("the file is the database of another application: choose another file")]
    Foreign,
    /// Written by a newer version.
    #[error("a newer version of keyward wrote the database: update this program")]
    Newer,
    /// The linked SQLite can corrupt databases.
    #[error("SQLite {0} has a bug that can corrupt databases: link SQLite 3.51.3 or later")]
    OldSqlite(&'static str),
    /// Another reason: see the source.
    #[error("cannot open the database")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps rusqlite's errors out of [`OpenError`]'s API.
struct Internal(OpenError);

impl From<OpenError> for Internal {
    fn from(error: OpenError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Internal {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => OpenError::ReadOnly,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::NotADatabase,
            _ => OpenError::Database(Box::new(error)),
        })
    }
}

impl From<TooNew> for Internal {
    fn from(TooNew: TooNew) -> Self {
        OpenError::Newer.into()
    }
}

pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) writers: Writers,
    pub(crate) newest: Position,
}

pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    try_open(path).map_err(|Internal(error)| error)
}

fn try_open(path: &Path) -> Result<Opened, Internal> {
    /// See [`create`].
    static OPENING: Mutex<()> = Mutex::new(());
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);

    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(rusqlite::version()).into());
    }
    create(path).map_err(|error| match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => OpenError::ReadOnly,
        _ => OpenError::File(error),
    })?;
    // The store opens connections later, after the working directory may have changed. SQLite also gives names such as
    // ":memory:" a special meaning, which a full path does not have.
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
        return Err(
            OpenError::Database(format!("the journal mode is {mode} and cannot be changed to wal").into()).into()
        );
    }
    prepare(&mut connection)?;
    let newest = newest(&connection)?;
    let writers = Writers::new(connection, &path)?;
    Ok(Opened { path, writers, newest })
}

/// Does not open an existing file: closing it would release SQLite's `fcntl` locks in this process.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// One snapshot, since another process may be creating the tables.
fn check_owner(connection: &mut Connection) -> Result<(), Internal> {
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let is_empty: bool = snapshot.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    let application: i32 = snapshot.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_ours = application == APPLICATION_ID || (application == 0 && is_empty);
    if is_ours { Ok(()) } else { Err(OpenError::Foreign.into()) }
}

/// SQLite does not wait here for other processes.
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

/// Creates the missing tables, and the head of the change log.
fn prepare(connection: &mut Connection) -> Result<(), Internal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    migrate(&transaction)??;
    let mark = i64::try_from(random_mark()).unwrap_or(0);
    transaction.execute(
        "INSERT INTO log_head (one, number, mark, origin) VALUES (1, 0, ?1, ?1) ON CONFLICT DO NOTHING",
        [mark],
    )?;
    transaction.commit()?;
    Ok(())
}
