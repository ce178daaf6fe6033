use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use keyward_core::store::Position;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::changes::newest;
use crate::connection::reader;

/// A check takes less than a microsecond if nothing has changed.
const INTERVAL: Duration = Duration::from_millis(2);
const PAUSE: Duration = Duration::from_millis(200);

/// If the thread fails, nodes still read the log at intervals.
pub(crate) struct Poll {
    changed: watch::Sender<()>,
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Poll {
    pub(crate) fn start(path: PathBuf, from: Position) -> Self {
        let changed = watch::channel(()).0;
        let (stop, stopped) = mpsc::channel::<()>();
        let sender = changed.clone();
        let thread = std::thread::Builder::new().name("keyward-sqlite".into()).spawn(move || {
            let mut last = LastCheck { connection: None, version: 0, newest: from };
            let mut pause = INTERVAL;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = match last.has_grown(&path) {
                    Ok(true) => {
                        sender.send_replace(());
                        INTERVAL
                    }
                    Ok(false) => INTERVAL,
                    Err(error) => {
                        tracing::warn!(%error, "cannot check for writes by other processes");
                        last.connection = None;
                        PAUSE
                    }
                };
            }
        });
        let thread = thread
            .inspect_err(
                |error| tracing::warn!(%error, "cannot start the thread that checks for writes by other processes"),
            )
            .ok();
        Self { changed, stop: Some(stop), thread }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct LastCheck {
    connection: Option<Connection>,
    version: i64,
    newest: Position,
}

impl LastCheck {
    /// Leases and uses change the file, but not the log.
    fn has_grown(&mut self, path: &Path) -> rusqlite::Result<bool> {
        let connection = match &self.connection {
            Some(connection) => connection,
            None => self.connection.insert(reader(path)?),
        };
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version == self.version {
            return Ok(false);
        }
        let newest = newest(connection)?;
        self.version = version;
        Ok(std::mem::replace(&mut self.newest, newest) != newest)
    }
}
