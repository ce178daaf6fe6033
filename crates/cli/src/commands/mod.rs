//! What the commands do.

mod accounts;
mod audit;
mod demo;
mod import;
mod keys;
pub(crate) mod management;
mod members;
mod nodes;
mod pages;
mod pepper;
mod plans;
mod scan;
mod serve;
mod session;
mod users;

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::CommandFactory;
use keyward_core::key::{Hasher, KeyFormat, Pepper};
use keyward_postgres::PostgresStore;
use keyward_sqlite::SqliteStore;
use keyward_valkey::ValkeyStore;
use zeroize::Zeroizing;

use crate::arguments::{Arguments, Command, Keys};
use crate::backend;
use crate::failure::{Failure, Kind};

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let backend = || backend::backend(&arguments);
    match &arguments.command {
        Command::Keys(Keys::Import(command)) => {
            import::run(backend::database(&arguments, "keys import")?.keys().await?, command).await
        }
        Command::Keys(command) => keys::run(&*backend()?, command).await,
        Command::Accounts(command) => accounts::run(&*backend()?, command).await,
        Command::Members(command) => members::run(&*backend()?, command).await,
        Command::Plans(command) => plans::run(&*backend()?, command).await,
        Command::Audit(command) => audit::run(&*backend()?, command).await,
        Command::Pages(command) => pages::run(&arguments, command).await,
        Command::Users(command) => users::run(&arguments, command).await,
        Command::Login { email, password_stdin } => {
            session::login(&backend::server_signed_in(&arguments)?, email, *password_stdin).await
        }
        Command::Logout { everywhere } => session::logout(&backend::server_signed_in(&arguments)?, *everywhere).await,
        Command::Whoami { json } => session::whoami(&backend::server(&arguments)?, *json).await,
        Command::Serve(command) => {
            backend::database(&arguments, "serve")?;
            serve::run(&arguments, command).await
        }
        Command::Nodes { json } => nodes::run(backend::database(&arguments, "nodes")?.keys().await?, *json).await,
        Command::Scan(command) => {
            if arguments.said.server {
                backend::database(&arguments, "scan")?;
            }
            let keys = match arguments.database {
                Some(_) => Some(open(&arguments).await.map_err(Failure::of_scan)?),
                None => None,
            };
            scan::run(keys.as_ref(), &format(&arguments)?.unwrap_or_default(), command).await
        }
        Command::Pepper { file, id } => pepper::make(file, id),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "keyward", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Where keys are if nothing else is said.
const DATABASE: &str = "keyward.db";

pub(crate) async fn open(arguments: &Arguments) -> Result<keyward_core::Keys, Failure> {
    let mut keys = store(arguments.database.as_deref().unwrap_or(DATABASE)).await?;
    if let Some(file) = &arguments.pepper_file {
        keys = keys.with_hasher(hasher(file)?);
    }
    // Imported keys get successors in this format.
    Ok(keys.with_format(format(arguments)?.unwrap_or_default()).with_conversion())
}

/// Asks whoever is at the terminal.
fn confirm(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, "nobody can be asked here: say --yes"));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::new(Kind::Declined, "nothing was changed"))
    }
}

/// The keys' format, if another than the default is asked for.
fn format(arguments: &Arguments) -> Result<Option<KeyFormat>, Failure> {
    if arguments.prefix.is_empty() {
        return Ok(None);
    }
    let with_prefixes =
        arguments.prefix.iter().fold(KeyFormat::builder(), |format, (kind, prefix)| format.prefix(prefix, *kind));
    with_prefixes.build().map(Some).map_err(|error| Failure::caused(Kind::Usage, &error))
}

/// The store at a path or a URL.
async fn store(database: &str) -> Result<keyward_core::Keys, Failure> {
    match database.split_once("://") {
        // The URL may hold a password, so it is not repeated.
        Some(("postgres" | "postgresql", _)) => match PostgresStore::connect(database).await {
            Ok(store) => Ok(keyward_core::Keys::new(store)),
            Err(error) => Err(Failure::caused(Kind::Database, &error)),
        },
        Some(("redis" | "rediss" | "valkey" | "valkeys", _)) => match ValkeyStore::connect(database).await {
            Ok(store) => Ok(keyward_core::Keys::new(store)),
            Err(error) => Err(Failure::caused(Kind::Database, &error)),
        },
        Some((scheme, _)) => Err(Failure::new(
            Kind::Usage,
            format!(
                "there is no store for {scheme}:// databases: give the path of an SQLite file, or a postgres:// or redis:// URL"
            ),
        )),
        None => Ok(keyward_core::Keys::new(open_sqlite(database)?)),
    }
}

fn open_sqlite(path: &str) -> Result<SqliteStore, Failure> {
    SqliteStore::open(path).map_err(|error| {
        let cause = Failure::caused(Kind::Database, &error);
        Failure::new(Kind::Database, format!("{path}: {cause}"))
    })
}

fn hasher(file: &Path) -> Result<Hasher, Failure> {
    let usage = |message: String| Failure::new(Kind::Usage, format!("{}: {message}", file.display()));
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| usage(error.to_string()))?);
    let peppers = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            line.trim().parse::<Pepper>().map_err(|error| usage(format!("line {}: {error}", number + 1)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Hasher::peppered(peppers).map_err(|error| usage(error.to_string()))
}
