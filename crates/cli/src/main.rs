//! The program `keyward`, on a database or through a server (`--server`).
//!
//! A new key is the last line of standard output, and the only thing on it.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | the database or the server failed; for `scan`: keys were found |
//! | 2 | invalid usage or configuration; for `scan`: some content could not be read |
//! | 3 | no such key, account, user or plan |
//! | 4 | refused; for `keys import`: some lines were refused |
//! | 5 | declined at the prompt |

mod backend;
mod commands;
mod error;
mod login;
mod options;
mod output;
mod values;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::commands::Arguments;
use crate::output::note;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::read();
    // The other commands print their errors themselves.
    let level = if arguments.is_serve() { "warn" } else { "off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    match arguments.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {error}");
            error.exit_code()
        }
    }
}
