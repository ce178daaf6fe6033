//! Simulates many nodes.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use keyward_simulation::{Costs, Report, Settings, limit, table};
use serde_json::{Value, json};

/// Simulates the lease protocol with many nodes on one store.
#[derive(Parser)]
struct Arguments {
    /// Simulate these numbers of nodes, one run for each.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000])]
    nodes: Vec<usize>,
    /// Draw random events from this seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Revoke this many keys in a run.
    #[arg(long, default_value_t = 100)]
    revocations: usize,
    /// Let each relay lease for this many nodes.
    #[arg(long, default_value_t = 100)]
    per_relay: usize,
    /// Stop this share of the nodes, in the runs with stopped nodes.
    #[arg(long, default_value_t = 0.01)]
    stopped: f64,
    /// Set the lease, in milliseconds.
    #[arg(long, default_value_t = Settings::default().lease)]
    lease_ms: f64,
    /// Set the number of the store's processors.
    #[arg(long, default_value_t = Costs::default().workers)]
    workers: usize,
    /// Set the time to make a commit durable, in milliseconds.
    #[arg(long, default_value_t = Costs::default().flush)]
    flush_ms: f64,
    /// Set the time of a message one way, in milliseconds.
    #[arg(long, default_value_t = Costs::default().network)]
    network_ms: f64,
    /// Set a node's time between an answer and its next statement, in milliseconds.
    #[arg(long, default_value_t = Costs::default().turn)]
    turn_ms: f64,
    /// Simulate only nodes that lease directly from the store, without the search for the largest number of nodes.
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
            // At least one, if the share is above zero.
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
        println!("The first revocation after some nodes have stopped:\n{}\n", table(&stopped));
        let most = limit(&settings, 20_000);
        println!(
            "The largest number of nodes that works: {}\n",
            most.map_or("fewer than 10".to_owned(), |most| most.to_string())
        );
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
