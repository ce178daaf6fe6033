//! A node process on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "tests talk to this node over its standard streams")]

use keyward::postgres::PostgresStore;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(PostgresStore::connect(&url).await.unwrap()).await;
}
