//! keyward compared with similar software, and under load.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be set up has to stop")]

mod chart;
mod contenders;
mod hostile;
mod in_process;
mod load;
mod process;
mod report;
mod serve;
mod tokens;
mod whole_servers;
mod wrk;

use clap::{Parser, Subcommand};

/// Compares keyward with similar software, and tests it under load.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure peers side by side.
    Measure(report::Options),
    /// Run the load test.
    Load(load::Options),
    /// Serve as one of the servers that the other commands measure.
    Serve(serve::Options),
}

fn main() {
    match Arguments::parse().command {
        Command::Measure(options) => report::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Serve(options) => serve::run(&options),
    }
}
