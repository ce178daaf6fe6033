//! The Valkey and Redis store of keyward: keys, accounts, the change log and the leases of any number of nodes on one primary.
//!
//! # Order, leases, revocation
//! Every write is one script: it checks what it was based on, writes, and appends to the log, a stream whose ids are the entries'
//! numbers. Scripts run one at a time, so that numbers have no gaps, and a lease is granted only against the newest entry. Publishing on a
//! channel only wakes nodes up; losing every message makes revocations slower, not weaker.
//!
//! # What it rests on
//! - The server keeps what it acknowledges: `appendonly yes` and `appendfsync always`, and no eviction. [`ValkeyStore::connect`] checks
//!   that, and refuses a server that may forget, unless [`ValkeyOptions::accept_loss`] says that it may.
//! - Replication is asynchronous: after a failover the new primary may not know the last revocations.
//!   [`ValkeyOptions::wait_for_replicas`] has every write wait for so many replicas; permits and rates do not.
//! - All data has one hash tag, `{keyward}`, and so lives in one slot of a cluster.
//!
//! # Where it is
//! | connection string | |
//! | --- | --- |
//! | `redis://[user:password@]host:port[/database]` | one server |
//! | `redis+sentinel://[user:password@]host:port[,host:port…]/service[/database]` | the primary that these sentinels name |
//! | `redis+cluster://[user:password@]host:port[,host:port…]` | the primary that has our slot of this cluster |
//!
//! `valkey` instead of `redis` means the same; `rediss` means TLS, verified against the system's roots. User and password are for the
//! servers, not for sentinels. A failover is noticed within a second and followed, and the new primary is checked as the first was.
//!
//! # Features
//! `limits` adds [`ValkeyPermits`] and [`ValkeyRates`], with which all nodes share the limits of `keyward-limits`.
//!
//! # Examples
//! ```no_run
//! use keyward::AuthLayer;
//! use keyward::valkey::ValkeyStore;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
//! let layer = AuthLayer::new(store);
//! # let _ = layer;
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod connect;
#[cfg(feature = "limits")]
mod limits;
mod listen;
mod log;
mod primary;
mod script;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyRecord, KeyStore, KeyUse, Position, StoreError};
use keyward_core::{AccountRecord, Timestamp};
use redis::aio::ConnectionManager;
use serde::de::DeserializeOwned;

pub use connect::{ConnectError, ValkeyOptions};
#[cfg(feature = "limits")]
pub use limits::{ValkeyPermits, ValkeyRates};

use crate::connect::Following;
use crate::listen::Listening;

/// Keys and accounts in a Valkey or Redis server. Clones are cheap and share its connection.
#[derive(Clone)]
pub struct ValkeyStore(Arc<Shared>);

struct Shared {
    connection: Arc<RwLock<ConnectionManager>>,
    /// Replicas that every write waits for.
    replicas: usize,
    listening: Listening,
    /// Follows the primary when it moves.
    _following: Option<Following>,
    /// What drives the connections.
    #[cfg(feature = "limits")]
    runtime: tokio::runtime::Handle,
}

impl ValkeyStore {
    /// Connects to the server at `url`, with the default options.
    ///
    /// Has to be called on a tokio runtime, which drives the connection.
    ///
    /// # Errors
    /// [`ConnectError`] if the server cannot be reached, may forget what it has acknowledged, or is no primary.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        ValkeyOptions::default().connect(url).await
    }

    fn connection(&self) -> ConnectionManager {
        self.0.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for ValkeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyStore").field("replicas", &self.0.replicas).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyStore for ValkeyStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        // One script sees one state: the key, its account and the log's position belong together.
        let (number, mark, key, account): (u64, String, Option<String>, Option<String>) = script::FIND
            .key(script::digest_key(digest))
            .invoke_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
        let position = Position { number, mark: parse_number(&mark)? };
        let found = match key {
            None => Found::unknown(),
            Some(key) => {
                let account = account.ok_or_else(|| StoreError::corrupt("a key without an account"))?;
                Found::key(parse::<KeyRecord>(&key)?.to_stored(&parse::<AccountRecord>(&account)?))
            }
        };
        Ok(found.at(position))
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let mut call = script::RECORD_USE.prepare_invoke();
        for used in uses {
            call.arg(used.id.as_str()).arg(used_value(used));
        }
        call.invoke_async::<()>(&mut self.connection()).await.map_err(unavailable)
    }
}

/// How a use is stored: when, and behind a space from where if that is known.
fn used_value(used: &KeyUse) -> String {
    let millis = used.at.as_millis();
    used.from.map_or_else(|| millis.to_string(), |network| format!("{millis} {network}"))
}

/// A key with its last use, which is kept apart from it once it is used here.
fn with_use(mut key: KeyRecord, used: Option<&str>) -> Result<KeyRecord, StoreError> {
    if let Some(used) = used {
        let (millis, network) = used.split_once(' ').map_or((used, None), |(millis, network)| (millis, Some(network)));
        key.last_used_at = Some(Timestamp::from_millis(millis.parse().map_err(StoreError::corrupt)?));
        key.last_used_from = network.map(str::parse).transpose().map_err(StoreError::corrupt)?;
    }
    Ok(key)
}

fn unavailable(error: redis::RedisError) -> StoreError {
    StoreError::unavailable(error)
}

/// Reads a value that was stored as JSON.
fn parse<T: DeserializeOwned>(json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(StoreError::corrupt)
}

/// Marks are stored as text: a script's numbers are not exact above 2⁵³.
fn parse_number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(StoreError::corrupt)
}
