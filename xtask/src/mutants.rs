use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::Error;
use crate::process::{self, cargo, command};

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
    let test = |arguments: &[&str]| {
        let mut test = cargo(&["test", "--quiet", "--package", "keyward-tests", "--test", "authority"]);
        // Shares the dependencies that this workspace has built.
        test.args(arguments).current_dir(tree).env("CARGO_TARGET_DIR", process::root().join("target"));
        test.env("KEYWARD_AUTHORITY_SHRINK", "0").env("KEYWARD_AUTHORITY_SEED", options.seed.to_string());
        test.env("KEYWARD_AUTHORITY_STEPS", options.steps.to_string());
        test
    };
    // A fault that does not compile must not count as found.
    process::run(&mut test(&["--no-run"]))?;
    let output = |arguments: &[&str]| {
        let mut run = test(arguments);
        let output = run.stdin(Stdio::null()).output();
        output.map_err(|source| Error::Start { command: "cargo test".to_owned(), source })
    };
    let random = output(&["--", "in_memory"])?;
    let said = String::from_utf8_lossy(&random.stdout);
    let steps = said.split("found after ").nth(1).and_then(|rest| rest.split(' ').next());
    let by_calls = steps.filter(|_| !random.status.success());
    // If no random sequence finds the fault, a test of the rule must find it.
    let by_name = by_calls.is_none() && !output(&["--", "--skip", "no_sequence_of_calls"])?.status.success();
    let name = name(patch);
    match by_calls {
        Some(steps) => println!("{name}: found after {steps} calls"),
        None if by_name => println!("{name}: found by a test of the rule"),
        None => println!("{name}: SURVIVED"),
    }
    apply(&["--reverse"])?;
    Ok(by_calls.is_some() || by_name)
}
