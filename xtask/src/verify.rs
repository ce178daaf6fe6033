//! Checks that take longer than the tests, or need tools that are built from source.

use clap::ValueEnum;

use crate::error::Error;
use crate::process::{self, cargo};
use crate::tally::Tally;
use crate::{
    api, bench, deny, faults, fuzz, guide, instructions, load, msrv, neighbors, newcomer, pages, prose, publish, steps,
    supply, test,
};

pub(crate) type Options = steps::Options<Step>;

/// The steps, in the order in which they run.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Step {
    /// Check the code with Clippy.
    Clippy,
    /// Build the documentation and the guide, and check the links.
    Doc,
    /// Compare the public API with docs/api.
    Api,
    /// Report turns of phrase that make a text hard to read. It fails nothing.
    Prose,
    /// Run 100,000 random management calls against a model.
    Authority,
    /// Check the model of the lease protocol, the simulation and the interleavings of the cache.
    Proofs,
    /// Run three nodes under faults on each store.
    Faults,
    /// Run the fuzz targets.
    Fuzz,
    /// Run the benchmarks.
    Bench,
    /// Measure each page of the dashboard with 10,000 keys and 1,000 accounts.
    Pages,
    /// Compare the instructions of a request with the recorded ones.
    Instructions,
    /// Put a protected server under load for a minute.
    Load,
    /// Check licences, sources and advisories of the dependencies.
    Deny,
    /// Write the bills of materials, and compare them with Cargo.lock.
    Supply,
    /// Package the published crates, each with its README and licences.
    Packages,
    /// Check the published crates with the oldest Rust that they support.
    Msrv,
    /// Build and run the first service of a new user.
    Newcomer,
    /// Build and run the SQLite store beside sqlx, diesel and rusqlite.
    Neighbors,
}

/// Features of `keyward-manage`, each without the others.
const PARTS: [&str; 6] = ["", "dashboard", "webhooks", "github", "sqlite", "postgres"];

const AUTHORITY: [Authority; 4] = [
    Authority { store: "in_memory", seed: "1", calls: "48000" },
    Authority { store: "in_memory", seed: "2", calls: "48000" },
    Authority { store: "on_sqlite", seed: "1", calls: "6000" },
    Authority { store: "on_postgresql", seed: "1", calls: "4000" },
];

struct Authority {
    store: &'static str,
    seed: &'static str,
    calls: &'static str,
}

impl Authority {
    fn output(&self) -> Result<String, Error> {
        let mut test = test::tests(&["--test", "authority", "--", "--nocapture", self.store]);
        test.env("KEYWARD_AUTHORITY_STEPS", self.calls).env("KEYWARD_AUTHORITY_SEED", self.seed);
        process::output(test)
    }
}

impl steps::Step for Step {
    fn run(self, tally: &mut Tally) -> Result<(), Error> {
        match self {
            Self::Clippy => {
                let scope = ["--workspace", "--all-targets", "--all-features"];
                process::run(cargo(&["clippy"]).args(scope).args(["--", "-D", "warnings"]))?;
                // The five-minute start of README builds these.
                let quickstart = ["--no-default-features", "--bin", "quickstart", "--bin", "keyward"];
                process::run(cargo(&["clippy"]).args(quickstart).args(["--", "-D", "warnings"]))?;
                // A service chooses its parts of the management.
                PARTS.iter().try_for_each(|part| {
                    let alone = ["--package", "keyward-manage", "--lib", "--no-default-features", "--features", part];
                    process::run(cargo(&["clippy"]).args(alone).args(["--", "-D", "warnings"]))
                })
            }
            Self::Doc => {
                let scope = ["--workspace", "--no-deps", "--all-features"];
                process::run(cargo(&["doc"]).args(scope).env("RUSTDOCFLAGS", "-D warnings"))?;
                guide::build()
            }
            Self::Api => api::run(&api::Options::default()),
            Self::Prose => prose::run(&prose::Options::report()),
            Self::Authority => {
                test::build()?;
                // Concurrently, because each run uses one thread.
                let said = std::thread::scope(|scope| {
                    let running = AUTHORITY.map(|run| scope.spawn(move || run.output()));
                    running.map(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                });
                for said in said {
                    let said = said?;
                    print!("{said}");
                    said.lines().for_each(|line| tally.add(line));
                }
                Ok(())
            }
            Self::Proofs => {
                let mut test = test::tests(&["--test", "protocol", "--test", "simulation"]);
                process::run_watched(test.env("KEYWARD_PROOFS", "all"), |line| tally.add(line))?;
                loom(tally)
            }
            Self::Faults => faults::run(&faults::Options::quick()),
            Self::Fuzz => fuzz::run(&fuzz::Options::quick()),
            Self::Bench => bench::run(&bench::Options::quick()),
            Self::Pages => pages::run(),
            Self::Instructions => instructions::run(&instructions::Options::default()),
            Self::Load => load::run(&load::Options::quick()),
            Self::Deny => deny::check(),
            Self::Supply => supply::run(&supply::Options::quick()),
            Self::Packages => publish::check(),
            Self::Msrv => msrv::check(std::env::var("KEYWARD_PROOFS").is_ok_and(|value| value == "all")),
            Self::Newcomer => newcomer::run(),
            Self::Neighbors => neighbors::run(),
        }
    }
}

/// A separate target folder, because the flag affects every crate.
fn loom(tally: &mut Tally) -> Result<(), Error> {
    let scope = ["--package", "keyward-core", "--lib", "--profile", "loom", "cache::loom::"];
    let mut cargo = cargo(&["test"]);
    cargo.args(scope).env("RUSTFLAGS", "--cfg keyward_loom").env("CARGO_TARGET_DIR", "target/loom");
    let mut models = 0;
    process::run_watched(&mut cargo, |line| {
        models += usize::from(line.starts_with("test cache::loom::"));
        tally.add(line);
    })?;
    // A filter that matches nothing would look like a success.
    if models == 0 { Err(Error::NoModels) } else { Ok(()) }
}
