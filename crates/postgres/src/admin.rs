//! Every write that can change an answer is one statement, which appends to the log last.

use std::sync::LazyLock;

use async_trait::async_trait;
use keyward_core::store::{
    AdminError, Committed, KeyAdmin, KeyColumn, KeyOrder, KeyPage, KeyQuery, KeyRecord, Position, Revocation,
    StoreError, WriteRefused, random_mark,
};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Timestamp};
use tokio_postgres::error::SqlState;

use crate::error::Error;
use crate::log::newest;
use crate::row::{self, ACCOUNT_COLUMNS, KEY_COLUMNS, Value, references, to_signed};
use crate::store::PostgresStore;

const ATTEMPTS: usize = 64;

impl PostgresStore {
    /// One statement, so a stopped client holds no lock. Returns `None` if no row changed.
    async fn write(&self, sql: &str, values: &[Value], mark: u64) -> Result<Option<Position>, Error> {
        let client = self.0.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        match client.query_opt(&statement, &references(values)).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Err(WriteRefused::Duplicate.into()),
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                Err(WriteRefused::NoSuchAccount.into())
            }
            written => {
                let number = written?.map(|written| row::number(&written, 0)).transpose()?;
                self.0.listening.notify();
                Ok(number.map(|number| Position { number, mark }))
            }
        }
    }

    async fn create_key(&self, key: &KeyRecord) -> Result<Committed<()>, Error> {
        let (mut values, mark) = (row::key_values(key)?, random_mark());
        values.push(Box::new(to_signed(mark)));
        Ok(Committed { value: (), position: self.write(&INSERT, &values, mark).await? })
    }

    /// Retries if another writer changed the key.
    async fn change_key(
        &self,
        id: &CredentialId,
        successor: Option<&KeyRecord>,
        change: impl Fn(&mut KeyRecord) -> Result<bool, WriteRefused> + Send + Sync,
    ) -> Result<Committed<KeyRecord>, Error> {
        for _ in 0..ATTEMPTS {
            let mut key = self.read_key(id).await?.ok_or(WriteRefused::NotFound)?;
            let version = key.version;
            if !change(&mut key)? {
                let position = newest(&self.0.pool.get().await?).await?;
                return Ok(Committed { value: key, position: Some(position) });
            }
            let (mut values, mark) = (row::key_values(&key)?, random_mark());
            values.push(Box::new(to_signed(version)));
            values.push(Box::new(to_signed(mark)));
            if let Some(successor) = successor {
                values.push(Box::new(to_signed(random_mark())));
                values.append(&mut row::key_values(successor)?);
            }
            let sql = if successor.is_some() { &ROTATE } else { &UPDATE };
            if let Some(position) = self.write(sql, &values, mark).await? {
                return Ok(Committed { value: key, position: Some(position) });
            }
        }
        Err(Error::Conflict)
    }

    async fn write_account(&self, account: &AccountRecord, sql: &str) -> Result<Option<Position>, Error> {
        let mark = random_mark();
        self.write(sql, &account_values(account, mark)?, mark).await
    }

    async fn upsert_account(&self, account: &AccountRecord) -> Result<Committed<()>, Error> {
        const SQL: &str = "WITH written AS (\
             INSERT INTO keyward_accounts (id, name, plan, features, suspended_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO UPDATE SET name = $2, plan = $3, features = $4, suspended_at = $5 RETURNING id) \
             SELECT keyward_append($6, 'account', NULL, NULL, id) FROM written";
        Ok(Committed { value: (), position: self.write_account(account, SQL).await? })
    }

    async fn add_account(&self, account: &AccountRecord) -> Result<Committed<()>, Error> {
        const SQL: &str = "WITH written AS (\
             INSERT INTO keyward_accounts (id, name, plan, features, suspended_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO NOTHING RETURNING id) \
             SELECT keyward_append($6, 'account', NULL, NULL, id) FROM written";
        match self.write_account(account, SQL).await? {
            Some(position) => Ok(Committed { value: (), position: Some(position) }),
            None => Err(WriteRefused::AccountExists.into()),
        }
    }

    async fn change_account(&self, expected: &AccountRecord, account: &AccountRecord) -> Result<Committed<()>, Error> {
        let (stored, features) = self.read_account(&expected.id).await?.ok_or(WriteRefused::NoSuchAccount)?;
        if stored != *expected {
            return Err(WriteRefused::Stale.into());
        }
        let mark = random_mark();
        let mut values = account_values(account, mark)?;
        values.push(Box::new(expected.name.clone()));
        values.push(Box::new(expected.plan.as_ref().map(ToString::to_string)));
        // Other programs may write the same features as another text. The values were compared above, so the statement
        // compares the text that was read.
        values.push(Box::new(features));
        values.push(Box::new(expected.suspended_at.map(Timestamp::as_millis)));
        const SQL: &str = "WITH written AS (\
             UPDATE keyward_accounts SET name = $2, plan = $3, features = $4, suspended_at = $5 \
             WHERE id = $1 AND name = $7 AND plan IS NOT DISTINCT FROM $8 AND features = $9 \
             AND suspended_at IS NOT DISTINCT FROM $10 RETURNING id) \
             SELECT keyward_append($6, 'account', NULL, NULL, id) FROM written";
        match self.write(SQL, &values, mark).await? {
            Some(position) => Ok(Committed { value: (), position: Some(position) }),
            None => Err(WriteRefused::Stale.into()),
        }
    }

    async fn read_account(&self, id: &AccountId) -> Result<Option<(AccountRecord, String)>, Error> {
        let client = self.0.pool.get().await?;
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM keyward_accounts WHERE id = $1");
        let statement = client.prepare_cached(&sql).await?;
        let found = client.query_opt(&statement, &[&id.as_str()]).await?;
        found.map(|found| Ok((row::account(&found, 0)?, found.try_get("features")?))).transpose()
    }

    async fn read_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, Error> {
        let client = self.0.pool.get().await?;
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM keyward_accounts WHERE id > $1 ORDER BY id LIMIT $2");
        let statement = client.prepare_cached(&sql).await?;
        // No id is empty, so the empty text is before all of them.
        let after = after.map_or("", AccountId::as_str);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = client.query(&statement, &[&after, &limit]).await?;
        found.iter().map(|found| row::account(found, 0)).collect()
    }

    async fn read_account_count(&self, plan: &str, most: u64) -> Result<u64, Error> {
        let client = self.0.pool.get().await?;
        let sql = "SELECT count(*) FROM (SELECT 1 FROM keyward_accounts WHERE plan = $1 LIMIT $2) AS found";
        let statement = client.prepare_cached(sql).await?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let count: i64 = client.query_one(&statement, &[&plan, &most]).await?.try_get(0)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn read_page(&self, query: &KeyQuery) -> Result<KeyPage, Error> {
        let client = self.0.pool.get().await?;
        let (sql, values) = list_statement(query);
        let rows = client.query(&sql, &references(&values)).await?;
        Ok(query.page(rows.iter().map(|found| row::key(found, 0)).collect::<Result<_, _>>()?))
    }

    async fn read_count(&self, query: &KeyQuery) -> Result<u64, Error> {
        let client = self.0.pool.get().await?;
        let (conditions, values) = conditions(query);
        let sql = format!("SELECT count(*) FROM keyward_keys WHERE {conditions}");
        let count: i64 = client.query_one(&sql, &references(&values)).await?.get(0);
        Ok(count.unsigned_abs())
    }

    async fn read_key(&self, id: &CredentialId) -> Result<Option<KeyRecord>, Error> {
        let client = self.0.pool.get().await?;
        let sql = format!("SELECT {} FROM keyward_keys WHERE id = $1", KEY_COLUMNS.join(", "));
        let statement = client.prepare_cached(&sql).await?;
        let found = client.query_opt(&statement, &[&id.as_str()]).await?;
        found.map(|found| row::key(&found, 0)).transpose()
    }
}

