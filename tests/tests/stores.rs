//! Every store passes the conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use keyward::MemoryStore;
use keyward::sqlite::SqliteStore;
use keyward::testing::stores::conformance;
use keyward_needs::needs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_conforms() {
    conformance(async || MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_conforms() {
    conformance(async || SqliteStore::temporary().unwrap()).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgresql_store_conforms() {
    conformance(async || keyward_tests::postgres::store(&keyward_tests::postgres::database()).await).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_valkey_store_conforms() {
    conformance(async || keyward_tests::valkey::store(&keyward_tests::valkey::server(&[])).await).await;
}
