//! Storage of management records. A store knows no rules: it writes batches of versioned records all or nothing.

mod management_store;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod requests;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod spans;
#[cfg(feature = "sqlite")]
mod sqlite;
mod usage;

pub use management_store::ManagementStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresManagementStore;
pub use record::{Kind, List, Record, Write, Written};
pub(crate) use requests::{MOST_REQUESTS, REQUEST_RETENTION};
pub use requests::{RequestEntry, RequestPage};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteManagementStore;
pub use usage::{
    Count, CountUnit, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ModeCount, NewCount, NewScopeCount, OTHER_SCOPES, ScopeCount,
};
