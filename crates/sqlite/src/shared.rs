use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, Transaction};
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

use crate::connection::{Readers, Writers, locked};
use crate::error::Error;
use crate::open::Opened;
use crate::poll::Poll;

/// Each has a connection and a thread.
const LONG_READS_AT_ONCE: usize = 8;

pub(crate) struct Shared {
    path: PathBuf,
    readers: Readers,
    long_reads: Arc<Semaphore>,
    writers: Arc<Mutex<Writers>>,
    poll: Poll,
    /// Dropped last, after the connections.
    _directory: Option<TempDir>,
}

impl Shared {
    pub(crate) fn new(opened: Opened, directory: Option<TempDir>) -> Self {
        Self {
            poll: Poll::start(opened.path.clone(), opened.newest),
            path: opened.path,
            readers: Readers::default(),
            long_reads: Arc::new(Semaphore::new(LONG_READS_AT_ONCE)),
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

    /// For reads that take microseconds.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.readers.read(&self.path, read)
    }

    /// For reads of many rows, which would hold up the other tasks of the runtime's thread.
    pub(crate) async fn read_long<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // The thread keeps the permit, so reads that nobody waits for any more count, too. The semaphore is never closed.
        let permit = Arc::clone(&self.long_reads).acquire_owned().await.ok();
        let shared = Arc::clone(self);
        let read = move || {
            let _permit = permit;
            shared.read(read)
        };
        tokio::task::spawn_blocking(read).await.map_err(Error::Thread)?
    }

    /// On the disk when this returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let value = self.with_durable(|connection| transact(connection, write)).await?;
        self.poll.notify();
        Ok(value)
    }

    /// A power cut may undo it.
    pub(crate) async fn note<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.with_writers(|writers| transact(&mut writers.quick, write)).await
    }

    pub(crate) async fn with_durable<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.with_writers(|writers| write(&mut writers.durable)).await
    }

    async fn with_writers<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Writers) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let writers = Arc::clone(&self.writers);
        // A write that has begun completes, even if the caller stops waiting.
        tokio::task::spawn_blocking(move || write(&mut locked(&writers))).await.map_err(Error::Thread)?
    }
}

fn transact<T>(
    connection: &mut Connection,
    write: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = connection.transaction()?;
    let value = write(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
