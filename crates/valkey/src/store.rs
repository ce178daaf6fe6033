use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use keyward_core::AccountRecord;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyRecord, KeyStore, KeyUse, Position, StoreError};
use redis::aio::ConnectionManager;

use crate::listen::Listening;
use crate::script;
use crate::task::Task;
use crate::value::{parse, parse_number, unavailable, used_value};

/// Keys and accounts in a Valkey or Redis server. Clones share its connection.
#[derive(Clone)]
pub struct ValkeyStore(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) connection: Arc<RwLock<ConnectionManager>>,
    pub(crate) replicas: usize,
    pub(crate) listening: Listening,
    pub(crate) _following: Option<Task>,
    #[cfg(feature = "limits")]
    pub(crate) runtime: tokio::runtime::Handle,
}

impl ValkeyStore {
    pub(crate) fn connection(&self) -> ConnectionManager {
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
        // One script reads one state, so the key, its account and the log's position match.
        let (number, mark, key, account): (u64, String, Option<String>, Option<String>) = script::FIND
            .key(script::digest_key(digest))
            .invoke_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
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
