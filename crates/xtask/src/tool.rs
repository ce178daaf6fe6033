//! Programs of others that the development commands need, installed among the workspace's own tools.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

/// A program that cargo builds. Its version is pinned, so that a new release cannot break the suite by itself.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What cargo is told besides.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// Builds and installs it once, if it is missing.
    pub(crate) fn install(&self) -> Result<(), Error> {
        if process::succeeds(Command::new(self.path()).arg("--version")) {
            return Ok(());
        }
        println!("{} is missing; building it takes some minutes, once", self.name);
        let install = ["install", self.name, "--version", self.version, "--locked"];
        process::run(cargo(&install).args(self.options).arg("--root").arg(folder()))
    }

    /// Where it is once it is installed.
    pub(crate) fn path(&self) -> PathBuf {
        folder().join("bin").join(self.name)
    }
}

fn folder() -> PathBuf {
    process::root().join("target/tools")
}
