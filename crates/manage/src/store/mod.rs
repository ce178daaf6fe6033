//! Storage of management records: users, members, sessions, tokens, the audit log, plans and counts.
//!
//! A store knows no rules. It has versioned records, and writes a batch of them all or nothing. The service above it
//! enforces every rule once.

mod management_store;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
mod usage;

pub use management_store::ManagementStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresManagementStore;
pub use record::{Kind, List, Record, Write, Written};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteManagementStore;
pub use usage::{Count, NewCount};
