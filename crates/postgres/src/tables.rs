//! Tables of other crates in the database of a [`PostgresStore`]. They share its connections and rules for migrations.
//!
//! In an application's own transaction, `SELECT keyward_invalidate_key(id, digest)` and `SELECT keyward_invalidate_account(id)` make
//! every node drop its cached answers. Then call `Keys::wait_until_applied`.
//!
//! # Stability
//! This module exposes `refinery_core`, whose types `refinery` re-exports, and `tokio_postgres`. A new major version of them may come
//! in a minor version of keyward.

use keyward_core::store::StoreError;
use refinery_core::Runner;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

pub use crate::error::QueryError;
pub use crate::migrate::History;
use crate::migrate::{MigrationError, migrate};
use crate::store::PostgresStore;

/// Access to tables in a store's database. Clones share its connections.
///
/// # Examples
/// ```no_run
/// use keyward::postgres::PostgresStore;
/// use keyward::postgres::tables::{History, Tables};
/// # fn migrations() -> refinery_core::Runner { unimplemented!() }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://keyward@localhost/keyward").await?;
/// let history = History { table: "example_migrations", lock: 7 };
/// let tables = Tables::open(&store, &migrations(), history).await?;
/// let rows = tables.query("SELECT name FROM example_names WHERE id = $1", &[&1_i64]).await?;
/// # let _ = rows;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Tables(PostgresStore);

impl Tables {
    /// Migrates and opens the tables.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer, or the tables are locked or cannot be migrated.
    pub async fn open(store: &PostgresStore, migrations: &Runner, history: History) -> Result<Self, StoreError> {
        let migrated = migrate(&store.0.pool, migrations, history, store.0.migration_wait).await;
        migrated.map_err(|error| match error {
            MigrationError::Failed(_) => StoreError::corrupt(error),
            other => StoreError::unavailable(other),
        })?;
        Ok(Self(store.clone()))
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// [`QueryError`] if the statement fails.
    pub async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueryError> {
        let client = self.0.0.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, values).await?)
    }

    /// Runs a statement that the database plans for these values, and returns its rows. Other statements are planned once.
    ///
    /// It is quicker where a good plan depends on the values, such as on an account with most of the rows.
    ///
    /// # Errors
    /// [`QueryError`] if the statement fails.
    pub async fn query_planned(
        &self,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, QueryError> {
        Ok(self.0.0.pool.get().await?.query_typed(sql, values).await?)
    }

    /// Runs a statement and returns the number of rows that it changed.
    ///
    /// # Errors
    /// [`QueryError`] if the statement fails.
    pub async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, QueryError> {
        let client = self.0.0.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.execute(&statement, values).await?)
    }
}
