//! What the commands do.

mod accounts;
mod import;
mod keys;
mod nodes;
mod pepper;
mod scan;

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::CommandFactory;
use keyward::{Hasher, KeyFormat, Keys, Pepper};
use keyward_postgres::PostgresStore;
use keyward_sqlite::SqliteStore;
use keyward_valkey::ValkeyStore;
use zeroize::Zeroizing;

use crate::arguments::{Arguments, Command};
use crate::failure::{Failure, Kind};

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Keys(command) => keys::run(&open(&arguments).await?, command).await,
        Command::Accounts(command) => accounts::run(&open(&arguments).await?, command).await,
        Command::Nodes { json } => nodes::run(&open(&arguments).await?, *json).await,
        Command::Scan(command) => {
            let keys = match arguments.database {
                Some(_) => Some(open(&arguments).await.map_err(Failure::of_scan)?),
                None => None,
            };
            scan::run(keys.as_ref(), &format(&arguments)?, command).await
        }
        Command::Pepper { file, id } => pepper::make(file, id),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "keyward", &mut std::io::stdout());
            Ok(())
        }
    }
}

async fn open(arguments: &Arguments) -> Result<Keys, Failure> {
    let mut keys = store(arguments.database.as_deref().unwrap_or("keyward.db")).await?;
    if let Some(file) = &arguments.pepper_file {
        keys = keys.with_hasher(hasher(file)?);
    }
    Ok(keys.with_format(format(arguments)?))
}

/// How keys are written.
fn format(arguments: &Arguments) -> Result<KeyFormat, Failure> {
    if arguments.prefix.is_empty() {
        return Ok(KeyFormat::default());
    }
    arguments
        .prefix
        .iter()
        .fold(KeyFormat::builder(), |format, (kind, prefix)| format.prefix(prefix, *kind))
        .build()
        .map_err(|error| Failure::caused(Kind::Usage, &error))
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

/// The store at a path or a URL.
async fn store(database: &str) -> Result<Keys, Failure> {
    match database.split_once("://") {
        // The URL may hold a password, so it is not repeated.
        Some(("postgres" | "postgresql", _)) => match PostgresStore::connect(database).await {
            Ok(store) => Ok(Keys::new(store)),
            Err(error) => Err(Failure::caused(Kind::Database, &error)),
        },
        Some(("redis" | "rediss" | "valkey" | "valkeys", _)) => match ValkeyStore::connect(database).await {
            Ok(store) => Ok(Keys::new(store)),
            Err(error) => Err(Failure::caused(Kind::Database, &error)),
        },
        Some((scheme, _)) => Err(Failure::new(
            Kind::Usage,
            format!(
                "there is no store for {scheme}:// databases: give the path of an SQLite file, or a postgres:// or redis:// URL"
            ),
        )),
        None => match SqliteStore::open(database) {
            Ok(store) => Ok(Keys::new(store)),
            Err(error) => {
                let cause = Failure::caused(Kind::Database, &error);
                Err(Failure::new(Kind::Database, format!("{database}: {cause}")))
            }
        },
    }
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
