//! Looking whether another process has written, for who watches the log.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use keyward_core::store::Position;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::connection::reader;
use crate::log::newest;

/// How often it is looked. A look takes under a microsecond while nobody has written.
const INTERVAL: Duration = Duration::from_millis(2);
/// How long after a failed look the next one comes.
const PAUSE: Duration = Duration::from_millis(200);

/// A thread that looks, until this is dropped. Without it, or while it fails, nodes ask by themselves at intervals.
pub(crate) struct Poll {
    moved: watch::Sender<()>,
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Poll {
    pub(crate) fn start(path: PathBuf, from: Position) -> Self {
        let moved = watch::channel(()).0;
        let (stop, stopped) = mpsc::channel::<()>();
        let teller = moved.clone();
        let thread = std::thread::Builder::new().name("keyward-sqlite".into()).spawn(move || {
            let mut seen = Seen { connection: None, version: 0, newest: from };
            let mut pause = INTERVAL;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = match seen.look(&path) {
                    Ok(true) => {
                        teller.send_replace(());
                        INTERVAL
                    }
                    Ok(false) => INTERVAL,
                    Err(error) => {
                        tracing::warn!(%error, "cannot look whether another process has written");
                        seen.connection = None;
                        PAUSE
                    }
                };
            }
        });
        let thread = thread
            .inspect_err(|error| tracing::warn!(%error, "no thread to look whether another process has written"))
            .ok();
        Self { moved, stop: Some(stop), thread }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// This process has written.
    pub(crate) fn tell(&self) {
        self.moved.send_replace(());
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

struct Seen {
    connection: Option<Connection>,
    version: i64,
    newest: Position,
}

impl Seen {
    /// Whether the log has grown since the last look. Leases and uses change the file too, and are told from it.
    fn look(&mut self, path: &Path) -> rusqlite::Result<bool> {
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
