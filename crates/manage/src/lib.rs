//! Managing keys: users, roles, keys, plans, usage and an audit log.

mod store;

pub use store::{Count, DeskStore, Kind, List, PostgresDesk, Record, SqliteDesk, Write, Written};
