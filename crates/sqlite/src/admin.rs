//! Every write that can change an answer appends to the log in the same transaction.

use async_trait::async_trait;
use keyward_core::store::{
    AdminError, Committed, Invalidation, KeyAdmin, KeyColumn, KeyOrder, KeyPage, KeyQuery, KeyRecord, Revocation,
    StoreError, WriteRefused,
};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ToSql, Transaction, params_from_iter};

use crate::changes::{append, append_key, newest};
use crate::error::Error;
use crate::row::{self, ACCOUNT_COLUMNS, KEY_COLUMNS};
use crate::store::SqliteStore;

#[async_trait]
impl KeyAdmin for SqliteStore {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        let key = key.clone();
        Ok(self
            .0
            .write(move |transaction| {
                insert(transaction, &key)?;
                Ok(Committed { value: (), position: Some(append_key(transaction, &key)?) })
            })
            .await?)
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.0.read(|connection| Ok(get(connection, id)?))?)
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        let query = query.clone();
        let read = move |connection: &mut Connection| {
            let (sql, values) = list_statement(&query);
            let keys: Vec<KeyRecord> = connection
                .prepare_cached(&sql)?
                .query_map(params_from_iter(&values), |found| row::key(found, 0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(query.page(keys))
        };
        Ok(self.0.read_long(read).await?)
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        let query = query.clone();
        let read = move |connection: &mut Connection| {
            let (conditions, values) = conditions(&query);
            let sql = format!("SELECT count(*) FROM keys WHERE {conditions}");
            let count: i64 = connection.prepare_cached(&sql)?.query_row(params_from_iter(&values), |row| row.get(0))?;
            Ok(count.unsigned_abs())
        };
        Ok(self.0.read_long(read).await?)
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        let (id, update) = (id.clone(), update.clone());
        Ok(self.0.write(move |transaction| change(transaction, &id, |key| update.apply_checked(key))).await?)
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        let (id, successor) = (id.clone(), successor.clone());
        Ok(self
            .0
            .write(move |transaction| {
                get(transaction, &id)?.ok_or(WriteRefused::NotFound)?.mark_rotated(version, &successor, end)?;
                insert(transaction, &successor)?;
                append_key(transaction, &successor)?;
                change(transaction, &id, |key| key.mark_rotated(version, &successor, end))
            })
            .await?)
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        let (id, revocation) = (id.clone(), revocation.clone());
        Ok(self
            .0
            .write(move |transaction| {
                let key = get(transaction, &id)?.ok_or(WriteRefused::NotFound)?;
                if key.revoked_at.is_some() {
                    return Ok(Committed { value: key, position: Some(newest(transaction)?) });
                }
                change(transaction, &id, |key| {
                    key.revoke(at, &revocation);
                    Ok(())
                })
            })
            .await?)
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        let account = account.clone();
        Ok(self
            .0
            .write(move |transaction| {
                put(transaction, &account)?;
                let position = append(transaction, &Invalidation::Account(account.id))?;
                Ok(Committed { value: (), position: Some(position) })
            })
            .await?)
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        let account = account.clone();
        Ok(self
            .0
            .write(move |transaction| {
                if read_account(transaction, &account.id)?.is_some() {
                    return Err(WriteRefused::AccountExists.into());
                }
                put(transaction, &account)?;
                let position = append(transaction, &Invalidation::Account(account.id))?;
                Ok(Committed { value: (), position: Some(position) })
            })
            .await?)
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        let (expected, account) = (expected.clone(), account.clone());
        Ok(self
            .0
            .write(move |transaction| {
                match read_account(transaction, &expected.id)? {
                    None => return Err(WriteRefused::NoSuchAccount.into()),
                    Some(known) if known != expected => return Err(WriteRefused::Stale.into()),
                    Some(_) => put(transaction, &account)?,
                }
                let position = append(transaction, &Invalidation::Account(account.id))?;
                Ok(Committed { value: (), position: Some(position) })
            })
            .await?)
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        Ok(self.0.read(|connection| Ok(read_account(connection, id)?))?)
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // No id is empty, so the empty text is before all of them.
        let after = after.map_or("", AccountId::as_str).to_owned();
        let read = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2"
            ))?;
            let found = statement.query_map((after, limit), |found| row::account(found, 0))?;
            Ok(found.collect::<rusqlite::Result<Vec<_>>>()?)
        };
        Ok(self.0.read_long(read).await?)
    }

    async fn count_accounts(&self, plan: &str, most: u64) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(self.0.read(|connection| {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM accounts WHERE plan = ?1 LIMIT ?2)";
            Ok::<_, crate::error::Error>(
                connection.prepare_cached(sql)?.query_row((plan, most), |row| row::number(row, 0))?,
            )
        })?)
    }
}