#[async_trait]
impl KeyAdmin for PostgresStore {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        Ok(self.create_key(key).await?)
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.read_key(id).await?)
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        Ok(self.read_page(query).await?)
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        Ok(self.read_count(query).await?)
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.change_key(id, None, |key| update.apply_checked(key).map(|()| true)).await?)
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.change_key(id, Some(successor), |key| key.mark_rotated(version, successor, end).map(|()| true)).await?)
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.change_key(id, None, |key| Ok(key.revoke(at, revocation))).await?)
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        Ok(self.upsert_account(account).await?)
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        Ok(self.add_account(account).await?)
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        Ok(self.change_account(expected, account).await?)
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        Ok(self.read_account(id).await?.map(|(account, _)| account))
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        Ok(self.read_accounts(after, limit).await?)
    }

    async fn count_accounts(&self, plan: &str, most: u64) -> Result<u64, StoreError> {
        Ok(self.read_account_count(plan, most).await?)
    }
}

/// Parameters 1 to 6.
fn account_values(account: &AccountRecord, mark: u64) -> Result<Vec<Value>, Error> {
    Ok(vec![
        Box::new(account.id.to_string()),
        Box::new(account.name.clone()),
        Box::new(account.plan.as_ref().map(ToString::to_string)),
        Box::new(row::to_json(&account.features)?),
        Box::new(account.suspended_at.map(Timestamp::as_millis)),
        Box::new(to_signed(mark)),
    ])
}

