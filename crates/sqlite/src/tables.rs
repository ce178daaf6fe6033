//! Tables of other crates in the file of a [`SqliteStore`], such as those of keyward's management service.
//!
//! They share the store's connections, busy handler, settings, error mapping and list of migrations. A write excludes
//! the store's writes, and is on the disk when it returns.
//!
//! # Stability
//! This module exposes [`rusqlite`], which it exports. A new major version of rusqlite may come in a minor version of
//! keyward.
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

/// Access to tables in the file of a store. Clones share the store's connections.
#[derive(Clone, Debug)]
pub struct Tables(SqliteStore);

impl Tables {
    /// Opens the tables in the file of `store`.
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

    /// Writes in a transaction, which `write` commits. Dropping the transaction rolls it back.
    ///
    /// A write runs on tokio's blocking threads. It completes even if the caller stops waiting.
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
