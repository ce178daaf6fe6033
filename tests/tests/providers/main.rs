//! The four providers' documented behaviour, over sockets, with curl and third-party clients.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod clients;
mod docs_api;
mod hostile_requests;
mod sendook;
mod vibepeak;
mod vook;

/// Returns the arguments for curl that send a JSON body.
fn json(body: &str) -> [&str; 4] {
    ["--header", "content-type: application/json", "--data", body]
}
