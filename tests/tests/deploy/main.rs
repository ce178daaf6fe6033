//! The files of `deploy`, checked by the programs that read them.

#![allow(clippy::unwrap_used, reason = "an unwrap is an assertion here, in helpers too")]

mod container;
mod files;
mod manual;
mod monitoring;
mod systemd;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyward_tests::program::{Program, package_program};
use serde_json::Value;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn deploy(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn keyward() -> PathBuf {
    package_program("keyward-cli", "keyward")
}

/// Returns what it printed. It must succeed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{error}", output.status);
    format!("{out}{error}")
}

/// `keyward serve` on free ports and a new SQLite file, with its first line.
fn serve(folder: &TempDir, arguments: &[&str]) -> (Program, Value) {
    let mut command = Command::new(keyward());
    command.current_dir(folder.path()).args(["--database", "keyward.db", "serve"]).args(arguments);
    Program::of(command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]))
}

fn port(url: &Value) -> u16 {
    let url = url::Url::parse(url.as_str().unwrap()).unwrap();
    url.port().unwrap()
}
