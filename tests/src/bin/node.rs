//! A node in a process of its own: answers each line `FIELD` on standard input with the verdict on it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a node that tests talk to by its standard streams")]

use std::io::{BufRead, Write};

use keyward::Authenticator;
use keyward_sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).unwrap();
    let authenticator = Authenticator::new(SqliteStore::open(file).unwrap());
    for line in std::io::stdin().lock().lines() {
        let verdict = match authenticator.authenticate([line.unwrap().as_bytes()]).await {
            Ok(_) => "accepted",
            Err(rejection) => rejection.reason(),
        };
        println!("{verdict}");
        std::io::stdout().flush().unwrap();
    }
    authenticator.shutdown().await;
}
