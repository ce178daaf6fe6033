use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use keyward_core::store::random_mark;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use tokio::sync::watch;

use crate::listen::Listening;
use crate::primary::Place;
use crate::script;
use crate::store::{Connections, Shared, ValkeyStore};
use crate::task::Task;

/// Connection options.
///
/// # Examples
/// ```no_run
/// use keyward::valkey::ValkeyOptions;
///
/// # async fn run() -> Result<(), keyward::valkey::ConnectError> {
/// let store = ValkeyOptions::default().wait_for_replicas(1).connect("redis://127.0.0.1/").await?;
/// # let _ = store;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call connect() to connect"]
pub struct ValkeyOptions {
    replicas: usize,
    accept_loss: bool,
    timeout: Duration,
}

/// Why connecting failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Invalid connection string.
    #[error("invalid connection string")]
    Url(#[source] RedisError),
    /// No answer, or the server refuses the connection.
    #[error("cannot connect to the server")]
    Unreachable(#[source] RedisError),
    /// The server is a replica.
    #[error("the server is a replica: connect to the primary")]
    Replica,
    /// The server may lose acknowledged writes in a crash.
    #[error("the server's setting {0}, so a crash could undo a revocation: change it, or accept the loss")]
    NotDurable(String),
    /// The server evicts keys.
    #[error("the server evicts keys when its memory is full: set maxmemory-policy to noeviction")]
    Evicts,
}

impl Default for ValkeyOptions {
    /// No wait for replicas, no accepted loss, 2 s for an answer.
    fn default() -> Self {
        Self { replicas: 0, accept_loss: false, timeout: Duration::from_secs(2) }
    }
}

impl ValkeyOptions {
    /// Sets the number of replicas that every write waits for, except permits and rates.
    pub fn wait_for_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Accepts a server that may lose writes in a crash, including revocations.
    pub fn accept_loss(mut self) -> Self {
        self.accept_loss = true;
        self
    }

    /// Sets the timeout for an answer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects to the primary at `url`: see the [forms](crate#connection-strings).
    ///
    /// # Errors
    /// [`ConnectError`] if the server cannot be used.
    pub async fn connect(self, url: &str) -> Result<ValkeyStore, ConnectError> {
        // The application may have installed another provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = Place::parse(url).map_err(ConnectError::Url)?;
        let looking = tokio::time::timeout(self.timeout, place.primary()).await;
        let client = looking.map_err(|_| ConnectError::Unreachable(timed_out()))?.map_err(ConnectError::Unreachable)?;
        let connections = Arc::new(RwLock::new(self.open(&client).await?));
        let (primary, watch) = watch::channel(client);
        let following =
            (!place.is_fixed()).then(|| Task::spawn(follow(self.clone(), place, primary, Arc::clone(&connections))));
        Ok(ValkeyStore(Arc::new(Shared {
            connections,
            replicas: self.replicas,
            listening: Listening::start(watch),
            _following: following,
            #[cfg(feature = "limits")]
            runtime: tokio::runtime::Handle::current(),
        })))
    }

    async fn open(&self, client: &Client) -> Result<Connections, ConnectError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let connect = async || {
            let connected = ConnectionManager::new_with_config(client.clone(), config.clone()).await;
            connected.map_err(ConnectError::Unreachable)
        };
        let mut connection = connect().await?;
        self.check(&mut connection).await?;
        script::BEGIN
            .arg(random_mark().to_string())
            .invoke_async::<()>(&mut connection)
            .await
            .map_err(ConnectError::Unreachable)?;
        Ok(Connections { finds: connect().await?, others: connection })
    }

    async fn check(&self, connection: &mut ConnectionManager) -> Result<(), ConnectError> {
        let replication: String =
            redis::cmd("INFO").arg("replication").query_async(connection).await.map_err(ConnectError::Unreachable)?;
        if !replication.contains("role:master") {
            return Err(ConnectError::Replica);
        }
        let settings: Result<HashMap<String, String>, RedisError> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"].as_slice())
            .query_async(connection)
            .await;
        let Ok(settings) = settings else {
            tracing::warn!("cannot read the server's settings: check yourself that it keeps every acknowledged write");
            return Ok(());
        };
        let is = |name: &str, value: &str| settings.get(name).is_some_and(|set| set == value);
        if !is("maxmemory", "0") && !is("maxmemory-policy", "noeviction") {
            return Err(ConnectError::Evicts);
        }
        for (name, value) in [("appendonly", "yes"), ("appendfsync", "always")] {
            if !is(name, value) {
                let found = settings.get(name).map_or("unknown", String::as_str);
                let problem = format!("{name} is {found} instead of {value}");
                if !self.accept_loss {
                    return Err(ConnectError::NotDurable(problem));
                }
                tracing::error!("the server's setting {problem}, so a crash may undo revocations");
            }
        }
        Ok(())
    }
}

impl ValkeyStore {
    /// See [`ValkeyOptions::connect`]. Uses the default options.
    ///
    /// Call this on a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError`] if the server cannot be used.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        ValkeyOptions::default().connect(url).await
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

async fn follow(
    options: ValkeyOptions,
    place: Place,
    primary: watch::Sender<Client>,
    connections: Arc<RwLock<Connections>>,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Ok(Ok(found)) = tokio::time::timeout(options.timeout, place.primary()).await else { continue };
        let address = |client: &Client| client.get_connection_info().addr().to_string();
        if address(&found) == address(&primary.borrow()) {
            continue;
        }
        match options.open(&found).await {
            Ok(new) => {
                tracing::warn!(address = address(&found), "the primary has moved");
                *connections.write().unwrap_or_else(PoisonError::into_inner) = new;
                primary.send_replace(found);
            }
            Err(error) => {
                tracing::error!(%error, address = address(&found), "cannot use the new primary");
            }
        }
    }
}
