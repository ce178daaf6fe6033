use std::fs;
use std::path::{self, Path, PathBuf};

use crate::error::Error;
use crate::process::{self, command};
use crate::{bench, load, packages};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure only for a short time, to check that it works. Do not quote the figures.
    #[arg(long)]
    quick: bool,

    /// Write the figures to this file [default: target/peers.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Measure only these whole servers, such as `axum,keyward_axum`.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "docs")]
    only: Vec<String>,

    /// Run the load test too, and update the tables and the chart of docs/performance.md.
    #[arg(long)]
    docs: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let root = process::root();
    let json = match &options.json {
        // Absolute, because the measurement runs from the root of the workspace.
        Some(file) => path::absolute(file).map_err(|source| cannot_use(file, source))?,
        None => root.join("target/peers.json"),
    };
    let installed = root.join("target/peers");
    fs::create_dir_all(&installed).map_err(|source| cannot_use(&installed, source))?;
    // The measurement needs wrk. Any other missing peer is skipped.
    packages::install_for_load()?;
    packages::try_install_for_peers();
    install_from_npm(&installed)?;
    install_from_pypi(&installed);

    let load = root.join("target/load.json");
    if options.docs {
        // The page also quotes the load test, so that all of its figures are from one day and one machine.
        load::run(&load::Options::quick())?;
    }
    let mut peers = bench::program("keyward-peers")?;
    peers.arg("measure").arg("--json").arg(&json).arg("--installed").arg(&installed);
    if options.quick {
        peers.arg("--quick");
    }
    if !options.only.is_empty() {
        peers.arg("--only").arg(options.only.join(","));
    }
    if options.docs {
        peers.arg("--docs").arg(root.join("docs")).arg("--load").arg(&load);
    }
    process::run(&mut peers)?;
    println!("figures: {}", json.display());
    Ok(())
}

fn install_from_npm(installed: &Path) -> Result<(), Error> {
    let (from, to) = (process::root().join("benches/peers/servers/better-auth"), installed.join("better-auth"));
    fs::create_dir_all(&to).map_err(|source| cannot_use(&to, source))?;
    for name in ["package.json", "server.mjs"] {
        fs::copy(from.join(name), to.join(name)).map_err(|source| cannot_use(&from.join(name), source))?;
    }
    let mut npm = command("npm", &["install", "--no-audit", "--no-fund", "--silent"]);
    if !to.join("node_modules/better-auth").is_dir() && !process::succeeds(npm.current_dir(&to)) {
        println!("skipped: cannot install better-auth from npm");
    }
    Ok(())
}

fn install_from_pypi(installed: &Path) {
    let home = installed.join("drf");
    if home.join("bin/gunicorn").is_file() {
        return;
    }
    let requirements = process::root().join("benches/peers/servers/drf/requirements.txt");
    let made = process::succeeds(command("python3", &["-m", "venv", "--clear"]).arg(&home));
    let pip = home.join("bin/pip");
    let mut pip = command(&pip.to_string_lossy(), &["install", "--quiet", "--requirement"]);
    if !(made && process::succeeds(pip.arg(requirements))) {
        println!("skipped: cannot install djangorestframework-api-key from PyPI");
    }
}

fn cannot_use(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
