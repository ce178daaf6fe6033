//! The development commands of keyward.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]

mod api;
mod bench;
mod crates;
mod deny;
mod error;
mod faults;
mod fresh;
mod fuzz;
mod guide;
mod instructions;
mod load;
mod msrv;
mod mutants;
mod neighbors;
mod newcomer;
mod packages;
mod pages;
mod peers;
mod process;
mod prose;
mod publish;
mod simulate;
mod steps;
mod supply;
mod tally;
mod test;
mod tools;
mod verify;

use std::error::Error as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::tally::Tally;

/// The development commands of keyward.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the programs that the tests need, and run the tests.
    Test(test::Options),
    /// Run the longer checks: lints, proofs, faults, fuzzing, measurements, packages.
    Verify(verify::Options),
    /// Measure, in release mode, and write the figures to a JSON file.
    Bench(bench::Options),
    /// Compare the instructions of a request with benches/micro/instructions.toml, or update that file.
    Instructions(instructions::Options),
    /// Compare keyward with similar software, in one run.
    Peers(peers::Options),
    /// Put a protected server under load, and check its promises.
    Load(load::Options),
    /// Run three real nodes under faults, and check from their clients' view that the promises were kept.
    Faults(faults::Options),
    /// Run the fuzz targets for a bounded time.
    Fuzz(fuzz::Options),
    /// Build the guide as a book, in target/guide.
    Guide,
    /// Put known authority faults back, one at a time, and check that the test finds each.
    Mutants(mutants::Options),
    /// Count turns of phrase that make a text hard to read.
    Prose(prose::Options),
    /// Simulate many nodes on one store.
    Simulate(simulate::Options),
    /// Compare the public API of each crate with docs/api, or update docs/api.
    Api(api::Options),
    /// Check dependencies, bills of materials, minimal versions and API compatibility.
    Supply(supply::Options),
}

fn main() -> ExitCode {
    let mut tally = Tally::default();
    let mut outcome = match Arguments::parse().command {
        Command::Test(options) => options.run(&mut tally),
        Command::Verify(options) => options.run(&mut tally),
        Command::Bench(options) => bench::run(&options),
        Command::Instructions(options) => instructions::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Guide => guide::build(),
        Command::Mutants(options) => mutants::run(&options),
        Command::Prose(options) => prose::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Api(options) => api::run(&options),
        Command::Supply(options) => supply::run(&options),
    };
    if let Err(error) = &outcome {
        report(error);
    }
    // After an error too, so that the output always ends with the tally.
    if let Some(tally) = tally.counted() {
        println!("{tally}");
    }
    if outcome.is_ok() {
        outcome = tally.check_skipped(std::env::var("CI").is_ok_and(|value| value == "true"));
        outcome.as_ref().err().into_iter().for_each(report);
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Each error displays only its own part.
fn report(error: &Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
