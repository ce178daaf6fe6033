//! What all clones of a store share: its connections, and who is told when the log has grown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, Transaction};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::connection::{Readers, Writers, locked};
use crate::failure::Failure;
use crate::open::Opened;
use crate::poll::Poll;

pub(crate) struct Shared {
    path: PathBuf,
    readers: Readers,
    writers: Arc<Mutex<Writers>>,
    poll: Poll,
    /// Removed when everything above is closed.
    _directory: Option<TempDir>,
}

impl Shared {
    pub(crate) fn new(opened: Opened, directory: Option<TempDir>) -> Self {
        Self {
            poll: Poll::start(opened.path.clone(), opened.newest),
            path: opened.path,
            readers: Readers::default(),
            writers: Arc::new(Mutex::new(opened.writers)),
            _directory: directory,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.poll.watch()
    }

    /// Reads in the caller's thread: for what takes microseconds.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        self.readers.read(&self.path, read)
    }

    /// Writes in a transaction that is on the disk when this returns, and tells who watches the log.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let value = self.transact(|writers| &mut writers.durable, write).await?;
        self.poll.tell();
        Ok(value)
    }

    /// Writes in a transaction that a power cut may undo, and tells nobody.
    pub(crate) async fn note<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.transact(|writers| &mut writers.quick, write).await
    }

    async fn transact<T: Send + 'static>(
        &self,
        connection: fn(&mut Writers) -> &mut Connection,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let writers = Arc::clone(&self.writers);
        // Once it has begun it ends, even if the caller does not wait for it.
        tokio::task::spawn_blocking(move || {
            let mut writers = locked(&writers);
            let transaction = connection(&mut writers).transaction()?;
            let value = write(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
        .map_err(Failure::Thread)?
    }
}
