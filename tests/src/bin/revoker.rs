//! Revokes a key, prints a line, and waits to be killed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test talks to this program over its standard streams")]

use keyward::Keys;
use keyward::sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let keys = Keys::new(SqliteStore::open(arguments.next().unwrap()).unwrap());
    let _ = keys.revoke(&arguments.next().unwrap().parse().unwrap()).await.unwrap();
    println!("revoked");
    std::future::pending().await
}
