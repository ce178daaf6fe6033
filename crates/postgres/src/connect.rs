use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use keyward_core::store::random_mark;
use refinery_core::{Migration, Runner};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::finds::{Finds, open};
use crate::listen::Listening;
use crate::migrate::{History, migrate};
use crate::row::to_signed;
use crate::store::{PostgresStore, Shared};

/// The lock is "keyw".
const HISTORY: History = History { table: "keyward_migrations", lock: 0x6b65_7977 };

/// The files of the folder `migrations`, each with its name.
const MIGRATIONS: [(&str, &str); 7] = [
    ("V1__tables", include_str!("../migrations/V1__tables.sql")),
    ("V2__append", include_str!("../migrations/V2__append.sql")),
    ("V3__limits", include_str!("../migrations/V3__limits.sql")),
    ("V4__last_used_from", include_str!("../migrations/V4__last_used_from.sql")),
    ("V5__invalidate", include_str!("../migrations/V5__invalidate.sql")),
    ("V6__origin_and_tags", include_str!("../migrations/V6__origin_and_tags.sql")),
    ("V7__limit_rules", include_str!("../migrations/V7__limit_rules.sql")),
];

/// Connection options.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use keyward::postgres::PostgresOptions;
///
/// # async fn run() -> Result<(), keyward::postgres::ConnectError> {
/// let store = PostgresOptions::default()
///     .pool_size(32)
///     .statement_timeout(Duration::from_secs(2))
///     .connect("postgres://keyward@localhost/keyward")
///     .await?;
/// # let _ = store;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call connect() to connect"]
pub struct PostgresOptions {
    pool_size: usize,
    connect_timeout: Duration,
    statement_timeout: Duration,
    migration_wait: Duration,
}

/// Why connecting failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Invalid URL or option.
    #[error("invalid connection string or option")]
    Options(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer, or the server refuses the connection.
    #[error("cannot connect to the database")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is a replica.
    #[error("the server is a replica in recovery: connect to the primary")]
    Replica,
    /// The server may lose commits in a crash.
    #[error("the server's setting {0} is off, so a crash could undo a revocation: turn it on")]
    NotDurable(&'static str),
    /// A pooler shares sessions, as PgBouncer does with `pool_mode = transaction`.
    #[error(
        "a pooler shares its sessions between transactions: connect to PostgreSQL directly, or set `pool_mode = session`"
    )]
    Pooler,
    /// The tables cannot be migrated, or come from a newer version.
    #[error("cannot migrate the tables")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Default for PostgresOptions {
    /// 16 connections, 5 s to connect and for a statement, 30 s for `migration_wait`.
    fn default() -> Self {
        Self {
            pool_size: 16,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            migration_wait: Duration::from_secs(30),
        }
    }
}

impl PostgresOptions {
    /// Sets the most connections of the pool, at least 2. Three more connections listen and look keys up.
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections;
        self
    }

    /// Sets the timeout for a connection, new or of the pool.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout for a statement.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Sets the longest wait for a session that locks the tables.
    pub fn migration_wait(mut self, wait: Duration) -> Self {
        self.migration_wait = wait;
        self
    }

    /// Connects to `url`, and migrates the tables.
    ///
    /// # Errors
    /// [`ConnectError`] if the database cannot be used.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, ConnectError> {
        let mut config = Config::from_str(url).map_err(|error| ConnectError::Options(error.into()))?;
        if self.pool_size < 2 || self.statement_timeout.is_zero() || self.connect_timeout.is_zero() {
            return Err(ConnectError::Options(
                "expected a pool of at least 2 connections, and timeouts above zero".into(),
            ));
        }
        // Reads under a lock must see the newest rows, even if the database's default isolation is stricter.
        let own = format!(
            "-c jit=off -c default_transaction_isolation=read\\ committed -c statement_timeout={}",
            self.statement_timeout.as_millis()
        );
        let options = config.get_options().map_or_else(|| own.clone(), |given| format!("{own} {given}"));
        config.options(options).connect_timeout(self.connect_timeout).application_name("keyward");
        // The client notices a connection that the network cut off.
        config.tcp_user_timeout(self.connect_timeout).keepalives_idle(self.connect_timeout);
        let tls = tls()?;

        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connector = Connector { tls: tls.clone(), runtime: Handle::current() };
        let pool = Pool::builder(Manager::from_connect(config.clone(), connector, manager_config))
            .max_size(self.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(self.connect_timeout))
            .create_timeout(Some(self.connect_timeout))
            .recycle_timeout(Some(self.connect_timeout))
            .build()
            .map_err(|error| ConnectError::Options(error.into()))?;
        prepare(&pool, self.migration_wait).await?;
        let finds = Finds::connect(config.clone(), tls.clone(), self.connect_timeout, self.statement_timeout);
        let finds = finds.await.map_err(ConnectError::Unreachable)?;
        Ok(PostgresStore(Arc::new(Shared {
            pool,
            migration_wait: self.migration_wait,
            finds,
            listening: Listening::start(config, tls),
            #[cfg(feature = "limits")]
            runtime: Handle::current(),
        })))
    }
}

