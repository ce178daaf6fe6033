use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use keyward::{CredentialId, Timestamp};
use rusqlite::Connection;

/// The most items of a list.
pub(crate) const PAGE: i64 = 100;

#[derive(Clone)]
pub(crate) struct Data(Arc<Mutex<Connection>>);

impl Data {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, organization TEXT NOT NULL, email TEXT NOT NULL UNIQUE COLLATE NOCASE,
                first_name TEXT NOT NULL, last_name TEXT NOT NULL, password TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS access_tokens (digest BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL,
                organization TEXT NOT NULL, expires_at INTEGER NOT NULL, ended_at INTEGER) STRICT;
             CREATE TABLE IF NOT EXISTS inboxes (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organization TEXT NOT NULL,
                name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS inbox_messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                inbox TEXT NOT NULL REFERENCES inboxes (id) ON DELETE CASCADE, sender TEXT NOT NULL, recipients TEXT NOT NULL,
                cc TEXT NOT NULL, bcc TEXT NOT NULL, labels TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
                html TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
             CREATE INDEX IF NOT EXISTS messages_of_inboxes ON inbox_messages (inbox, number);
             PRAGMA foreign_keys = ON;",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

pub(crate) fn new_id(kind: &str) -> String {
    format!("{kind}_{}", &CredentialId::generate().as_str()[4..])
}

pub(crate) fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|_| text.len() <= 254 && !text.contains(char::is_whitespace));
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}
