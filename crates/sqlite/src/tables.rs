//! Tables of other crates in the file of a [`SqliteStore`]. They share its connections, settings and migrations.
//!
//! In an application's own transaction, an insert into `keyward_invalidate (key, digest)` or `keyward_invalidate (account)` makes every
//! node drop its cached answers. Then call `Keys::wait_until_applied`.
//!
//! # Stability
//! This module exposes [`rusqlite`]. A new major version of it may come in a minor version of keyward.
//!
//! # Examples
//! ```
//! use keyward::sqlite::{SqliteStore, tables::Tables};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tables = Tables::of(&SqliteStore::temporary()?);
//! tables
//!     .write(|transaction| {
//!         transaction.execute("INSERT INTO desk_hours VALUES ('key_1', 'accepted', 1, 7)", [])?;
//!         transaction.commit()
//!     })
//!     .await?;
//! let times: i64 = tables.read(|connection| connection.query_row("SELECT times FROM desk_hours", [], |row| row.get(0)))?;
//! assert_eq!(times, 7);
//! # Ok(()) }
//! ```

use keyward_core::store::StoreError;
pub use rusqlite;
use rusqlite::{Connection, Transaction};

use crate::error::Error;
use crate::store::SqliteStore;

/// Access to tables in a store's file. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Tables(SqliteStore);

impl Tables {
    /// Uses the file of `store`.
    #[must_use]
    pub fn of(store: &SqliteStore) -> Self {
        Self(store.clone())
    }

    /// Reads in the calling thread, for reads that take microseconds.
    ///
    /// # Errors
    /// [`StoreError`] if `read` or the file fails.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        Ok(self.0.0.read(|connection| Ok::<_, Error>(read(connection)?))?)
    }

    /// Reads in another thread, for reads of many rows. They would hold up the other tasks of the runtime.
    ///
    /// # Errors
    /// [`StoreError`] if `read` or the file fails.
    pub async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.0.0.read_long(|connection| Ok::<_, Error>(read(connection)?)).await?)
    }

    /// Writes in a transaction, which `write` commits. Dropping the transaction rolls it back.
    ///
    /// Excludes the store's writes, is on the disk when it returns, and completes even if the caller stops waiting.
    ///
    /// # Errors
    /// [`StoreError`] if `write` or the file fails.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.0.0.with_durable(|connection| Ok(write(connection.transaction()?)?)).await?)
    }
}
