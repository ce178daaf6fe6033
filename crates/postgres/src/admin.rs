//! Managing keys: every write that can change an answer appends to the log in the same transaction.

use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use keyward::{
    AccountId, AccountRecord, AdminError, Committed, CredentialId, Cursor, Denial, KeyAdmin, KeyPage, KeyQuery,
    KeyRecord, KeyUpdate, StoreError, Timestamp, What,
};
use tokio_postgres::error::SqlState;

use crate::PostgresStore;
use crate::failure::Failure;
use crate::log::{append, append_key, newest};
use crate::row::{self, ACCOUNT_COLUMNS, KEY_COLUMNS, Value, references, to_signed};

/// The statements of this file commit before they return: a transaction that is dropped on the way is rolled back.
impl PostgresStore {
    async fn commit<T>(&self, transaction: Transaction<'_>, committed: Committed<T>) -> Result<Committed<T>, Failure> {
        transaction.commit().await?;
        self.0.listening.tell();
        Ok(committed)
    }

    async fn create_key(&self, key: &KeyRecord) -> Result<Committed<()>, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        insert(&transaction, key).await?;
        let position = append_key(&transaction, key).await?;
        self.commit(transaction, Committed { value: (), position: Some(position) }).await
    }

    async fn update_key(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        let mut key = lock(&transaction, id).await?;
        update.apply_checked(&mut key)?;
        let committed = replace(&transaction, key).await?;
        self.commit(transaction, committed).await
    }

    async fn rotate_key(
        &self,
        id: &CredentialId,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        let mut key = lock(&transaction, id).await?;
        key.succeed(successor, end)?;
        insert(&transaction, successor).await?;
        append_key(&transaction, successor).await?;
        let committed = replace(&transaction, key).await?;
        self.commit(transaction, committed).await
    }

    async fn revoke_key(&self, id: &CredentialId, at: Timestamp) -> Result<Committed<KeyRecord>, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        let mut key = lock(&transaction, id).await?;
        if !key.revoke(at) {
            return Ok(Committed { value: key, position: Some(newest(&transaction).await?) });
        }
        let committed = replace(&transaction, key).await?;
        self.commit(transaction, committed).await
    }

    async fn write_account(&self, account: &AccountRecord) -> Result<Committed<()>, Failure> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        let statement = transaction
            .prepare_cached(
                "INSERT INTO keyward_accounts (id, name, plan, features, suspended_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET name = $2, plan = $3, features = $4, suspended_at = $5",
            )
            .await?;
        let (plan, features) = (account.plan.as_deref(), row::to_json(&account.features)?);
        let suspended_at = account.suspended_at.map(Timestamp::as_millis);
        transaction
            .execute(&statement, &[&account.id.as_str(), &account.name, &plan, &features, &suspended_at])
            .await?;
        let position = append(&transaction, &What::Account(account.id.clone())).await?;
        self.commit(transaction, Committed { value: (), position: Some(position) }).await
    }

    async fn read_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, Failure> {
        let client = self.0.pool.get().await?;
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM keyward_accounts WHERE id = $1");
        let statement = client.prepare_cached(&sql).await?;
        let found = client.query_opt(&statement, &[&id.as_str()]).await?;
        found.map(|found| row::account(&found, 0)).transpose()
    }

    async fn read_page(&self, query: &KeyQuery) -> Result<KeyPage, Failure> {
        let client = self.0.pool.get().await?;
        let (sql, values) = list_statement(query);
        let rows = client.query(&sql, &references(&values)).await?;
        let mut keys: Vec<KeyRecord> = rows.iter().map(|found| row::key(found, 0)).collect::<Result<_, _>>()?;
        let more = keys.len() > query.bounded_limit();
        keys.truncate(query.bounded_limit());
        let next = if more { keys.last().map(Cursor::behind) } else { None };
        Ok(KeyPage { keys, next })
    }

    async fn read_key(&self, id: &CredentialId) -> Result<Option<KeyRecord>, Failure> {
        get(&self.0.pool.get().await?, id, "").await
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

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.update_key(id, update).await?)
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.rotate_key(id, successor, end).await?)
    }

    async fn revoke(&self, id: &CredentialId, at: Timestamp) -> Result<Committed<KeyRecord>, AdminError> {
        Ok(self.revoke_key(id, at).await?)
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        Ok(self.write_account(account).await?)
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        Ok(self.read_account(id).await?)
    }
}

