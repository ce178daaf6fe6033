//! A node in a process of its own, on SQLite: answers each line `FIELD` on standard input with the verdict on it.

#![allow(clippy::unwrap_used, reason = "a node that tests talk to by its standard streams")]

use keyward::sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(SqliteStore::open(file).unwrap()).await;
}
