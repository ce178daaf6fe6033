//! What the commands do.

mod accounts;
mod keys;
mod nodes;
mod pepper;

use std::path::Path;

use clap::CommandFactory;
use keyward::{Hasher, KeyFormat, Keys, Pepper};
use keyward_sqlite::SqliteStore;
use zeroize::Zeroizing;

use crate::arguments::{Arguments, Command};
use crate::failure::{Failure, Kind};

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let keys = || open(&arguments);
    match &arguments.command {
        Command::Keys(command) => keys::run(&keys()?, command).await,
        Command::Accounts(command) => accounts::run(&keys()?, command).await,
        Command::Nodes { json } => nodes::run(&keys()?, *json).await,
        Command::Pepper { file, id } => pepper::make(file, id),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "keyward", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn open(arguments: &Arguments) -> Result<Keys, Failure> {
    if let Some((scheme, _)) = arguments.database.split_once("://") {
        return Err(Failure::new(
            Kind::Usage,
            format!("this program has no store for {scheme}:// databases: give the path of an SQLite file"),
        ));
    }
    let store = SqliteStore::open(&arguments.database).map_err(|error| {
        Failure::new(Kind::Database, format!("{}: {}", arguments.database, Failure::caused(Kind::Database, &error)))
    })?;
    let mut keys = Keys::new(store);
    if let Some(file) = &arguments.pepper_file {
        keys = keys.with_hasher(hasher(file)?);
    }
    if !arguments.prefix.is_empty() {
        let format = arguments
            .prefix
            .iter()
            .fold(KeyFormat::builder(), |format, (kind, prefix)| format.prefix(prefix, *kind))
            .build()
            .map_err(|error| Failure::caused(Kind::Usage, &error))?;
        keys = keys.with_format(format);
    }
    Ok(keys)
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
