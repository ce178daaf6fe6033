//! The cost of keyward, compared with handwritten code in one run.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to stop")]

mod timing;

use std::path::PathBuf;
use std::process::Command;

use clap::{Parser, ValueEnum};
use keyward_bench::{actix, growth, limits, refusal, warm_hit};
use serde_json::{Map, Value};

/// Compares keyward with handwritten code.
#[derive(Parser)]
struct Arguments {
    /// Run fewer rounds, in under a minute.
    #[arg(long)]
    quick: bool,
    /// Measure only this group.
    #[arg(long, value_name = "GROUP")]
    only: Option<Group>,
    /// Write the figures to this file.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let rounds = if arguments.quick { 30 } else { 200 };
    let groups = arguments.only.as_ref().map_or(Group::value_variants(), std::slice::from_ref);
    let mut figures = Map::new();
    for group in groups {
        let measured = match group {
            Group::WarmHit => warm_hit::measure(rounds).to_json(),
            Group::Growth => growth::measure(arguments.quick).to_json(),
            Group::Refusal => refusal::measure(rounds).to_json(),
            Group::Limits => limits::measure(rounds).to_json(),
            Group::Actix => actix::measure(rounds).to_json(),
            Group::Memory => memory(),
            Group::Timing => timing::measure(if arguments.quick { 200_000 } else { 1_000_000 }).to_json(),
        };
        figures.insert(group.name(), measured);
    }
    let mut table = comfy_table::Table::new();
    table.set_header(["figure", "value"]);
    for (group, values) in &figures {
        for (name, value) in values.as_object().unwrap() {
            table.add_row([format!("{group}.{name}"), show(value)]);
        }
    }
    println!("{table}");
    if let Some(folder) = arguments.json.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    let leak = figures.get("timing").is_some_and(timing::is_gross);
    assert!(!leak, "timing distinguishes wrong keys: compare the figures of `timing` above with docs/performance.md");
}

#[derive(Clone, Copy, ValueEnum)]
enum Group {
    WarmHit,
    Growth,
    Refusal,
    Limits,
    Actix,
    Memory,
    Timing,
}

impl Group {
    fn name(self) -> String {
        self.to_possible_value().unwrap().get_name().replace('-', "_")
    }
}

/// The figures of the program `memory`, which the same build put beside this one.
fn memory() -> Value {
    let program = std::env::current_exe().unwrap().with_file_name("memory");
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn show(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() != 0.0 => format!("{number:.2}"),
        _ => value.to_string(),
    }
}
