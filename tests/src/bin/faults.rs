//! Checks keyward's guarantees under faults.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command line program for tests")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use keyward::AccountRecord;
use keyward_tests::faults::check::{Report, check};
use keyward_tests::faults::deployment::Deployment;
use keyward_tests::faults::history::{self, Event, Limit};
use keyward_tests::faults::schedule::plan;
use keyward_tests::faults::store::{Kind, Store};
use keyward_tests::faults::traffic::{World, limit_accounts};
use tokio::task::JoinSet;

const CREDITS_PER_SECOND: u64 = 50;

/// Run three nodes under faults and judge what their clients saw.
#[derive(Parser)]
struct Arguments {
    /// The store: sqlite, postgres or valkey.
    #[arg(long, default_value = "postgres")]
    store: Kind,
    /// Seed for the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Duration in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Keys that are issued and revoked concurrently.
    #[arg(long, default_value_t = 12)]
    keys: u64,
    /// File for the counts.
    #[arg(long)]
    json: Option<PathBuf>,
    /// File for the history of a failed run.
    #[arg(long, default_value = "target/faults-history.jsonl")]
    history: PathBuf,
    /// Judge a saved history and run nothing.
    #[arg(long)]
    check: Option<PathBuf>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let events = match &arguments.check {
        Some(file) => history::load(file).unwrap(),
        None => run(&arguments).await,
    };
    let report = check(&events);
    show(&report);
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&report).unwrap()).unwrap();
    }
    if report.violations == 0 && report.revocations > 0 {
        return ExitCode::SUCCESS;
    }
    if arguments.check.is_none() {
        history::save(&events, &arguments.history).unwrap();
        println!("to judge it again: cargo xtask faults --check {}", arguments.history.display());
    }
    ExitCode::FAILURE
}

async fn run(arguments: &Arguments) -> Vec<Event> {
    let store = Store::start(arguments.store);
    let keys = store.keys().await;
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let limits = store.limits().await;
    // It is used up before the end.
    let credits = arguments.seconds * CREDITS_PER_SECOND;
    limit_accounts(&keys, &*limits, credits).await;
    let node = std::env::current_exe().unwrap().with_file_name("fault_node");
    let deployment = Arc::new(Deployment::start(node.to_str().unwrap(), store).await);
    while keys.nodes().await.unwrap().unwrap().nodes.len() < keyward_tests::faults::NODES {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let world = World::new(Arc::clone(&deployment), keys);
    let mut clients = JoinSet::new();
    for number in 0..arguments.keys {
        clients.spawn(world.clone().come_and_go(arguments.seed * 1_000 + number));
    }
    for _ in 0..2 {
        clients.spawn(world.clone().stay());
    }
    for limit in [Limit::Budget, Limit::StrictRate] {
        clients.spawn(world.clone().spend(limit));
    }
    let begun = tokio::time::Instant::now();
    let mut faults = JoinSet::new();
    for planned in plan(arguments.seed, arguments.seconds, arguments.store) {
        tokio::time::sleep_until(begun + planned.at).await;
        let (deployment, history) = (Arc::clone(&deployment), Arc::clone(&world.history));
        faults.spawn(async move { deployment.carry_out(planned, &history).await });
    }
    while let Some(ended) = faults.join_next().await {
        ended.unwrap();
    }
    tokio::time::sleep_until(begun + Duration::from_secs(arguments.seconds)).await;
    world.stop();
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    world.take_stock().await;
    world.count_credits(&*limits, credits).await;
    world.history.events()
}

fn show(report: &Report) {
    println!("{}", serde_json::to_string_pretty(report).unwrap());
}
