use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::Error;
use crate::process::{self, cargo, command};

/// The beginning of the names of the tests of random sequences.
const RANDOM: &str = "no_sequence_of_calls";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Try only faults with this text in their name.
    #[arg(value_name = "TEXT")]
    only: Option<String>,

    /// Draw the sequences of calls from this seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Give up on a fault after this many calls.
    #[arg(long, default_value_t = 40_000)]
    steps: u64,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let patches = patches(options.only.as_deref())?;
    let tree = process::root().join("target/mutants");
    renew(&tree)?;
    let outcome = patches.iter().try_fold(Vec::new(), |mut survived, patch| {
        if !is_found(&tree, patch, options)? {
            survived.push(name(patch));
        }
        Ok(survived)
    });
    remove(&tree);
    let survived = outcome?;
    if survived.is_empty() { Ok(()) } else { Err(Error::Survived(survived.join(", "))) }
}

fn patches(only: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let folder = process::root().join("tests/mutations");
    let failed = |source| Error::File { path: folder.display().to_string(), source };
    let mut patches = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_wanted = only.is_none_or(|only| name(&path).contains(only));
        if path.extension().is_some_and(|extension| extension == "patch") && is_wanted {
            patches.push(path);
        }
    }
    patches.sort();
    Ok(patches)
}

fn name(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Always in the same place, so that its crates are built once for all faults.
fn renew(tree: &Path) -> Result<(), Error> {
    remove(tree);
    process::run(&mut command("git", &["worktree", "add", "--quiet", "--force", "--detach", &tree.to_string_lossy()]))
}

fn remove(tree: &Path) {
    process::succeeds(&mut command("git", &["worktree", "remove", "--force", &tree.to_string_lossy()]));
}

fn is_found(tree: &Path, patch: &Path, options: &Options) -> Result<bool, Error> {
    let apply =
        |arguments: &[&str]| process::run(command("git", &["apply"]).args(arguments).arg(patch).current_dir(tree));
    apply(&[])?;
    let found_by = test_that_finds(tree, patch, options)?;
    println!("{}: {}", name(patch), found_by.as_deref().unwrap_or("SURVIVED"));
    apply(&["--reverse"])?;
    Ok(found_by.is_some())
}

/// If no random sequence finds the fault, a test of the rule must find it.
fn test_that_finds(tree: &Path, patch: &Path, options: &Options) -> Result<Option<String>, Error> {
    let test = Tests { tree, options };
    let random = test.run("authority", &["in_memory"])?;
    if let Some(name) = failed(&random) {
        let steps = random.split("found after ").nth(1).and_then(|rest| rest.split(' ').next());
        return Ok(steps.map(|steps| format!("found after {steps} calls by {name}")));
    }
    let rules = match named(patch)? {
        Some((file, filter)) => test.run(&file, &[&filter])?,
        None => test.run("authority", &["--skip", RANDOM])?,
    };
    Ok(failed(&rules).map(|name| format!("found by {name}")))
}

/// The test file and the filter of a line such as `Test: manage link_sessions` before the patch.
fn named(patch: &Path) -> Result<Option<(String, String)>, Error> {
    let text = fs::read_to_string(patch).map_err(|source| Error::File { path: patch.display().to_string(), source })?;
    let head = text.lines().take_while(|line| !line.starts_with("--- "));
    let test = head.filter_map(|line| line.strip_prefix("Test: ")?.split_once(' ')).next();
    Ok(test.map(|(file, filter)| (file.to_owned(), filter.to_owned())))
}

struct Tests<'a> {
    tree: &'a Path,
    options: &'a Options,
}

impl Tests<'_> {
    fn run(&self, file: &str, arguments: &[&str]) -> Result<String, Error> {
        let test = |arguments: &[&str]| {
            let mut test = cargo(&["test", "--quiet", "--package", "keyward-tests", "--test", file]);
            // Shares the dependencies that this workspace has built.
            test.args(arguments).current_dir(self.tree).env("CARGO_TARGET_DIR", process::root().join("target"));
            test.env("KEYWARD_AUTHORITY_SHRINK", "0").env("KEYWARD_AUTHORITY_SEED", self.options.seed.to_string());
            test.env("KEYWARD_AUTHORITY_STEPS", self.options.steps.to_string());
            test
        };
        // A fault that does not compile must not count as found.
        process::run(&mut test(&["--no-run"]))?;
        let output = test(&[&["--"], arguments].concat()).stdin(Stdio::null()).output();
        let output = output.map_err(|source| Error::Start { command: "cargo test".to_owned(), source })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The first name of the last list of failures.
fn failed(output: &str) -> Option<&str> {
    let (_, list) = output.rsplit_once("\nfailures:\n")?;
    list.lines().next()?.strip_prefix("    ")
}
