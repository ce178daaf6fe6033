//! Programs of others that the development commands need: built once, in versions that are pinned, among the workspace's own tools.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

/// A program that cargo builds, in the version that the suite is known to work with: a new release cannot break it by itself.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What cargo is told besides.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// Installs it if it is missing or another version.
    pub(crate) fn install(&self) -> Result<(), Error> {
        let said = process::output(self.command("--version"));
        if said.is_ok_and(|said| said.split_whitespace().any(|word| word.trim_start_matches('v') == self.version)) {
            return Ok(());
        }
        println!("{} {} is missing; building it takes some minutes, once", self.name, self.version);
        // Building them unoptimised takes a third of the time, which they do not give back in one run.
        let install = ["install", self.name, "--version", self.version, "--locked", "--force", "--debug", "--root"];
        let mut install = cargo(&install);
        // In one folder for all of them: what two tools have in common is built once.
        install.arg(root()).arg("--target-dir").arg(root().join("build")).args(self.options);
        process::run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))
    }

    /// The program with this argument, run from the root of the workspace; a subcommand of cargo's as cargo calls it.
    pub(crate) fn command(&self, argument: &str) -> Command {
        let mut command = process::command(&root().join("bin").join(self.name).to_string_lossy(), &[]);
        command.args(self.name.strip_prefix("cargo-")).arg(argument);
        command
    }
}

pub(crate) fn root() -> PathBuf {
    process::root().join("target/tools")
}
