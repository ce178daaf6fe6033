//! The dependencies' licences, sources, duplicates and known vulnerabilities, checked by cargo-deny.

use crate::error::Error;
use crate::process::{self, cargo};

/// Pinned, so that a new release with new checks cannot break the suite by itself.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny once, if it is missing, and runs the checks of `deny.toml`.
pub(crate) fn check() -> Result<(), Error> {
    if !process::succeeds(&mut cargo(&["deny", "--version"])) {
        println!("cargo-deny is missing; building it takes a few minutes, once");
        let install = ["install", "cargo-deny", "--version", VERSION, "--locked"];
        process::run(&mut cargo(&install))?;
    }
    process::run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))?;

    // The database of advisories lives in a git repository, which not every machine can reach.
    // A check against no database would say nothing, so it is left out, and said to be.
    if process::succeeds(&mut cargo(&["deny", "fetch", "db"])) {
        process::run(&mut cargo(&["deny", "check", "advisories"]))?;
        println!("checked: licenses, bans, sources, advisories");
    } else {
        println!("checked: licenses, bans, sources");
        println!("NOT checked: advisories (their database cannot be fetched from here)");
    }
    Ok(())
}
