use keyward_core::store::{Invalidation, KeyRecord, Position, random_mark};
use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::error::Error;
use crate::row;

/// A node that is further behind drops its whole cache.
const KEPT: u64 = 10_000;
const CUT_EVERY: u64 = 1_000;

pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<Position> {
    connection.prepare_cached("SELECT number, mark FROM log_head")?.query_row([], |found| row::position(found, 0))
}

/// Writers exclude each other, so numbers follow the order of commits without gaps.
pub(crate) fn append(transaction: &Transaction<'_>, what: &Invalidation) -> Result<Position, Error> {
    let position = Position { number: newest(transaction)?.number + 1, mark: random_mark() };
    let (kind, key, digest, account) = match what {
        Invalidation::Key { id, digest } => ("key", Some(id.as_str()), Some(digest.as_bytes().as_slice()), None),
        Invalidation::Account(id) => ("account", None, None, Some(id.as_str())),
        _ => ("everything", None, None, None),
    };
    let (number, mark) = (row::to_signed(position.number), row::to_signed(position.mark));
    transaction
        .prepare_cached(
            "INSERT INTO changes (number, mark, kind, key, digest, account) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((number, mark, kind, key, digest, account))?;
    transaction.prepare_cached("UPDATE log_head SET number = ?1, mark = ?2")?.execute((number, mark))?;
    if position.number.is_multiple_of(CUT_EVERY) {
        let cut = row::to_signed(position.number.saturating_sub(KEPT));
        transaction.prepare_cached("DELETE FROM changes WHERE number <= ?1")?.execute([cut])?;
    }
    Ok(position)
}

pub(crate) fn append_key(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<Position, Error> {
    append(transaction, &Invalidation::Key { id: key.id.clone(), digest: key.digest })
}

/// The entry has that mark, or `position` precedes the first entry.
pub(crate) fn holds(connection: &Connection, position: Position) -> rusqlite::Result<bool> {
    let sql = if position.number == 0 {
        "SELECT origin FROM log_head WHERE ?1 = 0"
    } else {
        "SELECT mark FROM changes WHERE number = ?1"
    };
    let mark = connection
        .prepare_cached(sql)?
        .query_row([row::to_signed(position.number)], |found| row::number(found, 0))
        .optional()?;
    Ok(mark == Some(position.mark))
}
