//! The cost of keyward, compared with handwritten code in one run.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to stop")]

mod allocations;
mod memory;
mod timing;

use std::path::PathBuf;

use clap::Parser;
use keyward_bench::{actix, refusal, warm_hit};
use serde_json::{Value, json};

/// Compares keyward with handwritten code.
#[derive(Parser)]
struct Arguments {
    /// Run fewer rounds, in under a minute.
    #[arg(long)]
    quick: bool,
    /// Write the figures to this file.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let rounds = if arguments.quick { 30 } else { 200 };
    let warm = warm_hit::measure(rounds);
    let refusal = refusal::measure(rounds);
    let actix = actix::measure(rounds);
    let memory = memory::measure();
    let timing = timing::measure(if arguments.quick { 200_000 } else { 1_000_000 });

    let allocations = allocations::measure();

    let mut figures = json!({ "warm_hit": warm.to_json(), "refusal": refusal.to_json(), "actix": actix.to_json(), "memory": memory.to_json(), "timing": timing.to_json() });
    figures["warm_hit"]["allocations_beyond_extensions"] = json!(allocations.warm_hit);
    figures["refusal"]["forged_allocations"] = json!(allocations.forged);
    let mut table = comfy_table::Table::new();
    table.set_header(["figure", "value"]);
    for (group, values) in figures.as_object().unwrap() {
        for (name, value) in values.as_object().unwrap() {
            table.add_row([format!("{group}.{name}"), show(value)]);
        }
    }
    println!("{table}");
    if let Some(folder) = arguments.json.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    assert!(
        !timing.is_gross(),
        "timing distinguishes wrong keys: compare the figures of `timing` above with docs/performance.md"
    );
}

fn show(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() != 0.0 => format!("{number:.2}"),
        _ => value.to_string(),
    }
}
