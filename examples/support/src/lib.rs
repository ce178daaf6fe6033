//! What the example services share: how they are told where to listen and what to keep, and how they say where they are.
//!
//! | variable | meaning | left out |
//! | --- | --- | --- |
//! | `PORT` | the port on 127.0.0.1; 0 takes a free one | 3000 |
//! | `DATABASE` | the SQLite file | a temporary one |
//! | `SEED_DEMO` | `1` fills the database and makes demo credentials | `0` |
//! | `TRUST_PROXY` | networks, separated by commas, whose `Forwarded` and `X-Forwarded-*` are believed | none |
//!
//! # Examples
//! ```no_run
//! use example_support::{Announcement, Environment};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! example_support::log_to_stderr();
//! let environment = Environment::from_env()?;
//! let listener = environment.listen().await?;
//! let mut announcement = Announcement::new(listener.local_addr()?);
//! announcement.credential("full", "kw_live_…");
//! announcement.write()?;
//! # Ok(()) }
//! ```

mod announcement;
mod demo;
mod environment;

use std::error::Error;
use std::process::ExitCode;

pub use announcement::Announcement;
pub use demo::Demo;
pub use environment::{Environment, EnvironmentError};

/// Writes the log to standard error, at the level that `RUST_LOG` says; `info` without it. Standard output is the
/// announcement's alone.
pub fn log_to_stderr() {
    use std::io::IsTerminal;

    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

/// How the process ends: with an error on standard error, causes included, and the code 1 if there was one.
#[must_use]
pub fn exit_code(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("error: {text}");
    ExitCode::FAILURE
}
