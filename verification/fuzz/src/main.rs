//! A fuzzer without coverage, for any toolchain.

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]

mod mutation;

use std::fs;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use keyward_fuzzing::TARGETS;

/// Runs the fuzz targets over their corpus and random changes to it.
#[derive(Parser)]
struct Arguments {
    /// Run each target for this many seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Run only this target.
    #[arg(long)]
    target: Option<String>,
    /// Read the corpus from this folder.
    #[arg(long, default_value = "verification/fuzz/corpus")]
    corpus: PathBuf,
    /// Write inputs that fail to this folder.
    #[arg(long, default_value = "target/fuzz/artifacts")]
    artifacts: PathBuf,
    /// Draw the changes from this seed. The same seed gives the same changes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = TARGETS.iter().filter(|(name, _)| arguments.target.as_ref().is_none_or(|target| target == name));
    let mut outcome = ExitCode::SUCCESS;
    for (name, run) in chosen {
        match fuzz(&arguments, name, *run) {
            Ok(inputs) => println!("{name}: {inputs} inputs, nothing found"),
            Err(input) => {
                let file = arguments.artifacts.join(format!("{name}-found"));
                let written = fs::create_dir_all(&arguments.artifacts).and_then(|()| fs::write(&file, &input));
                let place = if written.is_ok() { file.display().to_string() } else { "nowhere".into() };
                println!("{name}: FOUND {:?}, kept in {place}", String::from_utf8_lossy(&input));
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

fn fuzz(arguments: &Arguments, name: &str, run: fn(&[u8])) -> Result<u64, Vec<u8>> {
    let files = fs::read_dir(arguments.corpus.join(name)).into_iter().flatten().flatten();
    let seeds: Vec<Vec<u8>> = files.filter_map(|file| fs::read(file.path()).ok()).collect();
    let holds = |input: Vec<u8>| panic::catch_unwind(|| run(&input)).map_err(|_| input.clone());
    let mut inputs = 0;
    for seed in &seeds {
        holds(seed.clone())?;
        inputs += 1;
    }
    let end = Instant::now() + Duration::from_secs_f64(arguments.seconds);
    let mut mutator = mutation::Mutator::new(seeds, arguments.seed);
    while Instant::now() < end {
        holds(mutator.input())?;
        inputs += 1;
    }
    Ok(inputs)
}
