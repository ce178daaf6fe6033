//! Each resource has one module: arguments, operations on each backend, output.

mod accounts;
mod audit;
mod bearer;
mod effect;
mod keys;
mod lifetimes;
mod limits;
mod man;
mod members;
mod migrate;
mod nodes;
mod pages;
mod pepper;
mod plans;
mod prompt;
mod scan;
mod serve;
mod session;
mod users;
mod webhooks;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use keyward_core::key::KeyFormat;

use crate::backend::{Backend, MissingFile, connect, connect_signed_in, key_format};
use crate::error::Error;
use crate::options::Options;
use crate::output::{note, visible};

const ATTEMPTS: usize = 16;

const AFTER_HELP: &str = "\
With --server, the credential is the management key in KEYWARD_TOKEN or in --token-file, or the sign-in of `keyward login`. \
It is never an argument, because other users of the machine can read those.

Exit codes:
  0  done
  1  the database or the server failed; for scan: keys were found
  2  invalid usage or configuration; for scan: some content could not be read
  3  no such key, account, user or plan
  4  refused: revoked already, changed in the meantime, exists already, not allowed; for import: some lines were refused
  5  declined at the prompt";

/// Create, list, rotate and revoke API keys.
#[derive(Parser)]
#[command(name = "keyward", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create, list, rotate and revoke keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Create and change accounts.
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// Manage the members of an account and their roles.
    #[command(subcommand)]
    Members(members::Command),
    /// Manage users, and your own user.
    #[command(subcommand)]
    Users(users::Command),
    /// Manage plans: the limits of accounts.
    #[command(subcommand)]
    Plans(plans::Command),
    /// Show and set the rate limits, budgets and task limits of plans, accounts and keys.
    #[command(subcommand)]
    Limits(limits::Command),
    /// Show and set the default and the maximum lifetime of new keys of plans and accounts.
    #[command(subcommand)]
    Lifetimes(lifetimes::Command),
    /// Show and change the look of a server's pages.
    #[command(subcommand)]
    Pages(pages::Command),
    /// Manage webhooks, which receive events, and their deliveries.
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// List, verify and prune the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Sign in to a server. Later commands use the sign-in, from a file that only its owner may read.
    Login(session::Login),
    /// Sign out of a server.
    Logout(session::Logout),
    /// Show the user or the key that this program acts as on the server.
    Whoami(session::Whoami),
    /// Serve the dashboard, the management API, the gateway endpoints and metrics.
    Serve(Box<serve::Serve>),
    /// Create the tables of a database, or bring them up to date. Every command does this when it opens a database.
    Migrate,
    /// Show the nodes that answer from a cache, and how far each is behind.
    Nodes(nodes::Nodes),
    /// Find leaked keys in files, in staged changes or in a git history, by prefix and checksum. Prints places and hints.
    Scan(scan::Scan),
    /// Create a pepper, in a new file that only its owner may read.
    Pepper(pepper::Pepper),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages to a folder.
    Man(man::Man),
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let matches = Self::command().try_get_matches().unwrap_or_else(|error| exit(&explain(error)));
        let mut arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| exit(&error));
        if let Err(error) = arguments.options.settle(&matches) {
            note!("error: {error}");
            std::process::exit(2);
        }
        arguments
    }

    pub(crate) fn is_serve(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    pub(crate) async fn run(self) -> Result<(), Error> {
        let options = &self.options;
        let is_local =
            matches!(self.command, Command::Serve(_) | Command::Scan(_) | Command::Pepper(_) | Command::Man(_));
        let done = Self::run_command(options, self.command).await;
        done.map_err(|error| {
            let error = if is_local { error } else { error.of_failure_at(&options.place()) };
            error.with_message(|message| scan::redacted(message, &key_format(options).unwrap_or_default()))
        })
    }

    async fn run_command(options: &Options, command: Command) -> Result<(), Error> {
        let backend = async |missing: MissingFile| Backend::open(options, missing).await;
        match command {
            Command::Keys(command) => keys::run(options, command).await,
            Command::Accounts(command) => accounts::run(options, command).await,
            Command::Members(command) => members::run(backend(MissingFile::Refuse).await?.records()?, command).await,
            Command::Plans(command) => {
                let is_new = matches!(command, plans::Command::Create { .. });
                let missing = if is_new { MissingFile::Create } else { MissingFile::Refuse };
                plans::run(backend(missing).await?.records()?, command).await
            }
            Command::Limits(command) => {
                let (backend, bearer) = (backend(MissingFile::Refuse).await?, command.bearer());
                limits::run(&backend, command).await.map_err(|error| bearer.explain(error, &options.place()))
            }
            Command::Lifetimes(command) => {
                let (backend, bearer) = (backend(MissingFile::Refuse).await?, command.bearer());
                let ran = lifetimes::run(backend.records()?, command).await;
                ran.map_err(|error| bearer.explain(error, &options.place()))
            }
            Command::Audit(command) => audit::run(backend(MissingFile::Refuse).await?.records()?, command).await,
            Command::Webhooks(command) => webhooks::run(backend(MissingFile::Refuse).await?.records()?, command).await,
            Command::Users(command) => users::run(options, command).await,
            Command::Pages(command) => pages::run(&connect(options)?, command).await,
            Command::Login(command) => session::login(&connect_signed_in(options)?, command).await,
            Command::Logout(command) => session::logout(&connect_signed_in(options)?, command).await,
            Command::Whoami(command) => session::whoami(&connect(options)?, command).await,
            Command::Serve(command) => serve::run(options, *command).await,
            Command::Migrate => migrate::run(options).await,
            Command::Nodes(command) => nodes::run(options, command).await,
            Command::Scan(command) => scan::run(options, command).await,
            Command::Pepper(command) => pepper::run(&command),
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "keyward", &mut std::io::stdout());
                Ok(())
            }
            Command::Man(command) => man::run(Self::command(), &command),
        }
    }
}

