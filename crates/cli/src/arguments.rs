//! What can be said on the command line.

mod people;

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgGroup, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use keyward_client::Purpose;
use keyward_core::key::KeyKind;
use keyward_core::scope::Grant;
use keyward_core::store::KeyStatus;
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, Network, Timestamp};
use serde_json::{Map, Value};

pub(crate) use people::{Accounts, Audit, AuditList, Members, Pages, Plans, Users, UsersOnServer};

const AFTER_HELP: &str = "\
With --server, the credential is the management key in the variable KEYWARD_TOKEN or in --token-file, or what `keyward login` has
kept. It is never an argument, where other users of the machine could read it.

Exit codes:
  0  done
  1  the database or the server failed; for scan: keys were found
  2  what was asked for cannot be; for scan: something could not be read or done
  3  there is no such key, account, user or plan
  4  refused, as things are (revoked already, changed meanwhile, there already, not allowed); for import: some lines were
  5  declined at the prompt";

/// Issues, lists, rotates and revokes API keys.
#[derive(Parser)]
#[command(name = "keyward", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The SQLite file that holds the keys, which is made if it is not there; or the URL of a PostgreSQL, Valkey or Redis server.
    /// Without it: keyward.db, and none for scan.
    #[arg(long, global = true, env = "KEYWARD_DATABASE", hide_env_values = true, value_name = "FILE-OR-URL")]
    pub(crate) database: Option<String>,
    /// The URL of a server, such as `https://keys.example.com`, to ask instead of a database.
    #[arg(long, global = true, env = "KEYWARD_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// A file whose first line is the management key to present to the server.
    #[arg(long, global = true, env = "KEYWARD_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Lets the credential go to the server in plain text, where everybody on the way can read it.
    #[arg(long, global = true)]
    pub(crate) allow_plain_http: bool,
    /// A file with one pepper a line (`id:hex`), the one for new keys first. Without it digests have no pepper.
    #[arg(long, global = true, env = "KEYWARD_PEPPER_FILE", value_name = "FILE")]
    pub(crate) pepper_file: Option<PathBuf>,
    /// How keys of a kind begin, such as `secret=sk`; may be repeated. Without it: secret=kw, restricted=kwr, publishable=kwp.
    #[arg(long, global = true, value_name = "KIND=PREFIX", value_parser = prefix)]
    pub(crate) prefix: Vec<(KeyKind, String)>,
    /// Which of these were said in this very call, and not by the environment.
    #[arg(skip)]
    pub(crate) said: ExplicitFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What was said in this very call, and not by the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExplicitFlags {
    pub(crate) server: bool,
    pub(crate) pepper_file: bool,
    pub(crate) token_file: bool,
}

