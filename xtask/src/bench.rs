use std::fs;
use std::path::{self, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure only for a short time, to check that it works. Do not quote the figures.
    #[arg(long)]
    quick: bool,

    /// Write the figures to this file [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn quick() -> Self {
        Self { quick: true, json: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let json = match &options.json {
        // Absolute, because the benchmarks run from the root of the workspace.
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

pub(crate) fn program(name: &str) -> Result<Command, Error> {
    build()?;
    Ok(process::command(&process::target().join("release").join(name).to_string_lossy(), &[]))
}

/// One build shares the dependencies.
pub(crate) fn build() -> Result<(), Error> {
    let packages = ["--package", "keyward-bench", "--package", "keyward-peers"];
    process::run(cargo(&["build", "--release", "--bins", "--examples"]).args(packages))
}

fn cannot_use(path: &path::Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
