//! The four providers' documented behaviour, over sockets.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod clients;
mod docs_api;
mod hostile_requests;
mod mcp;
mod sendook;
mod vibepeak;
mod vook;

fn json(body: &str) -> [&str; 4] {
    ["--header", "content-type: application/json", "--data", body]
}
