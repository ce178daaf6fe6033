//! `cargo xtask bench`: the benchmarks, in release mode.

use std::fs;
use std::path::{self, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure for a short time only: enough to see that it works, too little to quote.
    #[arg(long)]
    quick: bool,

    /// Where the figures go [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    /// A short run, for the test suite.
    pub(crate) fn quick() -> Self {
        Self { quick: true, json: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let json = match &options.json {
        // Made absolute here, as the benchmarks are run from the root of the workspace.
        Some(file) => path::absolute(file).map_err(|source| cannot_use(file, source))?,
        None => process::root().join("target/bench.json"),
    };
    if let Some(directory) = json.parent() {
        fs::create_dir_all(directory).map_err(|source| cannot_use(directory, source))?;
    }

    let mut bench = program("keyward-bench")?;
    if options.quick {
        bench.arg("--quick");
    }
    bench.arg("--json").arg(&json);
    process::run(&mut bench)?;
    println!("figures: {}", json.display());
    Ok(())
}

/// A program that measures, in release mode. All of them are built together, so that their dependencies are built once.
pub(crate) fn program(name: &str) -> Result<Command, Error> {
    let packages = ["--package", "keyward-bench", "--package", "keyward-peers"];
    process::run(cargo(&["build", "--release", "--bins"]).args(packages))?;
    Ok(process::command(&process::target().join("release").join(name).to_string_lossy(), &[]))
}

fn cannot_use(path: &path::Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
