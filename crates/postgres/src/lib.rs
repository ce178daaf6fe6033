//! The PostgreSQL store of keyward.
//!
//! `LISTEN`/`NOTIFY` only wakes nodes: if every notification is lost, revocations become slower, not weaker.
//!
//! # Requirements
//! - Reads and writes go to the primary. [`PostgresStore::connect`] refuses a server in recovery.
//! - A commit is durable. `connect` refuses a server with `fsync` or `synchronous_commit` off.
//! - Revocations survive a failover only with synchronous replication. `connect` logs a line if `synchronous_standby_names` is empty.
//!
//! # Poolers
//! Connect directly, or through PgBouncer with `pool_mode = session`. `connect` refuses a pooler that lends its sessions between
//! transactions (`transaction`, `statement`), because it would lose `LISTEN` and prepared statements.
//!
//! # TLS
//! `sslmode` in the URL selects TLS. Certificates are verified against the system's roots.
//!
//! # Features
//! `limits` adds [`PostgresPermits`] and [`PostgresRates`], which all nodes share.
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
mod error;
mod finds;
#[cfg(feature = "limits")]
mod limits;
mod listen;
mod log;
mod migrate;
mod row;
mod store;
pub mod tables;

pub use connect::{ConnectError, PostgresOptions};
#[cfg(feature = "limits")]
pub use limits::{PostgresLimits, PostgresPermits, PostgresRates};
pub use migrate::{Blocker, MigrationError};
pub use store::PostgresStore;