fn read_account(connection: &Connection, id: &AccountId) -> rusqlite::Result<Option<AccountRecord>> {
    connection
        .prepare_cached(&format!("SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE id = ?1"))?
        .query_row([id.as_str()], |found| row::account(found, 0))
        .optional()
}

fn put(transaction: &Transaction<'_>, account: &AccountRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO accounts (id, name, plan, features, suspended_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO UPDATE SET name = ?2, plan = ?3, features = ?4, suspended_at = ?5",
        )?
        .execute((
            account.id.as_str(),
            &account.name,
            account.plan.as_deref(),
            row::to_json(&account.features)?,
            account.suspended_at.map(Timestamp::as_millis),
        ))?;
    Ok(())
}

fn get(connection: &Connection, id: &CredentialId) -> rusqlite::Result<Option<KeyRecord>> {
    connection
        .prepare_cached(&format!("SELECT {KEY_COLUMNS} FROM keys WHERE id = ?1"))?
        .query_row([id.as_str()], |found| row::key(found, 0))
        .optional()
}

fn insert(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<(), Error> {
    let has_account: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1)")?
        .query_row([key.account.as_str()], |found| found.get(0))?;
    let values = row::key_values(key)?;
    let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    let columns = KEY_COLUMNS.replace("keys.", "");
    let inserted = transaction
        .prepare_cached(&format!("INSERT INTO keys ({columns}) VALUES ({})", places.join(", ")))?
        .execute(params_from_iter(&values));
    match inserted {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(if has_account { WriteRefused::Duplicate } else { WriteRefused::NoSuchAccount }.into())
        }
        done => {
            done?;
            Ok(())
        }
    }
}

fn change(
    transaction: &Transaction<'_>,
    id: &CredentialId,
    change: impl FnOnce(&mut KeyRecord) -> Result<(), WriteRefused>,
) -> Result<Committed<KeyRecord>, Error> {
    let mut key = get(transaction, id)?.ok_or(WriteRefused::NotFound)?;
    change(&mut key)?;
    let values = row::key_values(&key)?;
    let columns = KEY_COLUMNS.replace("keys.", "");
    let assignments: Vec<String> =
        columns.split(", ").enumerate().map(|(place, column)| format!("{column} = ?{}", place + 1)).collect();
    transaction
        .prepare_cached(&format!("UPDATE keys SET {} WHERE id = ?1", assignments.join(", ")))?
        .execute(params_from_iter(&values))?;
    let position = append_key(transaction, &key)?;
    Ok(Committed { value: key, position: Some(position) })
}

/// Follows the rules of `KeyQuery::matches`.
const STATUS: &str = "CASE WHEN compromised_at IS NOT NULL THEN 'compromised' WHEN revoked_at IS NOT NULL THEN 'revoked' \
    WHEN expires_at <= ?1 THEN 'expired' WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'active' END";

