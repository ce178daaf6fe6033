//! A node process on Valkey or Redis.

#![allow(clippy::unwrap_used, reason = "tests talk to this node over its standard streams")]

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    keyward_tests::node::answer(keyward_tests::valkey::store(&url).await).await;
}
