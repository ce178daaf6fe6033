use std::error::Error as StdError;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use keyward_core::key::Digest;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{Change, Found, Invalidation, KeyRecord, Position, Revocation};
use keyward_core::tags::Tags;
use keyward_core::{AccountRecord, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::error::Error;

/// In the order of [`key_values`].
pub(crate) const KEY_COLUMNS: [&str; 28] = [
    "id",
    "account",
    "name",
    "digest",
    "hashed_with",
    "hint",
    "kind",
    "mode",
    "scopes",
    "endpoints",
    "networks",
    "metadata",
    "created_at",
    "not_before",
    "expires_at",
    "disabled_at",
    "revoked_at",
    "compromised_at",
    "last_used_at",
    "rotated_from",
    "rotated_to",
    "version",
    "last_used_from",
    "user_id",
    "created_by",
    "revocation_reason",
    "revocation_note",
    "tags",
];

pub(crate) const ACCOUNT_COLUMNS: &str = "id, name, plan, features, suspended_at";

pub(crate) fn find() -> &'static str {
    static FIND: LazyLock<String> = LazyLock::new(|| {
        let keys = KEY_COLUMNS.map(|column| format!("keys.{column}")).join(", ");
        let accounts: Vec<String> =
            ACCOUNT_COLUMNS.split(", ").map(|column| format!("accounts.{column} AS account_{column}")).collect();
        format!(
            "SELECT head.number, head.mark, {keys}, {} FROM keyward_log_head AS head \
             LEFT JOIN keyward_keys AS keys ON keys.digest = $1 LEFT JOIN keyward_accounts AS accounts ON accounts.id = keys.account",
            accounts.join(", ")
        )
    });
    &FIND
}

pub(crate) fn found(row: &Row) -> Result<Found, Error> {
    const KEY: usize = 2;
    let found = match get::<Option<&str>>(row, KEY)? {
        None => Found::unknown(),
        Some(_) => Found::key(key(row, KEY)?.to_stored(&account(row, KEY + KEY_COLUMNS.len())?)),
    };
    Ok(found.at(position(row, 0)?))
}

pub(crate) fn key(row: &Row, first: usize) -> Result<KeyRecord, Error> {
    let at = |offset: usize| first + offset;
    Ok(KeyRecord {
        id: parsed(row, at(0))?,
        account: parsed(row, at(1))?,
        name: get(row, at(2))?,
        digest: digest(get(row, at(3))?)?,
        hashed_with: get::<&str>(row, at(4))?.into(),
        hint: parsed(row, at(5))?,
        kind: parsed(row, at(6))?,
        mode: parsed(row, at(7))?,
        scopes: parsed(row, at(8))?,
        endpoints: json(row, at(9))?,
        networks: networks(row, at(10))?,
        metadata: json(row, at(11))?,
        created_at: Timestamp::from_millis(get(row, at(12))?),
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
            Some(reason) => Some(Revocation::from_stored(reason, get(row, at(26))?)),
            None => None,
        },
        tags: Tags::new(get::<Vec<String>>(row, at(27))?).map_err(corrupt)?,
    })
}

pub(crate) type Value = Box<dyn ToSql + Sync + Send>;

pub(crate) fn key_values(key: &KeyRecord) -> Result<Vec<Value>, Error> {
    let time = |at: Option<Timestamp>| -> Value { Box::new(at.map(Timestamp::as_millis)) };
    Ok(vec![
        text(&key.id),
        text(&key.account),
        text(&key.name),
        Box::new(key.digest.as_bytes().to_vec()),
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
        Box::new(tags(&key.tags)),
    ])
}

pub(crate) fn tags(tags: &Tags) -> Vec<String> {
    tags.iter().map(str::to_owned).collect()
}

pub(crate) fn references(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

pub(crate) fn account(row: &Row, first: usize) -> Result<AccountRecord, Error> {
    let mut account = AccountRecord::new(parsed(row, first)?, get::<String>(row, first + 1)?);
    account.plan = get::<Option<&str>>(row, first + 2)?.map(Into::into);
    account.features = json(row, first + 3)?;
    account.suspended_at = time(row, first + 4)?;
    Ok(account)
}

pub(crate) fn position(row: &Row, first: usize) -> Result<Position, Error> {
    Ok(Position { number: number(row, first)?, mark: number(row, first + 1)? })
}

/// Columns: number, mark, kind, key, digest, account.
pub(crate) fn change(row: &Row, first: usize) -> Result<Change, Error> {
    // A newer version or an application wrote an entry that this version does not understand.
    let what = invalidation(row, first).unwrap_or(Invalidation::Everything);
    Ok(Change { position: position(row, first)?, what })
}

fn invalidation(row: &Row, first: usize) -> Result<Invalidation, Error> {
    Ok(match get::<&str>(row, first + 2)? {
        "key" => Invalidation::Key { id: parsed(row, first + 3)?, digest: digest(get(row, first + 4)?)? },
        "account" => Invalidation::Account(parsed(row, first + 5)?),
        _ => Invalidation::Everything,
    })
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(corrupt)
}

/// All numbers stay below 2⁶³.
pub(crate) fn to_signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(row: &Row, column: usize) -> Result<u64, Error> {
    u64::try_from(get::<i64>(row, column)?).map_err(corrupt)
}

pub(crate) fn parsed<T: FromStr<Err: StdError + Send + Sync + 'static>>(row: &Row, column: usize) -> Result<T, Error> {
    get::<&str>(row, column)?.parse().map_err(corrupt)
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Error> {
    row.try_get(column).map_err(corrupt)
}

fn corrupt(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::Corrupt(Box::new(error))
}

fn digest(bytes: &[u8]) -> Result<Digest, Error> {
    bytes.try_into().map(Digest::from_bytes).map_err(corrupt)
}

fn optional<T: FromStr<Err: StdError + Send + Sync + 'static>>(row: &Row, column: usize) -> Result<Option<T>, Error> {
    get::<Option<&str>>(row, column)?.map(|text| text.parse().map_err(corrupt)).transpose()
}

fn text(value: impl Display) -> Value {
    Box::new(value.to_string())
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, Error> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_millis))
}

fn json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, Error> {
    serde_json::from_str(get(row, column)?).map_err(corrupt)
}

fn networks(row: &Row, column: usize) -> Result<Vec<IpNet>, Error> {
    get::<&str>(row, column)?.split_ascii_whitespace().map(|network| network.parse().map_err(corrupt)).collect()
}
