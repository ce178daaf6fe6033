//! The embedded SQLite store of keyward: keys, accounts, the change log and the leases in one file.
//!
//! # Several processes
//! Any number of processes of one machine may open the same file: a key that is revoked with a command-line tool stops
//! working in the server before [`Keys::revoke`](keyward_core::Keys::revoke) returns. Each process looks every two
//! milliseconds whether another one has written. The file has to be on a local disk: SQLite's write-ahead log does not
//! work over a network file system.
//!
//! # Durability
//! Keys, accounts and the change log are written with `synchronous=FULL`: a write that has returned survives a crash of
//! the process, of the system, and a power cut. When keys were used, and leases, are written without waiting for the
//! disk: the former may lose its last seconds in a power cut, the latter are worth nothing after one.
//!
//! To restore a backup, stop every process first and remove the files ending in `-wal` and `-shm` beside the database.
//! Nodes notice that the log is another one and drop their caches; keys that were revoked after the backup was taken are
//! active again, as the backup says.
//!
//! # What is stored
//! No key: only its digest and its hint. On Unix a new file is made for its owner alone (mode 0600), and so are the two
//! files that SQLite keeps beside it. The mode of a file that is there already is left as it is.
//!
//! # Blocking
//! Lookups of single rows run in the calling task: they take some microseconds, a tenth of what handing them to another
//! thread costs. Lists and writes run on tokio's blocking threads, so they need a tokio runtime.
//!
//! # Examples
//! ```
//! use keyward::{AccountRecord, AuthLayer, Keys, NewKey};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("keys.db");
//! let store = SqliteStore::open(path)?;
//! let keys = Keys::new(store.clone());
//! let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
//! keys.put_account(&account).await?;
//! let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
//! let layer = AuthLayer::new(store);
//! # let _ = (issued, layer);
//! # Ok(()) }
//! ```

mod admin;
mod connection;
mod failure;
mod log;
mod open;
mod poll;
mod row;
mod schema;
mod shared;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError};

pub use open::OpenError;

use shared::Shared;

/// How many uses are written in one transaction, so that a revocation never waits behind all of them.
const USES_AT_ONCE: usize = 500;

/// Keys and accounts in an SQLite file. Clones are cheap and share its connections.
///
/// # Examples
/// ```
/// use keyward::{AccountRecord, Keys};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = Keys::new(SqliteStore::temporary()?);
/// keys.put_account(&AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SqliteStore(Arc<Shared>);

impl SqliteStore {
    /// Opens the database at `path`; makes it if it is not there, and brings an older one up to date.
    ///
    /// Blocks while it does: usually for some milliseconds, for some seconds at most if another process is writing.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be read and written, is not a database of keyward, or comes from a newer version.
    ///
    /// # Examples
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("keys.db");
    /// let store = keyward::sqlite::SqliteStore::open(&path)?;
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self(Arc::new(Shared::new(open::open(path.as_ref())?, None))))
    }

    /// A store in a temporary file, which is removed when the last clone is dropped: for tests and examples.
    ///
    /// # Errors
    /// [`OpenError`] if no temporary file can be made.
    pub fn temporary() -> Result<Self, OpenError> {
        let directory = tempfile::Builder::new().prefix("keyward-").tempdir().map_err(OpenError::File)?;
        let opened = open::open(&directory.path().join("keys.db"))?;
        Ok(Self(Arc::new(Shared::new(opened, Some(directory)))))
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        // One statement sees one snapshot: the key, its account and the log's position belong together.
        Ok(self.0.read(|connection| {
            connection.prepare_cached(row::find())?.query_row([digest.as_bytes()], row::found).map_err(Into::into)
        })?)
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        for uses in uses.chunks(USES_AT_ONCE) {
            let uses = uses.to_vec();
            self.0
                .note(move |transaction| {
                    let mut update = transaction.prepare_cached(
                        "UPDATE keys SET last_used_at = ?2, last_used_from = ?3 \
                         WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
                    )?;
                    for used in &uses {
                        let from = used.from.map(|network| network.to_string());
                        update.execute((used.id.as_str(), used.at.as_millis(), from))?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}
