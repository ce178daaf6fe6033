//! A new package outside the workspace, which depends on keyward as a user's package does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process::{self, cargo};

/// The arguments of `cargo add` for a service's runtime.
pub(crate) const TOKIO: [&str; 3] = ["tokio", "--features", "macros,net,rt-multi-thread"];

/// The package's folder is removed when this value is dropped.
pub(crate) struct FreshPackage {
    name: &'static str,
    folder: PathBuf,
}

impl FreshPackage {
    /// Creates a package that depends on keyward with the features `axum` and `sqlite`.
    pub(crate) fn create(name: &'static str) -> Result<Self, Error> {
        // Outside the workspace. Inside, cargo would treat the new package as a member.
        let folder = std::env::temp_dir().join(format!("keyward-{name}-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|source| cannot_use(&folder, source))?;
        let package = Self { name, folder };
        process::run(&mut package.cargo(&["init", "--quiet", "--vcs", "none", "--name", name]))?;
        let keyward = process::root().join("crates/keyward");
        package.add(&["keyward", "--path", &keyward.to_string_lossy(), "--features", "axum,sqlite"])?;
        Ok(package)
    }

    /// Runs `cargo add` with these arguments.
    pub(crate) fn add(&self, arguments: &[&str]) -> Result<(), Error> {
        process::run(self.cargo(&["add", "--quiet"]).args(arguments))
    }

    /// Builds the program, and returns the command that runs it in the package's folder.
    pub(crate) fn build(&self, main: &str) -> Result<Command, Error> {
        let file = self.folder.join("src/main.rs");
        fs::write(&file, main).map_err(|source| cannot_use(&file, source))?;
        process::run(self.cargo(&["build", "--quiet"]).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
        let mut program = Command::new(target().join("debug").join(self.name));
        program.current_dir(&self.folder);
        Ok(program)
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = cargo(arguments);
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", target());
        cargo
    }
}

impl Drop for FreshPackage {
    fn drop(&mut self) {
        // Files left in the temporary folder do no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn target() -> PathBuf {
    process::root().join("target/newcomer")
}

fn cannot_use(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
