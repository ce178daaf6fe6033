//! Simulates many nodes, and prints what it found as a table.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use keyward_simulation::{Costs, Report, Settings, limit, table};
use serde_json::{Value, json};

/// Simulates the lease protocol with many nodes on one store.
#[derive(Parser)]
struct Arguments {
    /// How many nodes, each number a run.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000])]
    nodes: Vec<usize>,
    /// What the chances are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the figures are written.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Revocations in a run.
    #[arg(long, default_value_t = 100)]
    revocations: usize,
    /// Nodes that a relay leases for.
    #[arg(long, default_value_t = 100)]
    per_relay: usize,
    /// The share of the nodes that is stopped in the runs with stopped nodes.
    #[arg(long, default_value_t = 0.01)]
    stopped: f64,
    /// The lease in milliseconds.
    #[arg(long, default_value_t = Settings::default().lease)]
    lease_ms: f64,
    /// The store's processors.
    #[arg(long, default_value_t = Costs::default().workers)]
    workers: usize,
    /// Making a commit durable, in milliseconds.
    #[arg(long, default_value_t = Costs::default().flush)]
    flush_ms: f64,
    /// A message one way, in milliseconds.
    #[arg(long, default_value_t = Costs::default().network)]
    network_ms: f64,
    /// What a node needs between an answer and its next statement, in milliseconds.
    #[arg(long, default_value_t = Costs::default().turn)]
    turn_ms: f64,
    /// Only the nodes that lease from the store themselves, and no search for how many there can be.
    #[arg(long)]
    direct: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let settings = Settings {
        nodes: 0,
        per_relay: None,
        lease: arguments.lease_ms,
        revocations: arguments.revocations,
        stopped: 0,
        seed: arguments.seed,
        costs: Costs {
            workers: arguments.workers,
            flush: arguments.flush_ms,
            network: arguments.network_ms,
            turn: arguments.turn_ms,
            ..Costs::default()
        },
    };
    let relayed = Settings { per_relay: Some(arguments.per_relay), ..settings.clone() };
    let runs = |settings: &Settings, share: f64| -> Vec<Report> {
        let run = |nodes: &usize| {
            // One at least, if any is to be.
            let stopped = (*nodes as f64 * share).ceil() as usize;
            Report::of(&Settings { nodes: *nodes, stopped, ..settings.clone() })
        };
        arguments.nodes.iter().map(run).collect()
    };

    let direct = runs(&settings, 0.0);
    println!("Every node leases from the store:\n{}\n", table(&direct));
    let mut figures = json!({ "seed": arguments.seed, "direct": values(&direct) });
    if !arguments.direct {
        let few = Settings { revocations: 1, ..settings.clone() };
        let stopped = runs(&few, arguments.stopped);
        println!("The first revocation after some have stopped:\n{}\n", table(&stopped));
        let most = limit(&settings, 20_000);
        println!("Nodes with which that works: {}\n", most.map_or("not even 10".to_owned(), |most| most.to_string()));
        let relayed = runs(&relayed, 0.0);
        println!("{} nodes lease from a relay, and relays from the store:\n{}", arguments.per_relay, table(&relayed));
        figures["stopped"] = values(&stopped);
        figures["most_nodes"] = json!(most);
        figures["per_relay"] = json!(arguments.per_relay);
        figures["relayed"] = values(&relayed);
    }
    if let Some(file) = arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}

fn values(reports: &[Report]) -> Value {
    reports.iter().map(Report::to_json).collect()
}
