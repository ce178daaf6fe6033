//! A node process on SQLite.

#![allow(clippy::unwrap_used, reason = "tests talk to this node over its standard streams")]

use keyward::sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(SqliteStore::open(file).unwrap()).await;
}
