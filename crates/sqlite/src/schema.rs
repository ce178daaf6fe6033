use rusqlite_migration::{M, Migrations};

/// The file's owner in its header ("keyw").
pub(crate) const APPLICATION_ID: i32 = 0x6b65_7977;

/// Only ever append: the file's `user_version` counts the applied ones.
pub(crate) static MIGRATIONS: Migrations<'static> = Migrations::from_slice(MIGRATION_LIST);

const MIGRATION_LIST: &[M<'static>] = &[
    M::up(include_str!("../migrations/1_keys.sql")),
    M::up(include_str!("../migrations/2_last_used_from.sql")),
    M::up(include_str!("../migrations/3_management.sql")),
];
