use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError};

use crate::open::{self, OpenError};
use crate::row;
use crate::shared::Shared;

/// A revocation waits for one transaction.
const USES_AT_ONCE: usize = 500;

/// Keys and accounts in an SQLite file. Clones share its connections.
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
pub struct SqliteStore(pub(crate) Arc<Shared>);

impl SqliteStore {
    /// Opens the database at `path`. Creates a missing file, and migrates an older one.
    ///
    /// Blocks the thread for some milliseconds, or for seconds if another process is writing.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be used.
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

    /// Creates a store in a temporary file. The last clone removes it.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be created.
    pub fn temporary() -> Result<Self, OpenError> {
        let directory = tempfile::Builder::new().prefix("keyward-").tempdir().map_err(OpenError::File)?;
        let opened = open::open(&directory.path().join("keys.db"))?;
        Ok(Self(Arc::new(Shared::new(opened, Some(directory)))))
    }

    /// Returns the path of the database.
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
        // One statement reads one snapshot, so the key, its account and the log's position match.
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
