//! The PostgreSQL store of keyward: keys, accounts, the change log and the leases of any number of nodes.
//!
//! # Order, leases, revocation
//! Every write that can invalidate an identity appends one entry to the change log in its own transaction, and holds the lock of the
//! log's head row until it commits: so entries are numbered as they commit, without gaps. A lease is granted under the same
//! lock, shared: a node that has not applied the newest entry gets none. `LISTEN`/`NOTIFY` only wakes nodes up; losing every
//! notification makes revocations slower, not weaker.
//!
//! # What it rests on
//! - Reads and writes go to the primary. [`PostgresStore::connect`] refuses a server in recovery.
//! - A commit is durable when it returns: `connect` refuses a server with `fsync` or `synchronous_commit` off.
//! - Across a failover the promise holds only with synchronous replication: without it, a promoted replica may not know the last
//!   revocations. `connect` says so in the log if `synchronous_standby_names` is empty.
//!
//! # TLS
//! `sslmode` in the URL decides; certificates are verified against the system's roots whenever TLS is used.
//!
//! # Features
//! `limits` adds [`PostgresPermits`] and [`PostgresRates`], with which all nodes share the limits of `keyward-limits`.
//!
//! # Examples
//! ```no_run
//! use keyward::AuthLayer;
//! use keyward::postgres::PostgresStore;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::connect("postgres://keyward@db.example.com/keyward?sslmode=require").await?;
//! let layer = AuthLayer::new(store);
//! # let _ = layer;
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod connect;
mod failure;
#[cfg(feature = "limits")]
mod limits;
mod listen;
mod log;
mod migrate;
mod row;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::Pool;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError};

pub use connect::{ConnectError, PostgresOptions};
#[cfg(feature = "limits")]
pub use limits::{PostgresPermits, PostgresRates};
#[doc(hidden)]
pub use migrate::Tables;
pub use migrate::{Blocker, MigrationError};

use crate::failure::Failure;
use crate::listen::Listening;

/// Keys and accounts in a PostgreSQL database. Clones are cheap and share its connections.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

struct Shared {
    pool: Pool,
    /// How long bringing tables up to date waits for others.
    migration_wait: std::time::Duration,
    listening: Listening,
    /// What drives the connections.
    #[cfg(feature = "limits")]
    runtime: tokio::runtime::Handle,
}

impl PostgresStore {
    /// Connects to the database at `url`, with the default options, and brings its tables up to date.
    ///
    /// Has to be called on a tokio runtime, which drives the connections.
    ///
    /// # Errors
    /// [`ConnectError`] if the server cannot be reached, may forget what it has committed, or is no primary.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        PostgresOptions::default().connect(url).await
    }

    /// Brings the tables of keyward's other crates up to date, as [`connect`](Self::connect) does with its own.
    ///
    /// # Errors
    /// [`MigrationError`].
    #[doc(hidden)]
    pub async fn migrate(&self, runner: &refinery::Runner, tables: Tables) -> Result<(), MigrationError> {
        migrate::migrate(&self.0.pool, runner, tables, self.0.migration_wait).await
    }

    /// The connections, for tables of an application's own beside keyward's.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("pool", &self.0.pool.status()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let find = async {
            let client = self.0.pool.get().await?;
            // One statement sees one snapshot: the key, its account and the log's position belong together.
            let statement = client.prepare_cached(row::find()).await?;
            row::found(&client.query_one(&statement, &[&digest.as_bytes().as_slice()]).await?)
        };
        find.await.map_err(Failure::into)
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let record = async {
            let client = self.0.pool.get().await?;
            let statement = client
                .prepare_cached(
                    "UPDATE keyward_keys SET last_used_at = used.at, last_used_from = used.network \
                     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS used (id, at, network) \
                     WHERE keyward_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)",
                )
                .await?;
            let ids: Vec<&str> = uses.iter().map(|used| used.id.as_str()).collect();
            let times: Vec<i64> = uses.iter().map(|used| used.at.as_millis()).collect();
            let networks: Vec<Option<String>> =
                uses.iter().map(|used| used.from.map(|network| network.to_string())).collect();
            client.execute(&statement, &[&ids, &times, &networks]).await?;
            Ok::<_, Failure>(())
        };
        record.await.map_err(Failure::into)
    }
}