fn places(first: usize) -> String {
    (first..first + KEY_COLUMNS.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Parameters: the key, the entry's mark.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH inserted AS (INSERT INTO keyward_keys ({}) VALUES ({}) RETURNING id, digest) \
         SELECT keyward_append(${}, 'key', id, digest, NULL) FROM inserted",
        KEY_COLUMNS.join(", "),
        places(1),
        KEY_COLUMNS.len() + 1,
    )
});

/// Parameters: the key, the expected version.
static CHANGE: LazyLock<String> = LazyLock::new(|| {
    let assignment = |(index, column): (usize, &&str)| match *column {
        // Other statements record uses at the same time.
        "last_used_at" | "last_used_from" => format!("{column} = coalesce({column}, ${})", index + 1),
        column => format!("{column} = ${}", index + 1),
    };
    format!(
        "updated AS (UPDATE keyward_keys SET {} WHERE id = $1 AND version = ${} RETURNING id, digest)",
        KEY_COLUMNS.iter().enumerate().map(assignment).collect::<Vec<_>>().join(", "),
        KEY_COLUMNS.len() + 1,
    )
});

/// Further parameters: the entry's mark.
static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let mark = KEY_COLUMNS.len() + 2;
    format!("WITH {} SELECT keyward_append(${mark}, 'key', id, digest, NULL) FROM updated", *CHANGE)
});

/// Further parameters: the mark of the key's entry, that of the successor's, the successor.
static ROTATE: LazyLock<String> = LazyLock::new(|| {
    let mark = KEY_COLUMNS.len() + 2;
    format!(
        "WITH {}, inserted AS (INSERT INTO keyward_keys ({}) SELECT {} FROM updated RETURNING id, digest), \
         announced AS MATERIALIZED (SELECT keyward_append(${}, 'key', id, digest, NULL) AS number FROM inserted) \
         SELECT keyward_append(${mark}, 'key', id, digest, NULL) FROM announced, updated WHERE announced.number > 0",
        *CHANGE,
        KEY_COLUMNS.join(", "),
        places(mark + 2),
        mark + 1,
    )
});

/// Follows the rules of `KeyQuery::matches`.
const STATUS: &str = "CASE WHEN compromised_at IS NOT NULL THEN 'compromised' WHEN revoked_at IS NOT NULL THEN 'revoked' \
    WHEN expires_at <= $1 THEN 'expired' WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'active' END";

