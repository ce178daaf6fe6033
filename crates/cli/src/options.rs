use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use keyward_core::key::KeyKind;

use crate::error::Error;

/// The options of every command.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Options {
    /// The database: an SQLite file, or the URL of a PostgreSQL, Valkey or Redis server. A missing file is created. Defaults to
    /// keyward.db; scan uses no database by default.
    #[arg(long, global = true, env = "KEYWARD_DATABASE", hide_env_values = true, value_name = "FILE-OR-URL")]
    pub(crate) database: Option<String>,
    /// The URL of a keyward server to use instead of a database, such as `https://keys.example.com`.
    #[arg(long, global = true, env = "KEYWARD_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// A file with the management key for the server, on its first line.
    #[arg(long, global = true, env = "KEYWARD_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Allow sending the credential in plain text, where others on the network can read it.
    #[arg(long, global = true)]
    pub(crate) allow_plain_http: bool,
    /// A file with one pepper a line (`id:hex`). The first is for new keys. Defaults to digests without a pepper.
    #[arg(long, global = true, env = "KEYWARD_PEPPER_FILE", value_name = "FILE")]
    pub(crate) pepper_file: Option<PathBuf>,
    /// The prefix of keys of a kind, such as `secret=sk`. Repeatable. Defaults to secret=kw, restricted=kwr, publishable=kwp.
    #[arg(long, global = true, value_name = "KIND=PREFIX", value_parser = prefix)]
    pub(crate) prefix: Vec<(KeyKind, String)>,
    /// The options among these that are flags, and not variables.
    #[arg(skip)]
    pub(crate) explicit: ExplicitFlags,
}

/// Set by a flag, not by the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExplicitFlags {
    pub(crate) server: bool,
    pub(crate) pepper_file: bool,
    pub(crate) token_file: bool,
}

impl Options {
    /// Lets `--server` override `KEYWARD_DATABASE`, and `--database` override `KEYWARD_SERVER`.
    pub(crate) fn settle(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let is_flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        match (is_flag("server"), is_flag("database")) {
            (true, true) => {
                return Err(Error::usage(
                    "--server and --database exclude each other: the server has its own database",
                ));
            }
            (true, false) => self.database = None,
            (false, true) => self.server = None,
            (false, false) => {}
        }
        self.explicit = ExplicitFlags {
            server: is_flag("server"),
            pepper_file: is_flag("pepper_file"),
            token_file: is_flag("token_file"),
        };
        Ok(())
    }
}

fn prefix(text: &str) -> Result<(KeyKind, String), String> {
    let (kind, prefix) = text.split_once('=').ok_or("write it like secret=sk")?;
    let kind = kind.parse().map_err(|_| "the kind is secret, restricted or publishable")?;
    Ok((kind, prefix.to_owned()))
}
