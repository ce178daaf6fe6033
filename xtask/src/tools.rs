//! Tools in pinned versions, built once below `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    pub(crate) fn install(&self) -> Result<(), Error> {
        let said = process::output(self.command("--version"));
        if said.is_ok_and(|said| said.split_whitespace().any(|word| word.trim_start_matches('v') == self.version)) {
            return Ok(());
        }
        println!("{} {} is missing; building it once takes some minutes", self.name, self.version);
        // An unoptimised build takes a third of the time, and one run does not need more speed.
        let install = ["install", self.name, "--version", self.version, "--locked", "--force", "--debug", "--root"];
        let mut install = cargo(&install);
        // One folder for all tools, so that common dependencies are built once.
        install.arg(root()).arg("--target-dir").arg(root().join("build")).args(self.options);
        process::run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))
    }

    /// A subcommand of cargo is called as cargo calls it.
    pub(crate) fn command(&self, argument: &str) -> Command {
        let mut command = process::command(&root().join("bin").join(self.name).to_string_lossy(), &[]);
        command.args(self.name.strip_prefix("cargo-")).arg(argument);
        command
    }
}

pub(crate) fn root() -> PathBuf {
    process::root().join("target/tools")
}
