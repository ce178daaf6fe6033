use rusqlite::Transaction;

/// The file's owner in its header ("keyw").
pub(crate) const APPLICATION_ID: i32 = 0x6b65_7977;

/// Only ever append: the file's `user_version` counts the applied ones.
const MIGRATIONS: [&str; 11] = [
    include_str!("../migrations/1_keys.sql"),
    include_str!("../migrations/2_last_used_from.sql"),
    include_str!("../migrations/3_management.sql"),
    include_str!("../migrations/4_invalidate.sql"),
    include_str!("../migrations/5_origin_and_tags.sql"),
    include_str!("../migrations/6_limits.sql"),
    include_str!("../migrations/7_usage_by_mode.sql"),
    include_str!("../migrations/8_recent_requests.sql"),
    include_str!("../migrations/9_missing_scopes.sql"),
    include_str!("../migrations/10_usage_by_scope.sql"),
    include_str!("../migrations/11_usage_by_span.sql"),
];

/// The file has migrations that this program does not know.
#[derive(Debug)]
pub(crate) struct TooNew;

pub(crate) fn migrate(transaction: &Transaction<'_>) -> rusqlite::Result<Result<(), TooNew>> {
    let applied: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut latest = 0;
    for (number, migration) in (1_i64..).zip(MIGRATIONS) {
        if number > applied {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        latest = number;
    }
    if applied > latest {
        return Ok(Err(TooNew));
    }
    Ok(Ok(()))
}
