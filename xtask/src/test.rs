//! The checks that every change must pass. They need no tool that is built from source.

use clap::ValueEnum;

use crate::error::Error;
use crate::packages;
use crate::process::{self, cargo};
use crate::steps;
use crate::tally::Tally;

pub(crate) type Options = steps::Options<Step>;

/// The steps, in the order in which they run. The quickest is first.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Step {
    /// Check that the code is formatted.
    Fmt,
    /// List and install the missing programs that the tests run, and build those of the workspace.
    Build,
    /// Run the unit, integration and browser tests.
    Test,
    /// Run the examples in the documentation.
    Doctest,
}

/// One scope avoids building twice.
const SCOPE: [&str; 2] = ["--workspace", "--all-features"];

impl steps::Step for Step {
    fn run(self, tally: &mut Tally) -> Result<(), Error> {
        match self {
            Self::Fmt => process::run(&mut cargo(&["fmt", "--all", "--check"])),
            Self::Build => {
                packages::install_for_tests();
                build()
            }
            Self::Test => {
                packages::install_for_tests();
                // Also builds the programs of the workspace that the tests start.
                build()?;
                run_tests(&["--lib", "--bins", "--tests"], tally)
            }
            Self::Doctest => run_tests(&["--doc"], tally),
        }
    }
}

/// Not the tests: `cargo test` would build some of them again.
pub(crate) fn build() -> Result<(), Error> {
    process::run(cargo(&["build", "--lib", "--bins", "--examples"]).args(SCOPE))
}

pub(crate) fn run_tests(arguments: &[&str], tally: &mut Tally) -> Result<(), Error> {
    let mut test = tests(arguments);
    process::run_watched(&mut test, |line| tally.add(line))
}

/// A failing file does not hide failures of others.
pub(crate) fn tests(arguments: &[&str]) -> std::process::Command {
    let mut test = cargo(&["test", "--no-fail-fast"]);
    test.args(SCOPE).args(arguments).env("KEYWARD_PROGRAMS_ARE_BUILT", "1");
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // At least 6 threads, because many tests wait for a lease to end or a server to start.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        test.env("RUST_TEST_THREADS", processors.max(6).to_string());
    }
    test
}
