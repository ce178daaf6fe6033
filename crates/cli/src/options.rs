use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use keyward_core::key::KeyKind;

use crate::error::Error;
use crate::values::{Lifetime, lifetime};

/// The options of every command.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Options {
    /// The database: an SQLite file, or the URL of a PostgreSQL, Valkey or Redis server. `create`, `import`, `migrate` and `serve`
    /// create a missing file. Defaults to keyward.db; scan uses no database by default.
    #[arg(long, global = true, env = "KEYWARD_DATABASE", hide_env_values = true, value_name = "FILE-OR-URL")]
    pub(crate) database: Option<String>,
    /// The URL of a keyward server to use instead of a database, such as `https://keys.example.com`.
    #[arg(long, global = true, env = "KEYWARD_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// A file whose first line is the management key for the server.
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
    /// The longest lifetime of keys in this database, such as `365d`. Plans and accounts can only shorten it. Defaults to none.
    #[arg(long, global = true, env = "KEYWARD_KEY_LIFETIME_MAX", value_name = "DURATION", value_parser = lifetime)]
    pub(crate) key_lifetime_max: Option<Lifetime>,
    /// The lifetime of a key in this database without a requested expiry, such as `90d`. Defaults to the maximum, or to no expiry.
    #[arg(long, global = true, env = "KEYWARD_KEY_LIFETIME_DEFAULT", value_name = "DURATION", value_parser = lifetime)]
    pub(crate) key_lifetime_default: Option<Lifetime>,
    /// The options among these that are flags, and not variables.
    #[arg(skip)]
    pub(crate) explicit: ExplicitFlags,
}

/// Set by a flag, not by the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExplicitFlags {
    pub(crate) server: bool,
    pub(crate) database: bool,
    pub(crate) pepper_file: bool,
    pub(crate) token_file: bool,
}

const DEFAULT_DATABASE: &str = "keyward.db";

impl Options {
    /// The file or the URL of the database.
    pub(crate) fn database_or_default(&self) -> &str {
        self.database.as_deref().unwrap_or(DEFAULT_DATABASE)
    }

    /// Where the command looks, for messages. A URL may have a password, so only its scheme, host and port are shown.
    pub(crate) fn place(&self) -> String {
        if let Some(server) = &self.server {
            return host_of(server);
        }
        let database = self.database_or_default();
        if database.contains("://") { host_of(database) } else { database.to_owned() }
    }

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
            database: is_flag("database"),
            pepper_file: is_flag("pepper_file"),
            token_file: is_flag("token_file"),
        };
        Ok(())
    }
}

/// The scheme, host and port of a URL.
fn host_of(url: &str) -> String {
    let scheme = url.split("://").next().unwrap_or_default();
    let uri = url.parse::<http::Uri>().ok().filter(|uri| !uri.path().contains('@'));
    let host = uri.as_ref().and_then(|uri| uri.host());
    match (host, uri.as_ref().and_then(http::Uri::port)) {
        (Some(host), Some(port)) => format!("{scheme}://{host}:{port}"),
        (Some(host), None) => format!("{scheme}://{host}"),
        (None, _) => format!("the {scheme}:// URL"),
    }
}

fn prefix(text: &str) -> Result<(KeyKind, String), String> {
    let expected = "expected a kind (secret, publishable or restricted) and its prefix, for example secret=sk";
    let (kind, prefix) = text.split_once('=').ok_or(expected)?;
    Ok((kind.parse().map_err(|_| expected)?, prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_place_shows_no_password() {
        for (url, shown) in [
            ("postgres://u:secret@db.example.com:5432/keys?sslmode=require", "postgres://db.example.com:5432"),
            ("redis://:secret@127.0.0.1/0", "redis://127.0.0.1"),
            ("postgres://u:1/secret@db.example.com/keys", "the postgres:// URL"),
            ("postgres://u:se/cret@db.example.com/keys", "the postgres:// URL"),
            ("postgres:///keys?password=secret", "the postgres:// URL"),
            ("https://keys.example.com/", "https://keys.example.com"),
        ] {
            assert_eq!(host_of(url), shown, "{url}");
        }
    }
}
