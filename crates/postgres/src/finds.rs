//! Looks keys up over two connections that all requests share.
//!
//! A request does not wait until a connection is idle: the client sends finds one after the other, and the server answers
//! in that order.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keyward_core::key::Digest;
use keyward_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::is_corrupt;
use crate::row;

/// Two, because the server answers one connection on one processor.
const LINES: usize = 2;

const PAUSE: Duration = Duration::from_secs(1);

/// The most unanswered finds of a connection. They count even if the request has given up.
const UNANSWERED: usize = 256;

pub(crate) struct Finds {
    lines: [Line; LINES],
    opener: Opener,
    /// Connections must outlive the asking thread.
    runtime: Handle,
    answer_timeout: Duration,
}

/// One connection, and its successor after it was lost.
struct Line {
    permits: Arc<Semaphore>,
    opening: Mutex<Opening>,
}

type Opening = watch::Receiver<Option<Result<Arc<Connection>, Failure>>>;

struct Connection {
    client: Client,
    find: Statement,
    driver: AbortHandle,
    retired: AtomicBool,
}

#[derive(Clone)]
struct Opener {
    config: Config,
    tls: MakeRustlsConnect,
    timeout: Duration,
}

/// All requests that wait for a connection share its failure.
#[derive(Clone, Debug)]
struct Failure {
    kind: StoreErrorKind,
    cause: Arc<dyn StdError + Send + Sync>,
    /// Whether the find may succeed on another connection.
    is_lost: bool,
    at: Instant,
}

/// Drives the connection on the current runtime.
pub(crate) async fn open(
    config: &Config,
    tls: MakeRustlsConnect,
) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
    let (client, connection) = config.connect(tls).await?;
    let driven = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to the database was lost");
        }
    });
    Ok((client, driven))
}

impl Finds {
    pub(crate) async fn connect(
        config: Config,
        tls: MakeRustlsConnect,
        connect_timeout: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let (opener, runtime) = (Opener { config, tls, timeout: connect_timeout }, Handle::current());
        let line = || Line {
            permits: Arc::new(Semaphore::new(UNANSWERED)),
            opening: Mutex::new(opener.clone().start(&runtime)),
        };
        let lines = [line(), line()];
        for line in &lines {
            line.connection().await.map_err(|failure| failure.cause)?;
        }
        // The server ends a statement after its timeout. Without any answer, the network or the server has stopped.
        Ok(Self { lines, opener, runtime, answer_timeout: statement_timeout.saturating_add(connect_timeout) })
    }

    /// The time after which the server, or the network, has stopped.
    #[cfg(feature = "limits")]
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    pub(crate) async fn find(&self, digest: &Digest) -> Result<Row, StoreError> {
        let mut answer = self.ask(digest).await;
        // A find changes nothing, so it can be repeated. Every loss retires a connection, so the later ones are new. They can be
        // lost, too, even before they are ready.
        for _ in 0..2 * LINES {
            match answer {
                Err(failure) if failure.is_lost => answer = self.ask(digest).await,
                _ => break,
            }
        }
        answer.map_err(StoreError::from)
    }

    async fn ask(&self, digest: &Digest) -> Result<Row, Failure> {
        let line = self.freest_line();
        let permit = Arc::clone(&line.permits).acquire_owned().await.map_err(Failure::unavailable)?;
        let connection = line.connection().await?;
        let (digest, answer_timeout) = (*digest, self.answer_timeout);
        // The answer arrives even if the request gives up, and only then the connection has room for another find.
        let asked = self.runtime.spawn(async move {
            let _permit = permit;
            connection.find(&digest, answer_timeout).await
        });
        asked.await.unwrap_or_else(|ended| Err(Failure::unavailable(ended)))
    }

    fn freest_line(&self) -> &Line {
        let [first, second] = &self.lines;
        let (first_is_open, second_is_open) = (first.is_open(), second.is_open());
        first.reopen_if_lost(second_is_open, &self.opener, &self.runtime);
        second.reopen_if_lost(first_is_open, &self.opener, &self.runtime);
        let rank = |line: &Line, is_open| {
            let free = line.permits.available_permits();
            (is_open && free > 0, free)
        };
        if rank(first, first_is_open) >= rank(second, second_is_open) { first } else { second }
    }
}

impl Line {
    fn opening(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        matches!(&*self.opening().borrow(), Some(Ok(connection)) if connection.is_open())
    }

    /// While another line is open, a failure is not repeated at once.
    fn reopen_if_lost(&self, other_is_open: bool, opener: &Opener, runtime: &Handle) {
        let mut opening = self.opening();
        let is_lost = match &*opening.borrow() {
            Some(Ok(connection)) => !connection.is_open(),
            Some(Err(failure)) => !other_is_open || failure.at.elapsed() > PAUSE,
            None => opening.has_changed().is_err(),
        };
        if is_lost {
            *opening = opener.clone().start(runtime);
        }
    }

    async fn connection(&self) -> Result<Arc<Connection>, Failure> {
        let mut opening = self.opening().clone();
        let opened = opening.wait_for(Option::is_some).await.map_err(Failure::unavailable)?;
        match &*opened {
            Some(Ok(connection)) => Ok(Arc::clone(connection)),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(Failure::unavailable("the connection is still being opened")),
        }
    }
}

impl Opener {
    /// Does not end with the request that needs the connection.
    fn start(self, runtime: &Handle) -> Opening {
        let (sender, opening) = watch::channel(None);
        runtime.spawn(async move {
            let opened = self.open().await.map(Arc::new);
            sender.send_replace(Some(opened));
        });
        opening
    }

    async fn open(self) -> Result<Connection, Failure> {
        let connected = timeout(self.timeout, open(&self.config, self.tls)).await.map_err(Failure::unavailable)?;
        let (client, driver) = connected.map_err(|error| {
            // A server that refuses connections is not asked again at once.
            let is_lost = error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN);
            Failure { is_lost, ..Failure::from(error) }
        })?;
        let Ok(prepared) = timeout(self.timeout, client.prepare(row::find())).await else {
            driver.abort();
            return Err(Failure::unavailable("the database does not answer on a new connection"));
        };
        let find = prepared.map_err(Failure::from)?;
        Ok(Connection { client, find, driver: driver.abort_handle(), retired: AtomicBool::new(false) })
    }
}

impl Connection {
    fn is_open(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    async fn find(&self, digest: &Digest, answer_timeout: Duration) -> Result<Row, Failure> {
        let asked = timeout(answer_timeout, self.client.query_one(&self.find, &[&digest.as_bytes().as_slice()])).await;
        let failure = match asked {
            Ok(Ok(row)) => return Ok(row),
            Ok(Err(error)) => Failure::from(error),
            Err(elapsed) => {
                self.driver.abort();
                Failure { is_lost: true, ..Failure::unavailable(elapsed) }
            }
        };
        if failure.is_lost {
            self.retired.store(true, Ordering::Relaxed);
        }
        Err(failure)
    }
}

impl Failure {
    fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, cause: Arc::from(cause.into()), is_lost: false, at: Instant::now() }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let is_lost = match error.code() {
            // The server shuts down (57P..) or no longer has the statement, for example after a migration.
            Some(code) => code.code().starts_with("57P") || ["26000", "0A000"].contains(&code.code()),
            None => error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>()),
        };
        let kind = if is_corrupt(&error) { StoreErrorKind::Corrupt } else { StoreErrorKind::Unavailable };
        Self { kind, cause: Arc::new(error), is_lost, at: Instant::now() }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            StoreErrorKind::Corrupt => Self::corrupt(failure.cause),
            _ => Self::unavailable(failure.cause),
        }
    }
}