impl PostgresStore {
    /// See [`PostgresOptions::connect`]. Uses the default options.
    ///
    /// Call this on a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError`] if the database cannot be used.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        PostgresOptions::default().connect(url).await
    }
}

/// Connections must outlive the asking thread.
struct Connector {
    tls: MakeRustlsConnect,
    runtime: Handle,
}

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

impl Connect for Connector {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let (config, tls) = (config.clone(), self.tls.clone());
        let connected = self.runtime.spawn(async move { open(&config, tls).await });
        // If the runtime has ended, there is no connection, and the pool reports a timeout.
        Box::pin(async move {
            match connected.await {
                Ok(connected) => connected,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// Names the provider, so the process need not install one.
fn tls() -> Result<MakeRustlsConnect, ConnectError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Options(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

async fn prepare(pool: &Pool, migration_wait: Duration) -> Result<(), ConnectError> {
    let unreachable = |error: tokio_postgres::Error| ConnectError::Unreachable(error.into());
    let connect = async || pool.get().await.map_err(|error| ConnectError::Unreachable(error.into()));
    let client = connect().await?;
    let other = connect().await?;
    if shares_sessions(&client, &other).await.map_err(unreachable)? {
        return Err(ConnectError::Pooler);
    }
    drop(other);
    let row = client
        .query_one(
            "SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit'), \
             current_setting('synchronous_standby_names')",
            &[],
        )
        .await
        .map_err(unreachable)?;
    if row.get(0) {
        return Err(ConnectError::Replica);
    }
    for (column, setting) in [(1, "fsync"), (2, "synchronous_commit")] {
        if row.get::<_, &str>(column) == "off" {
            return Err(ConnectError::NotDurable(setting));
        }
    }
    if row.get::<_, &str>(3).is_empty() {
        tracing::info!("the server has no synchronous replication: a failover may undo revocations");
    }

    let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql));
    let migrations =
        migrations.collect::<Result<Vec<_>, _>>().map_err(|error| ConnectError::Migration(error.into()))?;
    migrate(pool, &Runner::new(&migrations), HISTORY, migration_wait)
        .await
        .map_err(|error| ConnectError::Migration(error.into()))?;
    let is_empty = "SELECT NOT EXISTS (SELECT FROM keyward_log_head)";
    if client.query_one(is_empty, &[]).await.map_err(unreachable)?.get(0) {
        let mark = to_signed(random_mark());
        let first =
            "INSERT INTO keyward_log_head (one, number, mark, origin) VALUES (1, 0, $1, $1) ON CONFLICT DO NOTHING";
        client.execute(first, &[&mark]).await.map_err(|error| ConnectError::Migration(error.into()))?;
    }
    Ok(())
}

async fn shares_sessions(one: &Client, other: &Client) -> Result<bool, tokio_postgres::Error> {
    let mark = random_mark().to_string();
    let shown = async |client: &Client| {
        let row = client.simple_query("SELECT coalesce(current_setting('keyward.session', true), '')").await?;
        Ok::<_, tokio_postgres::Error>(
            row.iter()
                .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(mark.as_str()))),
        )
    };
    one.batch_execute(&format!("SET keyward.session = '{mark}'")).await?;
    // An open transaction keeps its session, so the pooler must give the first connection another one.
    other.batch_execute("BEGIN").await?;
    // A pooler with one session would make the first connection wait for it, so it is asked only if needed.
    let shared = shown(other).await? || !shown(one).await?;
    other.batch_execute("COMMIT").await?;
    Ok(shared)
}
