//! The oldest Rust that each published crate supports, held to its word.

use std::collections::BTreeMap;

use crate::crates::{Crate, published};
use crate::error::Error;
use crate::process::{self, command};

/// Checks the crates whose manifests name an older Rust than the workspace, with that Rust.
pub(crate) fn check() -> Result<(), Error> {
    let mut by_version: BTreeMap<String, Vec<Crate>> = BTreeMap::new();
    for found in published()? {
        if let Some(version) = found.rust_version.clone()
            && version != env!("CARGO_PKG_RUST_VERSION")
        {
            by_version.entry(version).or_default().push(found);
        }
    }
    for (version, crates) in by_version {
        if !process::is_installed("rustup") {
            println!("SKIPPED: Rust {version}: rustup is not installed");
            continue;
        }
        let install = ["toolchain", "install", &version, "--profile", "minimal", "--no-self-update"];
        // One that is there already needs no network.
        let is_there = process::succeeds(&mut command("rustup", &["run", &version, "rustc", "--version"]));
        if !is_there && process::run(&mut command("rustup", &install)).is_err() {
            println!("SKIPPED: Rust {version}: rustup cannot install it here");
            continue;
        }
        let mut check =
            process::without_package(command("rustup", &["run", &version, "cargo", "check", "--all-features"]));
        // In a folder of its own, so that the tests' build stays.
        check.arg("--target-dir").arg(process::root().join("target/msrv"));
        check.args(crates.iter().flat_map(|found| ["--package", &found.name]));
        process::run(&mut check)?;
        println!("checked: {} crates with Rust {version}", crates.len());
    }
    Ok(())
}
