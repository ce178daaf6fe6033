use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use keyward_core::key::Digest;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{Change, Found, Invalidation, KeyRecord, Position, Revocation};
use keyward_core::{AccountRecord, Timestamp};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Row, ToSql};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::corrupt;

/// In the order of [`key_values`].
pub(crate) const KEY_COLUMNS: &str = "keys.id, keys.account, keys.name, keys.digest, keys.hashed_with, keys.hint, keys.kind, \
     keys.mode, keys.scopes, keys.endpoints, keys.networks, keys.metadata, keys.created_at, keys.not_before, \
     keys.expires_at, keys.disabled_at, keys.revoked_at, keys.compromised_at, keys.last_used_at, keys.rotated_from, \
     keys.rotated_to, keys.version, keys.last_used_from, keys.user, keys.created_by, keys.revocation_reason, \
     keys.revocation_note, keys.tags";

pub(crate) const ACCOUNT_COLUMNS: &str =
    "accounts.id, accounts.name, accounts.plan, accounts.features, accounts.suspended_at";

const KEY_WIDTH: usize = 28;

pub(crate) fn find() -> &'static str {
    static FIND: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!(
            "SELECT log_head.number, log_head.mark, {KEY_COLUMNS}, {ACCOUNT_COLUMNS} FROM log_head \
             LEFT JOIN keys ON keys.digest = ?1 LEFT JOIN accounts ON accounts.id = keys.account"
        )
    });
    &FIND
}

pub(crate) fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    const KEY: usize = 2;
    let found = match row.get_ref(KEY)? {
        ValueRef::Null => Found::unknown(),
        _ => Found::key(key(row, KEY)?.to_stored(&account(row, KEY + KEY_WIDTH)?)),
    };
    Ok(found.at(position(row, 0)?))
}

pub(crate) fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<KeyRecord> {
    let at = |offset: usize| first + offset;
    Ok(KeyRecord {
        id: parsed(row, at(0))?,
        account: parsed(row, at(1))?,
        name: row.get(at(2))?,
        digest: Digest::from_bytes(row.get(at(3))?),
        hashed_with: row.get::<_, String>(at(4))?.into(),
        hint: parsed(row, at(5))?,
        kind: parsed(row, at(6))?,
        mode: parsed(row, at(7))?,
        scopes: parsed(row, at(8))?,
        endpoints: json(row, at(9))?,
        networks: networks(row, at(10))?,
        metadata: json(row, at(11))?,
        created_at: Timestamp::from_millis(row.get(at(12))?),
        not_before: time(row, at(13))?,
        expires_at: time(row, at(14))?,
        disabled_at: time(row, at(15))?,
        revoked_at: time(row, at(16))?,
        compromised_at: time(row, at(17))?,
        last_used_at: time(row, at(18))?,
        rotated_from: optional(row, at(19))?,
        rotated_to: optional(row, at(20))?,
        version: number(row, at(21))?,
        last_used_from: optional(row, at(22))?,
        user: optional(row, at(23))?,
        created_by: optional(row, at(24))?,
        revocation: match optional(row, at(25))? {
            Some(reason) => Some(Revocation::from_stored(reason, row.get(at(26))?)),
            None => None,
        },
        tags: json(row, at(27))?,
    })
}

pub(crate) fn key_values(key: &KeyRecord) -> rusqlite::Result<[Box<dyn ToSql>; KEY_WIDTH]> {
    let time = |at: Option<Timestamp>| Box::new(at.map(Timestamp::as_millis));
    Ok([
        text(&key.id),
        text(&key.account),
        Box::new(key.name.clone()),
        Box::new(*key.digest.as_bytes()),
        text(&key.hashed_with),
        text(&key.hint),
        text(key.kind),
        text(key.mode),
        text(&key.scopes),
        Box::new(to_json(&key.endpoints)?),
        Box::new(key.networks.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" ")),
        Box::new(to_json(&key.metadata)?),
        Box::new(key.created_at.as_millis()),
        time(key.not_before),
        time(key.expires_at),
        time(key.disabled_at),
        time(key.revoked_at),
        time(key.compromised_at),
        time(key.last_used_at),
        Box::new(key.rotated_from.as_ref().map(ToString::to_string)),
        Box::new(key.rotated_to.as_ref().map(ToString::to_string)),
        Box::new(to_signed(key.version)),
        Box::new(key.last_used_from.map(|network| network.to_string())),
        Box::new(key.user.as_ref().map(ToString::to_string)),
        Box::new(key.created_by.as_ref().map(ToString::to_string)),
        Box::new(key.revocation.as_ref().map(|revocation| revocation.reason().to_string())),
        Box::new(key.revocation.as_ref().and_then(|revocation| revocation.note().map(str::to_owned))),
        Box::new(to_json(&key.tags)?),
    ])
}

pub(crate) fn account(row: &Row<'_>, first: usize) -> rusqlite::Result<AccountRecord> {
    let mut account = AccountRecord::new(parsed(row, first)?, row.get::<_, String>(first + 1)?);
    account.plan = row.get::<_, Option<String>>(first + 2)?.map(Into::into);
    account.features = json(row, first + 3)?;
    account.suspended_at = time(row, first + 4)?;
    Ok(account)
}

pub(crate) fn position(row: &Row<'_>, first: usize) -> rusqlite::Result<Position> {
    Ok(Position { number: number(row, first)?, mark: number(row, first + 1)? })
}

/// Columns: number, mark, kind, key, digest, account.
pub(crate) fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    // A newer version or an application wrote an entry that this version does not understand.
    let what = invalidation(row).unwrap_or(Invalidation::Everything);
    Ok(Change { position: position(row, 0)?, what })
}

fn invalidation(row: &Row<'_>) -> rusqlite::Result<Invalidation> {
    Ok(match row.get::<_, String>(2)?.as_str() {
        "key" => Invalidation::Key { id: parsed(row, 3)?, digest: Digest::from_bytes(row.get(4)?) },
        "account" => Invalidation::Account(parsed(row, 5)?),
        _ => Invalidation::Everything,
    })
}

pub(crate) fn to_json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// All numbers stay below 2⁶³.
pub(crate) fn to_signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|error| corrupt(column, Type::Integer, error))
}

pub(crate) fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| corrupt(column, Type::Text, error))
}

fn optional<T: FromStr<Err: Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { parsed(row, column).map(Some) }
}

fn text(value: impl Display) -> Box<dyn ToSql> {
    Box::new(value.to_string())
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| corrupt(column, Type::Text, error))
}

fn networks(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<IpNet>> {
    let text = row.get_ref(column)?.as_str()?;
    text.split_ascii_whitespace()
        .map(|network| network.parse().map_err(|error| corrupt(column, Type::Text, error)))
        .collect()
}
