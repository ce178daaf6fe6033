//! A node in a process of its own, on PostgreSQL: answers each line `FIELD` on standard input with the verdict on it.

#![allow(clippy::unwrap_used, reason = "a node that tests talk to by its standard streams")]

use keyward::postgres::PostgresStore;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(PostgresStore::connect(&url).await.unwrap()).await;
}