fn list_statement(query: &KeyQuery) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = conditions(query);
    if let Some(cursor) = &query.after {
        values.push(Box::new(cursor.created_at.as_millis()));
        values.push(Box::new(cursor.id.to_string()));
        let (time, id) = (values.len() - 1, values.len());
        conditions = format!("{conditions} AND created_at <= ${time} AND (created_at < ${time} OR id < ${id})");
    }
    let mut requests = String::new();
    if query.order.column == KeyColumn::Requests {
        let (keys, times): (Vec<String>, Vec<i64>) =
            query.requests.iter().map(|(key, times)| (key.to_string(), to_signed(*times))).unzip();
        values.push(Box::new(keys));
        values.push(Box::new(times));
        let (keys, times) = (values.len() - 1, values.len());
        requests = format!(
            " LEFT JOIN unnest(${keys}::text[], ${times}::bigint[]) AS counts (counted, requests) ON counted = id COLLATE \"C\""
        );
    }
    values.push(Box::new(to_signed(query.bounded_limit() as u64 + 1)));
    values.push(Box::new(to_signed(query.skip)));
    let (limit, skip) = (values.len() - 1, values.len());
    let (columns, order) = (KEY_COLUMNS.join(", "), order(query.order));
    let page = format!(
        "FROM keyward_keys{requests} WHERE {conditions} ORDER BY {order}created_at DESC, id DESC LIMIT ${limit} OFFSET ${skip}"
    );
    let sql = if order.is_empty() {
        format!("SELECT {columns} {page}")
    } else {
        // Without an index, the server sorts all keys: ids take less memory than whole rows.
        format!(
            "SELECT {columns} FROM unnest(ARRAY(SELECT id {page})) WITH ORDINALITY AS page (chosen, place) \
             JOIN keyward_keys ON id = chosen ORDER BY place"
        )
    };
    (sql, values)
}

fn order(order: KeyOrder) -> String {
    let expression = match order.column {
        KeyColumn::Created if order.is_descending => return String::new(),
        KeyColumn::Created => "created_at",
        // In this collation, only ASCII letters have a case, and bytes decide.
        KeyColumn::Name => "lower(name COLLATE \"C\")",
        KeyColumn::Mode => "mode COLLATE \"C\"",
        KeyColumn::Kind => "kind COLLATE \"C\"",
        KeyColumn::Scopes => "scopes COLLATE \"C\"",
        KeyColumn::Status => return format!("({STATUS}) COLLATE \"C\" {}, ", direction(order)),
        KeyColumn::LastUsed => "last_used_at",
        KeyColumn::Expires => "expires_at",
        KeyColumn::Requests => "coalesce(requests, 0)",
    };
    format!("{expression} {} NULLS LAST, ", direction(order))
}

fn direction(order: KeyOrder) -> &'static str {
    if order.is_descending { "DESC" } else { "ASC" }
}

/// Parameter 1 is the time.
fn conditions(query: &KeyQuery) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![Box::new(query.now.as_millis())];
    let mut conditions = vec!["$1::bigint IS NOT NULL".to_owned()];
    let mut condition = |sql: &str, value: Value| {
        values.push(value);
        conditions.push(sql.replace("??", &format!("${}", values.len())));
    };
    if let Some(account) = &query.account {
        condition("account = ??", Box::new(account.to_string()));
    }
    if let Some(user) = &query.user {
        condition("user_id = ??", Box::new(user.to_string()));
    }
    if !query.tags.is_empty() {
        // The index has only keys with tags.
        condition("(tags @> ?? AND tags <> '{}')", Box::new(row::tags(&query.tags)));
    }
    for (name, text) in &query.metadata {
        // One parameter holds both, name first.
        condition(
            "EXISTS (SELECT 1 FROM json_each(metadata::json) AS entry, (SELECT ??::text[] AS pair) AS wanted \
             WHERE json_typeof(entry.value) = 'string' AND entry.key = wanted.pair[1] \
             AND metadata::json ->> entry.key = wanted.pair[2])",
            Box::new(vec![name.clone(), text.clone()]),
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
        // In this collation, only ASCII letters have a case.
        condition(
            "EXISTS (SELECT 1 FROM (SELECT lower(??::text COLLATE \"C\") AS text) AS wanted \
             WHERE position(wanted.text in lower(name COLLATE \"C\")) > 0 \
             OR position(wanted.text in lower(id COLLATE \"C\")) > 0 OR position(wanted.text in lower(hint COLLATE \"C\")) > 0)",
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
