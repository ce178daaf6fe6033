//! `cargo xtask test`: the steps of the test suite, in order, up to the first failure.

use std::time::Instant;

use clap::ValueEnum;

use crate::error::Error;
use crate::process::{self, cargo};
use crate::tally::Tally;
use crate::{api, bench, deny, faults, fuzz, guide, load, packages, supply};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run this step only.
    #[arg(long, value_name = "STEP")]
    only: Option<Step>,

    /// List the steps, and run none.
    #[arg(long, conflicts_with = "only")]
    list: bool,
}

/// In the order in which they are run: the quickest to fail comes first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code is formatted.
    Fmt,
    /// Clippy and the compiler have no complaint.
    Clippy,
    /// Unit, integration and documentation tests pass.
    Test,
    /// The cache's atomics keep their promises in every interleaving of threads.
    Loom,
    /// Three real nodes keep their promises under faults, on each store.
    Faults,
    /// Hostile input of every sort finds nothing.
    Fuzz,
    /// The documentation and the guide build, and links of the documentation lead somewhere.
    Doc,
    /// What the crates offer is what docs/api lists.
    Api,
    /// The benchmarks run, and say what they found.
    Bench,
    /// A protected server stands a minute of load.
    Load,
    /// The dependencies' licences, sources and advisories are acceptable.
    Deny,
    /// The bills of materials are written, and complete.
    Supply,
}

pub(crate) fn run(options: &Options, tally: &mut Tally) -> Result<(), Error> {
    if options.list {
        list();
        return Ok(());
    }
    let steps = match &options.only {
        Some(step) => std::slice::from_ref(step),
        None => Step::value_variants(),
    };
    if steps.contains(&Step::Test) {
        packages::install()?;
    }
    steps.iter().try_for_each(|step| step.run_timed(tally))
}

fn list() {
    for step in Step::value_variants().iter().filter_map(Step::to_possible_value) {
        let help = step.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:8}{help}", step.get_name());
    }
}

impl Step {
    fn run_timed(self, tally: &mut Tally) -> Result<(), Error> {
        let value = self.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = self.run(tally);
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("== {name}: {verdict}, {:.1} s", start.elapsed().as_secs_f64());
        outcome
    }

    fn run(self, tally: &mut Tally) -> Result<(), Error> {
        match self {
            Self::Fmt => process::run(&mut cargo(&["fmt", "--all", "--check"])),
            Self::Clippy => {
                let scope = ["--workspace", "--all-targets", "--all-features"];
                process::run(cargo(&["clippy"]).args(scope).args(["--", "-D", "warnings"]))
            }
            Self::Test => {
                // One failing binary does not hide what the others would say.
                let scope = ["--workspace", "--all-features", "--no-fail-fast"];
                process::run_watched(cargo(&["test"]).args(scope), |line| tally.add(line))
            }
            Self::Loom => loom(tally),
            Self::Faults => faults::run(&faults::Options::quick()),
            Self::Fuzz => fuzz::run(&fuzz::Options::quick()),
            Self::Doc => {
                let scope = ["--workspace", "--no-deps", "--all-features"];
                process::run(cargo(&["doc"]).args(scope).env("RUSTDOCFLAGS", "-D warnings"))?;
                guide::build()
            }
            Self::Api => api::run(&api::Options::default()),
            Self::Bench => bench::run(&bench::Options::quick()),
            Self::Load => load::run(&load::Options::quick()),
            Self::Deny => deny::check(),
            Self::Supply => supply::run(&supply::Options::quick()),
        }
    }
}

/// Runs core's models on loom's atomics. They have a target folder of their own, as the flag concerns every crate.
fn loom(tally: &mut Tally) -> Result<(), Error> {
    let scope = ["--package", "keyward-core", "--lib", "--profile", "loom", "cache::loom::"];
    let mut cargo = cargo(&["test"]);
    cargo.args(scope).env("RUSTFLAGS", "--cfg keyward_loom").env("CARGO_TARGET_DIR", "target/loom");
    let mut models = 0;
    process::run_watched(&mut cargo, |line| {
        models += usize::from(line.starts_with("test cache::loom::"));
        tally.add(line);
    })?;
    // A filter that matches nothing would read like a success.
    if models == 0 { Err(Error::NoModels) } else { Ok(()) }
}