impl Arguments {
    /// What was said; ends the program if it cannot be.
    pub(crate) fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        arguments.settle(&matches);
        arguments
    }

    /// What is said in the call goes before what the environment says.
    fn settle(&mut self, matches: &ArgMatches) {
        let said = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        match (said("server"), said("database")) {
            (true, true) => {
                let message = "--server and --database exclude each other: a server has its database itself";
                Self::command().error(ErrorKind::ArgumentConflict, message).exit()
            }
            (true, false) => self.database = None,
            (false, true) => self.server = None,
            (false, false) => {}
        }
        self.said =
            ExplicitFlags { server: said("server"), pepper_file: said("pepper_file"), token_file: said("token_file") };
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issues, lists, rotates and revokes keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Adds accounts and changes them.
    #[command(subcommand)]
    Accounts(Accounts),
    /// Says who belongs to an account, and as what.
    #[command(subcommand)]
    Members(Members),
    /// Adds those who sign in, and changes what they set for themselves.
    #[command(subcommand)]
    Users(Users),
    /// Says what accounts may do that have a plan.
    #[command(subcommand)]
    Plans(Plans),
    /// Shows what the pages of a server look like, and changes it.
    #[command(subcommand)]
    Pages(Pages),
    /// Shows the audit log, and verifies it.
    #[command(subcommand)]
    Audit(Audit),
    /// Signs in to a server, and keeps that for the calls that follow in a file that its owner alone may read.
    Login {
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// Reads the password from standard input: its first line. Without this it is asked for.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Signs out of a server.
    Logout {
        /// Ends every session and token of the user, wherever they are.
        #[arg(long)]
        everywhere: bool,
    },
    /// Says as whom this program speaks to the server.
    Whoami {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Serves the dashboard, the management API with its description, what gateways ask, and metrics.
    Serve(Box<Serve>),
    /// Shows the servers that answer from caches of their own, and how far each is behind.
    Nodes {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Looks for keys in files, in what is staged, or in a git history: by prefix and checksum, so that nothing else is found.
    /// Shows where they are, and their hints.
    Scan(Scan),
    /// Makes a pepper, into a new file that its owner alone may read.
    Pepper {
        /// The file, which must not be there yet.
        file: PathBuf,
        /// What the pepper is called beside each digest.
        #[arg(long, default_value = "1")]
        id: String,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Issues a key. It is the last line on standard output, alone on it, and is shown nowhere else and never again.
    Create(Create),
    /// Takes over keys that another system issued, by their hashes, so that they go on working.
    Import(Import),
    /// Lists keys, newest first, the revoked and expired ones among them.
    List(List),
    /// Shows how a key was used, or all keys of an account, by day and outcome.
    Usage {
        /// The key's id. Without it: all keys of the account.
        id: Option<CredentialId>,
        /// The account. Without it: one's own; on a database, the operator's.
        #[arg(long, conflicts_with = "id")]
        account: Option<AccountId>,
        /// The last so many days, today among them.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Shows a key.
    Show {
        /// The key's id.
        id: CredentialId,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a key for good. When this has ended, no server accepts it any more.
    Revoke {
        /// The key's id.
        id: CredentialId,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Issues a successor of a key, which is the last line on standard output, and lets the old one end.
    Rotate {
        /// The key's id.
        id: CredentialId,
        /// How long both work, such as `24h`, `7d`, or `0s` for not at all.
        #[arg(long, value_parser = duration, default_value = "24h")]
        overlap: Duration,
    },
    /// Changes a key.
    Update(Update),
    /// Refuses a key for now.
    Disable {
        /// The key's id.
        id: CredentialId,
    },
    /// Accepts a disabled key again.
    Enable {
        /// The key's id.
        id: CredentialId,
    },
}

#[derive(Args)]
#[command(group = ArgGroup::new("end").args(["expires_in", "expires_at"]))]
pub(crate) struct Create {
    /// What people call the key.
    #[arg(long)]
    pub(crate) name: String,
    /// Whose it is. Without this, on a server, it is one's own account; on a database it is the account `default`, which is made if it
    /// is not there; for a management key it is the operator's.
    #[arg(long)]
    pub(crate) account: Option<AccountId>,
    /// What it is for: `api`, the provider's own, or `management`, that of keys and accounts.
    #[arg(long, default_value = "api")]
    pub(crate) purpose: Purpose,
    /// `live` or `test`.
    #[arg(long, default_value = "live")]
    pub(crate) mode: Mode,
    /// `secret`, `publishable` or `restricted`. Without this: restricted if there are scopes, else secret.
    #[arg(long)]
    pub(crate) kind: Option<KeyKind>,
    /// What it grants, such as `resources:read` or `jobs:*`; may be repeated.
    #[arg(long = "scope")]
    pub(crate) scopes: Vec<Grant>,
    /// An endpoint that it is confined to, such as `GET /v1/videos/*`; may be repeated.
    #[arg(long = "endpoint")]
    pub(crate) endpoints: Vec<Endpoint>,
    /// A network or address that it is confined to, such as `192.0.2.0/24`; may be repeated.
    #[arg(long = "network")]
    pub(crate) networks: Vec<Network>,
    /// How long it lives, such as `90d`. Without an end it lives until it is revoked.
    #[arg(long, value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// When it ends, such as `2027-01-01T00:00:00Z`.
    #[arg(long)]
    pub(crate) expires_at: Option<Timestamp>,
    /// When it begins.
    #[arg(long)]
    pub(crate) not_before: Option<Timestamp>,
    /// Data of your own, a JSON object.
    #[arg(long, value_parser = object)]
    pub(crate) metadata: Option<Map<String, Value>>,
}

#[derive(Args)]
pub(crate) struct Import {
    /// A CSV file with a line of column names, or one JSON object a line; `-` is standard input.
    pub(crate) file: PathBuf,
    /// How the hashes were made and written.
    #[arg(long, value_enum)]
    pub(crate) hash_format: HashFormat,
    /// How the file is written. Without this its name says it.
    #[arg(long, value_enum)]
    pub(crate) file_format: Option<FileFormat>,
    /// What a column is called in the file, such as `hash=key`; may be repeated.
    #[arg(long = "column", value_name = "OURS=THEIRS", value_parser = column)]
    pub(crate) columns: Vec<(String, String)>,
    /// A column of the file to leave alone; may be repeated.
    #[arg(long, value_name = "THEIRS")]
    pub(crate) ignore_column: Vec<String>,
    /// Makes accounts that are not there. Without this their keys are refused.
    #[arg(long)]
    pub(crate) create_accounts: bool,
    /// Changes nothing, and says what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// As a JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How another system hashes its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HashFormat {
    /// SHA-256 of the key, 64 hexadecimal digits.
    Sha256Hex,
    /// SHA-256 of the key in base64, of either alphabet, padded or not.
    Sha256Base64,
    /// better-auth's api-key plugin: SHA-256 of the key in base64url without padding.
    BetterAuth,
    /// Unkey: SHA-256 of the key in base64.
    Unkey,
    /// prefixed-api-key: SHA-256 of the long token, which follows the last underscore, in hexadecimal.
    PrefixedApiKey,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated values (RFC 4180), the column names first.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

#[derive(Args)]
pub(crate) struct List {
    /// Of this account alone. Without it, on a server: of one's own.
    #[arg(long)]
    pub(crate) account: Option<AccountId>,
    /// Of this mode alone.
    #[arg(long)]
    pub(crate) mode: Option<Mode>,
    /// Of this kind alone.
    #[arg(long)]
    pub(crate) kind: Option<KeyKind>,
    /// With this status alone: `active`, `disabled`, `expired`, `revoked` or `compromised`.
    #[arg(long)]
    pub(crate) status: Option<KeyStatus>,
    /// With this in the name.
    #[arg(long)]
    pub(crate) search: Option<String>,
    /// Not used for so long, such as `30d`, or never.
    #[arg(long, value_parser = duration)]
    pub(crate) unused_for: Option<Duration>,
    /// At most so many. Without this: all.
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    /// As a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("end").args(["expires_in", "expires_at", "no_expiry"]))]
#[command(group = ArgGroup::new("change").multiple(true).required(true)
    .args(["name", "scopes", "expires_in", "expires_at", "no_expiry", "metadata"]))]
pub(crate) struct Update {
    /// The key's id.
    pub(crate) id: CredentialId,
    /// What people call it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What it grants from now on, instead of what it granted; may be repeated.
    #[arg(long = "scope")]
    pub(crate) scopes: Vec<Grant>,
    /// How long it lives from now on.
    #[arg(long, value_parser = duration)]
    pub(crate) expires_in: Option<Duration>,
    /// When it ends.
    #[arg(long)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Lets it live until it is revoked.
    #[arg(long)]
    pub(crate) no_expiry: bool,
    /// Data of your own, a JSON object, instead of what there was.
    #[arg(long, value_parser = object)]
    pub(crate) metadata: Option<Map<String, Value>>,
    /// Only if it is at this version still, which `keys show` says; without this, whatever it is at.
    #[arg(long, value_name = "VERSION")]
    pub(crate) if_version: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Scan {
    /// Files and folders; `-` is standard input.
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Looks through all that the refs of each path's git repository reach, instead of files.
    #[arg(long, conflicts_with_all = ["staged", "no_ignore"])]
    pub(crate) history: bool,
    /// Looks through what is staged in each path's git repository, instead of files: for a pre-commit hook.
    #[arg(long, conflicts_with = "no_ignore")]
    pub(crate) staged: bool,
    /// Looks through what .gitignore and the like leave out as well.
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// As a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
    /// Revokes those that are in the database, which has to be given, and are not revoked yet.
    #[arg(long)]
    pub(crate) revoke: bool,
    /// Does not ask.
    #[arg(long, requires = "revoke")]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// A TOML file with any of these settings, and `database` and `pepper_file`. The environment and flags go before it.
    #[arg(long, env = "KEYWARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Fills an empty database with believable data, and says in the first line of output how to sign in.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Who is to be the first owner: as long as there is none, a link is shown with which they choose their password.
    #[arg(long, value_name = "EMAIL", conflicts_with = "demo")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) settings: crate::settings::Settings,
}

/// A duration such as `90d`, `24h` or `1h30m`; a day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let say = |error: jiff::Error| format!("{error}; write it like 90d, 24h or 1h30m");
    let span: jiff::Span = text.parse().map_err(say)?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(say)?;
    duration.try_into().map_err(say)
}

fn column(text: &str) -> Result<(String, String), String> {
    let (ours, theirs) = text.split_once('=').ok_or("write it like hash=key")?;
    Ok((ours.to_owned(), theirs.to_owned()))
}

fn object(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_str(text)
}

fn prefix(text: &str) -> Result<(KeyKind, String), String> {
    let (kind, prefix) = text.split_once('=').ok_or("write it like secret=sk")?;
    let kind = kind.parse().map_err(|_| "the kind is secret, restricted or publishable")?;
    Ok((kind, prefix.to_owned()))
}
