//! Cargo subcommands that the development commands need: built once, in versions that are pinned, among the workspace's own tools.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

/// A cargo subcommand, in the version that the suite is known to work with: a new release cannot break it by itself.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Installs it if it is missing or another version.
    pub(crate) fn install(&self) -> Result<(), Error> {
        if process::output(self.command("--version"))
            .is_ok_and(|said| said.split_whitespace().any(|word| word == self.version))
        {
            return Ok(());
        }
        println!("{} {} is missing; building it takes some minutes, once", self.name, self.version);
        let install = ["install", self.name, "--version", self.version, "--locked", "--force", "--root"];
        process::run(cargo(&install).arg(root()))
    }

    /// `cargo NAME SUBCOMMAND`, run from the root of the workspace.
    pub(crate) fn command(&self, argument: &str) -> Command {
        let mut command = process::command(&root().join("bin").join(self.name).to_string_lossy(), &[]);
        // As cargo calls its subcommands.
        command.args([self.name.trim_start_matches("cargo-"), argument]);
        command
    }
}

pub(crate) fn root() -> PathBuf {
    process::root().join("target/tools")
}
