//! The instructions of a request, counted by callgrind. Unlike times, they are the same on a busy machine.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::bench;
use crate::error::Error;
use crate::packages;
use crate::process;

const RECORD: &str = "benches/micro/instructions.toml";
const HEAD: &str = "# Instructions that keyward adds to a request, written by `cargo xtask instructions --update`.\n";
/// Another libc or compiler changes a count a little.
const TOLERANCE_PERCENT: u64 = 3;
const FEW: u64 = 1_000;
const MANY: u64 = 11_000;
/// The thread that records uses adds a little by chance, so the smallest count is the best.
const RUNS: usize = 3;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Record the counts instead of comparing them.
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    packages::install_for_instructions()?;
    bench::build()?;
    let file = process::root().join(RECORD);
    let use_file = |source| Error::File { path: file.display().to_string(), source };
    let text = fs::read_to_string(&file).map_err(use_file)?;
    let recorded: BTreeMap<String, u64> = toml::from_str(&text)
        .map_err(|source| Error::Manifest { path: RECORD.to_owned(), source: Box::new(source) })?;
    let none = of_request("none")?;
    let mut counted = BTreeMap::new();
    let mut grown = Vec::new();
    for (kind, before) in &recorded {
        let now = of_request(kind)?.saturating_sub(none);
        println!("{kind:14} {before:6} recorded, {now:6} now");
        if now * 100 > before * (100 + TOLERANCE_PERCENT) {
            grown.push(format!("{kind} from {before} to {now}"));
        }
        counted.insert(kind.clone(), now);
    }
    if options.update {
        let text = toml::to_string(&counted).unwrap_or_default();
        return fs::write(&file, format!("{HEAD}{text}")).map_err(use_file);
    }
    if grown.is_empty() { Ok(()) } else { Err(Error::Instructions(grown.join(", "))) }
}

/// The difference of two runs leaves out what happens once.
fn of_request(kind: &str) -> Result<u64, Error> {
    let smallest =
        |requests| (0..RUNS).map(|_| of_run(kind, requests)).try_fold(u64::MAX, |least, run| Ok(least.min(run?)));
    let (few, many): (u64, u64) = (smallest(FEW)?, smallest(MANY)?);
    Ok(many.saturating_sub(few) / (MANY - FEW))
}

fn of_run(kind: &str, requests: u64) -> Result<u64, Error> {
    let program = process::target().join("release/examples/requests");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([kind, &requests.to_string()]);
    let output = valgrind.output().map_err(|source| Error::Start { command: "valgrind".to_owned(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said).filter(|_| output.status.success()).ok_or_else(|| Error::NotCounted(said.into_owned()))
}

fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected : "))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_read_from_callgrinds_report() {
        let said = "==9== Events    : Ir\n==9== Collected : 6595216\n==9== \n";
        assert_eq!(collected(said), Some(6_595_216));
        assert_eq!(collected("==9== nothing\n"), None);
    }
}
