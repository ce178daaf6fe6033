//! `cargo xtask simulate`: the lease protocol with many nodes, in release mode.

use std::path::{self, PathBuf};

use crate::error::Error;
use crate::process::{self, cargo};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many nodes, such as 10,100; each number a run [default: 10,100,1000,10000]
    #[arg(long, value_name = "N,...")]
    nodes: Option<String>,

    /// What the chances are drawn from; the same seed gives the same figures [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Where the figures go, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Further options of the simulation, such as --workers; --help lists them
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
        // Made absolute here, as the simulation is run from the root of the workspace.
        let file = path::absolute(file).map_err(|source| Error::File { path: file.display().to_string(), source })?;
        simulation.arg("--json").arg(file);
    }
    process::run(simulation.args(&options.further))
}
