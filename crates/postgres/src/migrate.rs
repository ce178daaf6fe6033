//! Only simple queries, so a pooler that changes sessions does no harm.

use std::time::Duration;

use deadpool_postgres::Pool;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Runner};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, Transaction};

const RETRY: Duration = Duration::from_millis(50);

/// A set of migrations.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Table of applied migrations.
    pub table: &'static str,
    /// Advisory lock.
    pub lock: i64,
}

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// The database does not answer.
    #[error("the database does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A migration failed, or the tables come from a newer version.
    #[error("a migration of the tables failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A lock was held for longer than [`migration_wait`](crate::PostgresOptions::migration_wait).
    #[error(
        "waited {} s for {blocker}. If this session migrates tables, start again after it ends. \
         Otherwise end it with `SELECT pg_terminate_backend({})`",
        .waited.as_secs_f32(), .blocker.process
    )]
    Locked {
        /// Duration of the wait.
        waited: Duration,
        /// Holder of the lock.
        blocker: Blocker,
    },
}

/// A session that holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// Process id on the server.
    pub process: String,
    /// `application_name`.
    pub application: Option<String>,
    /// Role.
    pub user: Option<String>,
    /// Client address.
    pub address: Option<String>,
    /// State, such as `idle`.
    pub state: Option<String>,
    /// Connection time, in UTC.
    pub connected: Option<String>,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let process = if self.process.is_empty() { "unknown" } else { &self.process };
        write!(f, "the database session with process id {process}")?;
        let known = [
            ("application", &self.application),
            ("user", &self.user),
            ("address", &self.address),
            ("state", &self.state),
            ("connected since", &self.connected),
        ];
        let known: Vec<String> =
            known.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}"))).collect();
        if known.is_empty() { Ok(()) } else { write!(f, " ({})", known.join(", ")) }
    }
}

/// Takes no lock if the tables are current.
pub(crate) async fn migrate(
    pool: &Pool,
    runner: &Runner,
    history: History,
    wait: Duration,
) -> Result<(), MigrationError> {
    let mut pooled = pool.get().await.map_err(|error| MigrationError::Unavailable(error.into()))?;
    let client: &mut Client = &mut pooled;
    let state = State::of(client, runner, history.table).await.map_err(unavailable)?;
    if matches!(state, State::Current) {
        return Ok(());
    }
    let begun = Instant::now();
    let migrated = async {
        let transaction = client.transaction().await.map_err(unavailable)?;
        // A migration of a large table may take long. A wait for a table's lock blocks all later queries, so it is bounded.
        let limits = format!("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}", wait.as_millis().max(1));
        transaction.batch_execute(&limits).await.map_err(unavailable)?;
        if matches!(state, State::Behind) {
            lock(&transaction, history.lock, wait).await?;
        }
        let mut transaction = InTransaction(transaction);
        let mut runner = Runner::new(runner.get_migrations());
        runner.set_migration_table_name(history.table);
        runner.run_async(&mut transaction).await.map_err(|error| MigrationError::Failed(error.into()))?;
        transaction.0.commit().await.map_err(unavailable)
    };
    let migrated = migrated.await;
    match migrated {
        Err(MigrationError::Failed(error)) if is_lock_timeout(&*error) => {
            let table = format!("locktype = 'relation' AND relation::regclass::text LIKE '{}'", "keyward%");
            let blocker = blocker(client, &table).await.map_err(unavailable)?.unwrap_or_default();
            Err(MigrationError::Locked { waited: begun.elapsed(), blocker })
        }
        other => other,
    }
}

fn unavailable(error: tokio_postgres::Error) -> MigrationError {
    MigrationError::Unavailable(error.into())
}

fn is_lock_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|error| {
        let error = error.downcast_ref::<tokio_postgres::Error>();
        error.and_then(tokio_postgres::Error::code) == Some(&SqlState::LOCK_NOT_AVAILABLE)
    })
}

enum State {
    Current,
    Behind,
    /// refinery reports it.
    Other,
}

