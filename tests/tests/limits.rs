//! Limits that many nodes share, on real servers: each implementation proves itself, and fails closed when its server is gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use keyward_limits::{MemoryPermits, PermitStore};
use keyward_postgres::{PostgresPermits, PostgresStore};
use keyward_testing::limits;
use keyward_tests::{postgres, valkey};
use keyward_valkey::{ValkeyPermits, ValkeyStore};

/// Two nodes, each with connections of its own.
async fn postgres_nodes() -> [PostgresStore; 2] {
    let url = postgres::database();
    [PostgresStore::connect(&url).await.unwrap(), PostgresStore::connect(&url).await.unwrap()]
}

/// Two nodes, each with a connection of its own.
async fn valkey_nodes() -> [ValkeyStore; 2] {
    let url = valkey::server(&[]);
    [ValkeyStore::connect(&url).await.unwrap(), ValkeyStore::connect(&url).await.unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_memory_conform() {
    limits::permits(async || {
        let store: Arc<dyn PermitStore> = Arc::new(MemoryPermits::new());
        [Arc::clone(&store), store]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_postgresql_conform() {
    limits::permits(async || {
        postgres_nodes().await.map(|store| Arc::new(PostgresPermits::new(&store)) as Arc<dyn PermitStore>)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_valkey_conform() {
    limits::permits(async || {
        valkey_nodes().await.map(|store| Arc::new(ValkeyPermits::new(&store)) as Arc<dyn PermitStore>)
    })
    .await;
}