async fn get(client: &impl GenericClient, id: &CredentialId, lock: &str) -> Result<Option<KeyRecord>, Failure> {
    let sql = format!("SELECT {} FROM keyward_keys WHERE id = $1 {lock}", KEY_COLUMNS.join(", "));
    let statement = client.prepare_cached(&sql).await?;
    let found = client.query_opt(&statement, &[&id.as_str()]).await?;
    found.map(|found| row::key(&found, 0)).transpose()
}

/// The key, which nobody else changes until this transaction has ended.
async fn lock(transaction: &Transaction<'_>, id: &CredentialId) -> Result<KeyRecord, Failure> {
    Ok(get(transaction, id, "FOR UPDATE").await?.ok_or(Denial::NotFound)?)
}

async fn insert(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<(), Failure> {
    let places: Vec<String> = (1..=KEY_COLUMNS.len()).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO keyward_keys ({}) VALUES ({})", KEY_COLUMNS.join(", "), places.join(", "));
    let statement = transaction.prepare_cached(&sql).await?;
    match transaction.execute(&statement, &references(&row::key_values(key)?)).await {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Err(Denial::Duplicate.into()),
        Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => Err(Denial::NoSuchAccount.into()),
        done => {
            done?;
            Ok(())
        }
    }
}

/// Writes a key that was changed, and logs it.
async fn replace(transaction: &Transaction<'_>, key: KeyRecord) -> Result<Committed<KeyRecord>, Failure> {
    let assignments: Vec<String> =
        KEY_COLUMNS.iter().enumerate().map(|(place, column)| format!("{column} = ${}", place + 1)).collect();
    let statement = transaction
        .prepare_cached(&format!("UPDATE keyward_keys SET {} WHERE id = $1", assignments.join(", ")))
        .await?;
    transaction.execute(&statement, &references(&row::key_values(&key)?)).await?;
    let position = append_key(transaction, &key).await?;
    Ok(Committed { value: key, position: Some(position) })
}

/// The statement that lists what a query asks for, and its values. It says what `KeyQuery::matches` says.
fn list_statement(query: &KeyQuery) -> (String, Vec<Value>) {
    let mut values: Vec<Value> =
        vec![Box::new(query.now.as_millis()), Box::new(to_signed(query.bounded_limit() as u64 + 1))];
    let mut conditions = vec!["$1::bigint IS NOT NULL".to_owned()];
    let mut condition = |sql: &str, value: Value| {
        values.push(value);
        conditions.push(sql.replace("??", &format!("${}", values.len())));
    };
    if let Some(account) = &query.account {
        condition("account = ??", Box::new(account.to_string()));
    }
    if let Some(mode) = query.mode {
        condition("mode = ??", Box::new(mode.to_string()));
    }
    if let Some(kind) = query.kind {
        condition("kind = ??", Box::new(kind.to_string()));
    }
    if let Some(status) = query.status {
        condition(
            "CASE WHEN compromised_at IS NOT NULL THEN 'compromised' WHEN revoked_at IS NOT NULL THEN 'revoked' \
             WHEN expires_at <= $1 THEN 'expired' WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'active' END = ??",
            Box::new(status.to_string()),
        );
    }
    if let Some(text) = &query.text {
        // In this collation only ASCII letters have a case.
        condition("position(lower(??::text COLLATE \"C\") in lower(name COLLATE \"C\")) > 0", Box::new(text.clone()));
    }
    if let Some(since) = query.unused_since {
        condition("(last_used_at IS NULL OR last_used_at < ??)", Box::new(since.as_millis()));
    }
    if let Some(cursor) = &query.after {
        condition("created_at <= ??", Box::new(cursor.created_at.as_millis()));
        let place = values.len();
        values.push(Box::new(cursor.id.to_string()));
        conditions.push(format!("(created_at < ${place} OR id < ${})", place + 1));
    }
    let sql = format!(
        "SELECT {} FROM keyward_keys WHERE {} ORDER BY created_at DESC, id DESC LIMIT $2",
        KEY_COLUMNS.join(", "),
        conditions.join(" AND ")
    );
    (sql, values)
}
