use std::collections::BTreeMap;

use crate::crates::{Crate, published};
use crate::error::Error;
use crate::process::{self, command};

/// Its crates need a newer Rust than the rest.
const NEWER: &str = "postgres";

/// `all` also checks the crates that need a newer Rust.
pub(crate) fn check(all: bool) -> Result<(), Error> {
    let mut by_version: BTreeMap<String, Vec<Crate>> = BTreeMap::new();
    for found in published()? {
        if let Some(version) = found.rust_version.clone()
            && version != env!("CARGO_PKG_RUST_VERSION")
        {
            by_version.entry(version).or_default().push(found);
        }
    }
    let versions = if all { by_version.len() } else { 1 };
    for (version, crates) in by_version.into_iter().take(versions) {
        if !process::is_installed("rustup") {
            println!("SKIPPED: Rust {version}: rustup is not installed");
            continue;
        }
        let install = ["toolchain", "install", &version, "--profile", "minimal", "--no-self-update"];
        // An installed toolchain needs no network.
        let is_there = process::succeeds(&mut command("rustup", &["run", &version, "rustc", "--version"]));
        if !is_there && process::run(&mut command("rustup", &install)).is_err() {
            println!("SKIPPED: Rust {version}: rustup cannot install it here");
            continue;
        }
        let mut check = process::without_package(command("rustup", &["run", &version, "cargo", "check", "--quiet"]));
        // A separate folder keeps the build of the tests.
        check.arg("--target-dir").arg(process::root().join("target/msrv"));
        let mut features = Vec::new();
        for found in &crates {
            check.args(["--package", &found.name]);
            let own = found.features.iter().filter(|feature| feature.as_str() != NEWER);
            features.extend(own.map(|feature| format!("{}/{feature}", found.name)));
        }
        process::run(check.args(["--features", &features.join(",")]))?;
        println!("checked: {} crates with Rust {version}", crates.len());
    }
    Ok(())
}