impl State {
    async fn of(client: &Client, runner: &Runner, history: &str) -> Result<Self, tokio_postgres::Error> {
        let is_there = rows(client.simple_query(&format!("SELECT to_regclass('{history}') IS NOT NULL")).await?);
        if is_there.first().and_then(|row| row.get(0)) != Some("t") {
            return Ok(Self::Behind);
        }
        let applied = rows(client.simple_query(&format!("SELECT version, checksum FROM {history}")).await?);
        let applied: Vec<_> = applied.iter().map(|row| (number(row, 0), number(row, 1))).collect();
        let known: Vec<_> = runner
            .get_migrations()
            .iter()
            .map(|migration| (Some(migration.version()), Some(migration.checksum())))
            .collect();
        Ok(if known.iter().any(|(version, _)| !applied.iter().any(|(applied, _)| applied == version)) {
            Self::Behind
        } else if applied.iter().all(|applied| known.contains(applied)) {
            Self::Current
        } else {
            Self::Other
        })
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let row = |message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None };
    messages.into_iter().filter_map(row).collect()
}

fn number<T: std::str::FromStr>(row: &SimpleQueryRow, column: usize) -> Option<T> {
    row.get(column)?.parse().ok()
}

async fn lock(transaction: &Transaction<'_>, lock: i64, wait: Duration) -> Result<(), MigrationError> {
    let begun = Instant::now();
    let attempt = format!("SELECT pg_try_advisory_xact_lock({lock})");
    let (high, low) = (lock.cast_unsigned() >> 32, lock & i64::from(u32::MAX));
    let held = format!(
        "locktype = 'advisory' AND classid = {high} AND objid = {low} AND objsubid = 1 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let mut last = None;
    loop {
        let answer = rows(transaction.simple_query(&attempt).await.map_err(unavailable)?);
        if answer.first().and_then(|row| row.get(0)) == Some("t") {
            return Ok(());
        }
        let holder = blocker(transaction.client(), &held).await.map_err(unavailable)?;
        if last.is_none()
            && let Some(holder) = &holder
        {
            tracing::warn!(%holder, "waiting for another session that holds the lock for migrations");
        }
        last = holder.or(last);
        let waited = begun.elapsed();
        if waited >= wait {
            return Err(MigrationError::Locked { waited, blocker: last.unwrap_or_default() });
        }
        tokio::time::sleep(RETRY.min(wait)).await;
    }
}

async fn blocker(client: &Client, locks: &str) -> Result<Option<Blocker>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT pid, nullif(application_name, ''), usename, client_addr, state, \
         to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
         FROM pg_locks JOIN pg_stat_activity USING (pid) \
         WHERE granted AND pid <> pg_backend_pid() AND {locks} ORDER BY backend_start LIMIT 1"
    );
    Ok(rows(client.simple_query(&sql).await?).first().map(|row| {
        let value = |column| row.get(column).map(str::to_owned);
        Blocker {
            process: value(0).unwrap_or_default(),
            application: value(1),
            user: value(2),
            address: value(3),
            state: value(4),
            connected: value(5),
        }
    }))
}

/// refinery would commit after each migration.
struct InTransaction<'a>(Transaction<'a>);

impl AsyncTransaction for InTransaction<'_> {
    type Error = tokio_postgres::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Self::Error> {
        let mut count = 0_usize;
        for query in queries {
            self.0.batch_execute(query).await?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for InTransaction<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Self::Error> {
        let applied = rows(self.0.simple_query(query).await?);
        // keyward does not use the time of a migration. refinery refuses a row without valid numbers.
        let migration = |row: &SimpleQueryRow| {
            let (version, checksum) = (number(row, 0).unwrap_or(-1), number(row, 3).unwrap_or(0));
            Migration::applied(version, row.get(1).unwrap_or_default().to_owned(), OffsetDateTime::UNIX_EPOCH, checksum)
        };
        Ok(applied.iter().map(migration).collect())
    }
}

impl AsyncMigrate for InTransaction<'_> {}
