use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use keyward_core::AccountRecord;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyRecord, KeyStore, KeyUse, Position, StoreError};
use redis::RedisError;
use redis::aio::ConnectionManager;

use crate::listen::Listening;
use crate::script;
use crate::task::Task;
use crate::value::{parse, parse_number, unavailable, used_value};

/// Keys and accounts in a Valkey or Redis server. Clones share its connections.
#[derive(Clone)]
pub struct ValkeyStore(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) connections: Arc<RwLock<Connections>>,
    pub(crate) replicas: usize,
    pub(crate) listening: Listening,
    pub(crate) _following: Option<Task>,
    #[cfg(feature = "limits")]
    pub(crate) runtime: tokio::runtime::Handle,
}

/// All requests share them, and send without waiting for the answers to others.
pub(crate) struct Connections {
    /// `WAIT` holds up its own connection, so keys are looked up over another.
    pub(crate) finds: ConnectionManager,
    pub(crate) others: ConnectionManager,
}

impl ValkeyStore {
    pub(crate) fn connection(&self) -> ConnectionManager {
        self.0.connections.read().unwrap_or_else(PoisonError::into_inner).others.clone()
    }

    fn finding(&self) -> ConnectionManager {
        self.0.connections.read().unwrap_or_else(PoisonError::into_inner).finds.clone()
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
        // One script reads one state, so the key, its account and the log's position match.
        let mut find = script::FIND.prepare_invoke();
        find.key(script::digest_key(digest));
        let mut connection = self.finding();
        let mut found = find.invoke_async(&mut connection).await;
        // A find changes nothing, so it can be sent again after the server closed the connection.
        if found.as_ref().is_err_and(RedisError::is_connection_dropped) {
            found = find.invoke_async(&mut connection).await;
        }
        let (number, mark, key, account): (u64, String, Option<String>, Option<String>) = found.map_err(unavailable)?;
        let position = Position { number, mark: parse_number(&mark)? };
        let found = match key {
            None => Found::unknown(),
            Some(key) => {
                let account = account.ok_or_else(|| StoreError::corrupt("a key has no account record"))?;
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