/// Words that people try, by the group of commands, and what to use instead.
const OTHER_WORDS: [(&str, &[&str], &str); 7] = [
    ("keys", &["delete", "remove", "rm", "del"], "revoke a key instead: keyward keys revoke ID"),
    ("keys", &["add", "new", "issue", "generate"], "create a key: keyward keys create --name NAME"),
    ("accounts", &["remove", "rm"], "delete an account: keyward accounts delete ID"),
    ("accounts", &["disable"], "suspend an account instead: keyward accounts suspend ID"),
    ("users", &["delete", "rm"], "remove a user: keyward users remove ID"),
    ("plans", &["delete", "rm"], "remove a plan: keyward plans remove NAME"),
    ("webhooks", &["delete", "rm"], "remove a webhook: keyward webhooks remove ID"),
];

/// clap repeats arguments as they are: with hidden characters, or a key where an id is expected.
fn exit(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let shown = scan::redacted(&text, &KeyFormat::default());
    if !error.use_stderr() || (shown == text && visible(&text) == text) {
        error.exit();
    }
    note!("{}", shown.trim_end());
    std::process::exit(error.exit_code())
}

fn explain(error: clap::Error) -> clap::Error {
    name_variable(suggest_command(error))
}

/// Suggests the command for another word with the same meaning. clap only finds words that look similar.
fn suggest_command(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let tip = OTHER_WORDS
        .iter()
        .find(|(group, words, _)| usage.contains(&format!("keyward {group} ")) && words.contains(&word.as_str()));
    if let Some((_, _, tip)) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![(*tip).into()]));
    }
    error
}

/// clap names the flag only.
fn name_variable(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let long = flag.split(' ').next().unwrap_or_default().to_owned();
    let is_flag = std::env::args().any(|argument| argument.split('=').next() == Some(&long));
    if let (false, Some(variable)) = (is_flag, variable_of(&Arguments::command(), &long)) {
        let tip = format!("the value is that of the environment variable {variable}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// In this command or below.
fn variable_of(command: &clap::Command, long: &str) -> Option<String> {
    let named = |argument: &clap::Arg| Some(long) == argument.get_long().map(|name| format!("--{name}")).as_deref();
    let own = command.get_arguments().find(|argument| named(argument)).and_then(clap::Arg::get_env);
    own.map(|variable| variable.to_string_lossy().into_owned())
        .or_else(|| command.get_subcommands().find_map(|command| variable_of(command, long)))
}
