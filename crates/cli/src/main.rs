//! The program `keyward`: issues, lists, rotates and revokes API keys, finds leaked ones, imports
//! those of other systems, and serves the management API. It works on a database, or through a server (`--server`).
//!
//! A key is written to standard output once, when it is issued, as the last line and alone on it. What is for people
//! goes to standard error.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | the database or the server failed; for `scan`: keys were found |
//! | 2 | what was asked for cannot be; for `scan`: something could not be read or done |
//! | 3 | there is no such key, account, user or plan |
//! | 4 | refused, as things are; for `keys import`: some lines were |
//! | 5 | declined at the prompt |

mod arguments;
mod backend;
mod commands;
mod failure;
mod login;
mod output;
mod settings;
mod tables;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::output::note;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::read();
    // A command says itself what went wrong; of a server nobody else learns it.
    let level = if matches!(arguments.command, Command::Serve(_)) { "warn" } else { "off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    match commands::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note!("error: {failure}");
            failure.exit_code()
        }
    }
}