fn list_statement(query: &KeyQuery) -> (String, Vec<Box<dyn ToSql>>) {
    let (mut conditions, mut values) = conditions(query);
    if let Some(cursor) = &query.after {
        values.push(Box::new(cursor.created_at.as_millis()));
        values.push(Box::new(cursor.id.to_string()));
        let (time, id) = (values.len() - 1, values.len());
        conditions = format!("{conditions} AND created_at <= ?{time} AND (created_at < ?{time} OR id < ?{id})");
    }
    let mut keys = "keys".to_owned();
    if query.order.column == KeyColumn::Requests {
        let counted = query.requests.iter().map(|(key, times)| (key.to_string(), row::to_signed(*times).into()));
        values.push(Box::new(serde_json::Value::Object(counted.collect()).to_string()));
        // A join with the counts could compare each key with each count, as SQLite guesses how many there are.
        let counts = format!("json_each(?{})", values.len());
        keys = format!(
            "(SELECT keys.*, counted.value AS requests FROM {counts} AS counted CROSS JOIN keys ON keys.id = counted.key \
             UNION ALL SELECT keys.*, 0 FROM keys WHERE id NOT IN (SELECT key FROM {counts})) AS keys"
        );
    }
    values.push(Box::new(row::to_signed(query.bounded_limit() as u64 + 1)));
    values.push(Box::new(row::to_signed(query.skip)));
    let (limit, skip) = (values.len() - 1, values.len());
    let sql = format!(
        "SELECT {KEY_COLUMNS} FROM {keys} WHERE {conditions} ORDER BY {}created_at DESC, id DESC LIMIT ?{limit} OFFSET ?{skip}",
        order(query.order)
    );
    (sql, values)
}

fn order(order: KeyOrder) -> String {
    let (expression, may_lack) = match order.column {
        KeyColumn::Created if order.is_descending => return String::new(),
        KeyColumn::Created => ("created_at", false),
        KeyColumn::Name => ("lower(name)", false),
        KeyColumn::Mode => ("mode", false),
        KeyColumn::Kind => ("kind", false),
        KeyColumn::Scopes => ("scopes", false),
        KeyColumn::Status => (STATUS, false),
        KeyColumn::LastUsed => ("last_used_at", true),
        KeyColumn::Expires => ("expires_at", true),
        KeyColumn::Requests => ("requests", false),
    };
    let direction = if order.is_descending { "DESC" } else { "ASC" };
    let last = if may_lack { format!("{expression} IS NULL, ") } else { String::new() };
    format!("{last}{expression} {direction}, ")
}

/// Parameter 1 is the time.
fn conditions(query: &KeyQuery) -> (String, Vec<Box<dyn ToSql>>) {
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(query.now.as_millis())];
    let mut conditions = vec!["?1 = ?1".to_owned()];
    let mut condition = |sql: &str, value: Box<dyn ToSql>| {
        values.push(value);
        conditions.push(sql.replace("??", &format!("?{}", values.len())));
    };
    if let Some(account) = &query.account {
        condition("account = ??", Box::new(account.to_string()));
    }
    if let Some(user) = &query.user {
        condition("user = ??", Box::new(user.to_string()));
    }
    for tag in query.tags.iter() {
        condition("id IN (SELECT key FROM key_tags WHERE tag = ??)", Box::new(tag.to_owned()));
    }
    for (name, text) in &query.metadata {
        // One parameter holds both, as JSON.
        let wanted = serde_json::json!([name, text]).to_string();
        condition(
            "EXISTS (SELECT 1 FROM json_each(keys.metadata) AS entry, (SELECT ?? AS pair) AS wanted WHERE entry.type = 'text' \
             AND entry.key = wanted.pair ->> 0 AND entry.value = wanted.pair ->> 1)",
            Box::new(wanted),
        );
    }
    if let Some(mode) = query.mode {
        condition("mode = ??", Box::new(mode.to_string()));
    }
    if let Some(kind) = query.kind {
        condition("kind = ??", Box::new(kind.to_string()));
    }
    if let Some(status) = query.status {
        condition(&format!("{STATUS} = ??"), Box::new(status.to_string()));
    }
    if let Some(text) = &query.text {
        condition(
            "EXISTS (SELECT 1 FROM (SELECT lower(??) AS text) AS wanted WHERE instr(lower(name), wanted.text) > 0 \
             OR instr(lower(id), wanted.text) > 0 OR instr(lower(hint), wanted.text) > 0)",
            Box::new(text.clone()),
        );
    }
    if let Some(since) = query.unused_since {
        condition("(last_used_at IS NULL OR last_used_at < ??)", Box::new(since.as_millis()));
    }
    if let Some(before) = query.expires_before {
        condition("expires_at < ??", Box::new(before.as_millis()));
    }
    if let Some(replaced) = query.replaced {
        condition("(rotated_to IS NOT NULL) = ??", Box::new(replaced));
    }
    (conditions.join(" AND "), values)
}
