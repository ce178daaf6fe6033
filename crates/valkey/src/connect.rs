//! Connecting, and what the server has to promise.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use keyward_core::store::random_mark;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::listen::Listening;
use crate::primary::Place;
use crate::{Shared, ValkeyStore, script};

/// How to connect.
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
#[must_use = "nothing is connected before connect()"]
pub struct ValkeyOptions {
    replicas: usize,
    accept_loss: bool,
    timeout: Duration,
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be.
    #[error("the connection string cannot be")]
    Url(#[source] RedisError),
    /// The server cannot be reached, or refuses.
    #[error("the server cannot be reached")]
    Unreachable(#[source] RedisError),
    /// The server is a replica: leases and revocations are written on the primary.
    #[error("the server is a replica: connect to the primary")]
    Replica,
    /// The server may forget what it has acknowledged, so a revocation could be undone by a crash.
    #[error("the server's setting {0}: a crash could undo a revocation")]
    NotDurable(String),
    /// The server removes keys when its memory is full.
    #[error("the server evicts keys when its memory is full: maxmemory-policy has to be noeviction")]
    Evicts,
}

impl Default for ValkeyOptions {
    /// No replicas are waited for, no loss is accepted, 2 s for an answer.
    fn default() -> Self {
        Self { replicas: 0, accept_loss: false, timeout: Duration::from_secs(2) }
    }
}

impl ValkeyOptions {
    /// How many replicas have to have every write before it counts as done. Permits and rates wait for none.
    pub fn wait_for_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Accepts a server that may forget acknowledged writes in a crash: revocations too.
    pub fn accept_loss(mut self) -> Self {
        self.accept_loss = true;
        self
    }

    /// How long an answer may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects to the primary at `url`: a server, or one that sentinels or a cluster know. The crate's documentation has the forms.
    ///
    /// # Errors
    /// [`ConnectError`] if the server cannot be reached, may forget what it has acknowledged, or is no primary.
    pub async fn connect(self, url: &str) -> Result<ValkeyStore, ConnectError> {
        // An application may have chosen another provider of cryptography already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = Place::parse(url).map_err(ConnectError::Url)?;
        let looking = tokio::time::timeout(self.timeout, place.primary()).await;
        let client = looking.map_err(|_| ConnectError::Unreachable(timed_out()))?.map_err(ConnectError::Unreachable)?;
        let connection = Arc::new(RwLock::new(self.open(&client).await?));
        let (primary, watch) = watch::channel(client);
        let following =
            (!place.is_fixed()).then(|| Following::start(self.clone(), place, primary, Arc::clone(&connection)));
        Ok(ValkeyStore(Arc::new(Shared {
            connection,
            replicas: self.replicas,
            listening: Listening::start(watch),
            _following: following,
            #[cfg(feature = "limits")]
            runtime: tokio::runtime::Handle::current(),
        })))
    }

    /// Connects to this server, if it promises what it has to.
    async fn open(&self, client: &Client) -> Result<ConnectionManager, ConnectError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let mut connection =
            ConnectionManager::new_with_config(client.clone(), config).await.map_err(ConnectError::Unreachable)?;
        self.check(&mut connection).await?;
        script::BEGIN
            .arg(random_mark().to_string())
            .invoke_async::<()>(&mut connection)
            .await
            .map_err(ConnectError::Unreachable)?;
        Ok(connection)
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
            tracing::warn!("the server does not show its settings: whether it may forget a revocation is not known");
            return Ok(());
        };
        let is = |name: &str, value: &str| settings.get(name).is_some_and(|set| set == value);
        if !is("maxmemory", "0") && !is("maxmemory-policy", "noeviction") {
            return Err(ConnectError::Evicts);
        }
        for (name, value) in [("appendonly", "yes"), ("appendfsync", "always")] {
            if !is(name, value) {
                let found = settings.get(name).map_or("unknown", String::as_str);
                let said = format!("{name} is {found}, and not {value}");
                if !self.accept_loss {
                    return Err(ConnectError::NotDurable(said));
                }
                tracing::error!("{said}: a crash of the server may undo revocations");
            }
        }
        Ok(())
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// How often it is asked where the primary is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows the primary when it moves, until this is dropped.
pub(crate) struct Following(AbortHandle);

impl Following {
    fn start(
        options: ValkeyOptions,
        place: Place,
        primary: watch::Sender<Client>,
        connection: Arc<RwLock<ConnectionManager>>,
    ) -> Self {
        let follow = async move {
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
                        *connection.write().unwrap_or_else(PoisonError::into_inner) = new;
                        primary.send_replace(found);
                    }
                    Err(error) => {
                        tracing::error!(%error, address = address(&found), "the new primary cannot be used");
                    }
                }
            }
        };
        Self(tokio::spawn(follow).abort_handle())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}
