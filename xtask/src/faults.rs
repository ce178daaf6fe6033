use std::path::{self, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::error::Error;
use crate::packages;
use crate::process;
use crate::test;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Use this store [default: all stores, one after the other]
    #[arg(long)]
    store: Option<Store>,

    /// Draw the faults from this seed. The same seed gives the same faults at the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Run for this long on each store.
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Write the counts to this file [default: target/faults-STORE.json]
    #[arg(long, value_name = "FILE", requires = "store")]
    json: Option<PathBuf>,

    /// Check the recorded history of a failure again, and run nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "json"])]
    check: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
    Valkey,
}

impl Options {
    pub(crate) fn quick() -> Self {
        Self { store: None, seed: 1, seconds: 45, json: None, check: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    if let Some(file) = &options.check {
        return process::run(faults()?.arg("--check").arg(absolute(file)?));
    }
    packages::install_for_faults()?;
    let stores = options.store.as_ref().map_or(Store::value_variants(), std::slice::from_ref);
    for store in stores {
        let value = store.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        let json = match &options.json {
            Some(file) => absolute(file)?,
            None => process::root().join(format!("target/faults-{name}.json")),
        };
        println!("faults on {name}: seed {}, {} s", options.seed, options.seconds);
        let mut faults = faults()?;
        faults.args(["--store", name, "--seed", &options.seed.to_string()]);
        faults.args(["--seconds", &options.seconds.to_string(), "--json"]).arg(json);
        process::run(&mut faults)?;
    }
    Ok(())
}

/// The build is that of the tests.
fn faults() -> Result<Command, Error> {
    test::build()?;
    Ok(process::command(&process::target().join("debug/faults").to_string_lossy(), &[]))
}

/// The program runs from the root of the workspace.
fn absolute(file: &path::Path) -> Result<PathBuf, Error> {
    path::absolute(file).map_err(|source| Error::File { path: file.display().to_string(), source })
}
