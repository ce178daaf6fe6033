use std::path::{self, PathBuf};

use crate::error::Error;
use crate::process::{self, cargo};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Simulate these numbers of nodes, one run for each [default: 10,100,1000,10000]
    #[arg(long, value_name = "N,...")]
    nodes: Option<String>,

    /// Draw random events from this seed. The same seed gives the same figures [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Pass further options to the simulation, such as --workers. `-- --help` lists them
    #[arg(last = true, value_name = "OPTION")]
    further: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let mut simulation = cargo(&["run", "--release", "--package", "keyward-simulation"]);
    simulation.args(["--bin", "keyward-simulation", "--"]);
    if let Some(nodes) = &options.nodes {
        simulation.args(["--nodes", nodes]);
    }
    if let Some(seed) = options.seed {
        simulation.args(["--seed", &seed.to_string()]);
    }
    if let Some(file) = &options.json {
        // Absolute, because the simulation runs from the root of the workspace.
        let file = path::absolute(file).map_err(|source| Error::File { path: file.display().to_string(), source })?;
        simulation.arg("--json").arg(file);
    }
    process::run(simulation.args(&options.further))
}
