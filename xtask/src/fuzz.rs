use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::error::Error;
use crate::process::{self, cargo};
use crate::tools::Tool;

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", options: &[] };

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run for this many seconds of processor time, all targets together. A busy machine takes longer.
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Run only this target [default: all targets, one after the other]
    #[arg(long)]
    target: Option<String>,
}

impl Options {
    pub(crate) fn quick() -> Self {
        Self { seconds: 30, target: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let targets = match &options.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    let seconds = (options.seconds / targets.len().max(1) as u64).max(1);
    let Some(sanitizer) = CARGO_FUZZ.install().ok().and_then(|()| build()) else {
        println!(
            "NOT under libFuzzer, which cannot be installed here: trying the corpus and random changes to it, by the clock"
        );
        return without_coverage(options, seconds);
    };
    for target in &targets {
        let (found, seeds) = (folder("corpus", target)?, process::root().join("verification/fuzz/corpus").join(target));
        let artifacts = folder("artifacts", target)?;
        println!("fuzz {target}: {seconds} s");
        let (begun, mut left) = (processor_time(), seconds);
        while left > seconds / 50 {
            let mut fuzz = cargo_fuzz("run", sanitizer);
            // New inputs go beside the corpus, which is chosen by hand.
            fuzz.arg(target).args([&found, &seeds]).arg("--").arg(format!("-max_total_time={left}"));
            fuzz.args(["-max_len=2048", "-verbosity=0", "-print_funcs=0", "-print_final_stats=1"]);
            fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
            process::run(&mut fuzz)?;
            // libFuzzer measures by the clock. Another run makes up for processor time that other programs took.
            left = seconds.saturating_sub((processor_time() - begun).as_secs());
        }
        println!("fuzzed {target}: {} s of processor time", (processor_time() - begun).as_secs());
    }
    Ok(())
}

fn processor_time() -> Duration {
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).map(|usage| usage.user_time() + usage.system_time());
    // A process may always read its own usage.
    children.map_or(Duration::ZERO, |time| Duration::from_micros(time.num_microseconds().unsigned_abs()))
}

fn targets() -> Result<Vec<String>, Error> {
    let folder = process::root().join("verification/fuzz/libfuzzer/fuzz_targets");
    let cannot_use = |source| Error::File { path: folder.display().to_string(), source };
    let files = std::fs::read_dir(&folder).map_err(cannot_use)?;
    let mut names: Vec<String> =
        files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// Returns the sanitizer, if any.
fn build() -> Option<&'static str> {
    ["address", "none"].into_iter().find(|sanitizer| process::run(&mut cargo_fuzz("build", sanitizer)).is_ok())
}

fn cargo_fuzz(action: &str, sanitizer: &str) -> Command {
    let mut command = CARGO_FUZZ.command(action);
    command.arg("--fuzz-dir").arg(process::root().join("verification/fuzz/libfuzzer"));
    command.args(["--sanitizer", sanitizer, "--target-dir"]).arg(process::root().join("target/fuzz"));
    // A stable compiler needs this for the sanitizers' flags. Published builds do not use it.
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

fn folder(name: &str, target: &str) -> Result<PathBuf, Error> {
    let path = process::root().join("target/fuzz").join(name).join(target);
    std::fs::create_dir_all(&path).map_err(|source| cannot_make(&path, source))?;
    Ok(path)
}

fn cannot_make(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

fn without_coverage(options: &Options, seconds: u64) -> Result<(), Error> {
    let mut fuzz = cargo(&["run", "--quiet", "--package", "keyward-fuzzing", "--", "--seconds"]);
    fuzz.arg(seconds.to_string());
    if let Some(target) = &options.target {
        fuzz.args(["--target", target]);
    }
    process::run(&mut fuzz)
}
