//! A node process on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "tests talk to this node over its standard streams")]

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(keyward_tests::postgres::store(&url).await).await;
}
