//! Code that the example services share: settings, the announcement, demo keys and logs.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PORT` | the port on 127.0.0.1; 0 takes a free one | 3000 |
//! | `DATABASE` | the SQLite file | a temporary file |
//! | `SEED_DEMO` | `1` creates demo data with credentials | `0` |
//! | `TRUST_PROXY` | the networks of trusted proxies, separated by commas; their `Forwarded` and `X-Forwarded-*` count | none |
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

/// Writes the log to standard error. `RUST_LOG` sets the level and defaults to `info`. Standard output has only the announcement.
pub fn log_to_stderr() {
    use std::io::IsTerminal;

    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

/// Returns the exit code. It writes an error with its causes to standard error, and the code is then 1.
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
