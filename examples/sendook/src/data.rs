use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use keyward::Timestamp;
use rusqlite::Connection;

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
             CREATE TABLE IF NOT EXISTS messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                inbox TEXT NOT NULL REFERENCES inboxes (id) ON DELETE CASCADE, sender TEXT NOT NULL, recipient TEXT NOT NULL,
                subject TEXT NOT NULL, text TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
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
