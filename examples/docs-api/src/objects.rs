use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward::{AccountId, CredentialId};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value};

const PAGE: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Objects {
    connection: Arc<Mutex<Connection>>,
    table: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Resource,
    Job,
    WebhookEndpoint,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Resource => "res",
            Self::Job => "job",
            Self::WebhookEndpoint => "we",
        }
    }
}

impl Objects {
    pub(crate) fn open(file: &Path, table: &'static str) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} \
             (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL) STRICT"
        ))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), table })
    }

    pub(crate) fn add(&self, kind: Kind, account: &AccountId, fields: &Map<String, Value>) -> rusqlite::Result<Value> {
        let id = format!("{}_{}", kind.prefix(), &CredentialId::generate().as_str()[4..]);
        let sql = format!("INSERT INTO {} (id, account, kind, fields) VALUES (?1, ?2, ?3, ?4)", self.table);
        let text = Value::from(fields.clone()).to_string();
        self.with(|connection| connection.execute(&sql, (&id, account.as_str(), kind.prefix(), text)))?;
        Ok(object(id, fields.clone()))
    }

    pub(crate) fn list(&self, kind: Kind, account: &AccountId) -> rusqlite::Result<Vec<Value>> {
        let sql = format!(
            "SELECT id, fields FROM {} WHERE account = ?1 AND kind = ?2 ORDER BY number DESC LIMIT ?3",
            self.table
        );
        self.with(|connection| {
            connection.prepare_cached(&sql)?.query_map((account.as_str(), kind.prefix(), PAGE as i64), read)?.collect()
        })
    }

    pub(crate) fn get(&self, kind: Kind, account: &AccountId, id: &str) -> rusqlite::Result<Option<Value>> {
        let sql = format!("SELECT id, fields FROM {} WHERE account = ?1 AND kind = ?2 AND id = ?3", self.table);
        self.with(|connection| {
            connection.prepare_cached(&sql)?.query_row((account.as_str(), kind.prefix(), id), read).optional()
        })
    }

    pub(crate) fn change(
        &self,
        kind: Kind,
        account: &AccountId,
        id: &str,
        changes: &Map<String, Value>,
    ) -> rusqlite::Result<Option<Value>> {
        let sql = format!(
            "UPDATE {} SET fields = json_patch(fields, ?4) WHERE account = ?1 AND kind = ?2 AND id = ?3 RETURNING id, fields",
            self.table
        );
        let patch = Value::from(changes.clone()).to_string();
        self.with(|connection| {
            connection.prepare_cached(&sql)?.query_row((account.as_str(), kind.prefix(), id, patch), read).optional()
        })
    }

    /// Returns `true` if it existed.
    pub(crate) fn delete(&self, kind: Kind, account: &AccountId, id: &str) -> rusqlite::Result<bool> {
        let sql = format!("DELETE FROM {} WHERE account = ?1 AND kind = ?2 AND id = ?3", self.table);
        self.with(|connection| connection.execute(&sql, (account.as_str(), kind.prefix(), id))).map(|gone| gone == 1)
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Value> {
    let fields: String = row.get(1)?;
    Ok(object(row.get(0)?, serde_json::from_str(&fields).unwrap_or_default()))
}

fn object(id: String, mut fields: Map<String, Value>) -> Value {
    fields.insert("id".to_owned(), id.into());
    fields.into()
}
