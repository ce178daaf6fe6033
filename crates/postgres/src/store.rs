use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Pool;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError};

use crate::error::Error;
use crate::finds::Finds;
use crate::listen::Listening;
use crate::row;

/// Keys and accounts in a PostgreSQL database. Clones share its connections.
#[derive(Clone)]
pub struct PostgresStore(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) finds: Finds,
    pub(crate) migration_wait: Duration,
    pub(crate) listening: Listening,
    #[cfg(feature = "limits")]
    pub(crate) runtime: tokio::runtime::Handle,
}

impl PostgresStore {
    /// Returns the connection pool, for an application's own tables.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("pool", &self.0.pool.status()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        // One statement reads one snapshot, so the key, its account and the log's position match.
        Ok(row::found(&self.0.finds.find(digest).await?)?)
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let record = async {
            let client = self.0.pool.get().await?;
            let statement = client
                .prepare_cached(
                    "UPDATE keyward_keys SET last_used_at = used.at, last_used_from = used.network \
                     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS used (id, at, network) \
                     WHERE keyward_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)",
                )
                .await?;
            let ids: Vec<&str> = uses.iter().map(|used| used.id.as_str()).collect();
            let times: Vec<i64> = uses.iter().map(|used| used.at.as_millis()).collect();
            let networks: Vec<Option<String>> =
                uses.iter().map(|used| used.from.map(|network| network.to_string())).collect();
            client.execute(&statement, &[&ids, &times, &networks]).await?;
            Ok::<_, Error>(())
        };
        record.await.map_err(Error::into)
    }
}
