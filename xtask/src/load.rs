use std::path::{self, PathBuf};

use crate::bench;
use crate::error::Error;
use crate::packages;
use crate::process;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run for this many seconds in total. Use 600 for a soak test.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,

    /// Write the figures to this file [default: target/load.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn quick() -> Self {
        Self { seconds: 60, json: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let json = match &options.json {
        // Absolute, because the test runs from the root of the workspace.
        Some(file) => {
            path::absolute(file).map_err(|source| Error::File { path: file.display().to_string(), source })?
        }
        None => process::root().join("target/load.json"),
    };
    packages::install_for_load()?;
    let mut load = bench::program("keyward-peers")?;
    load.args(["load", "--seconds", &options.seconds.to_string(), "--json"]).arg(json);
    process::run(&mut load)
}
