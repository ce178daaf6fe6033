//! Running other programs, always from the root of the workspace.

use std::env;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::Error;

/// `program` with `arguments`, to be run from the root of the workspace.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// `cargo` with `arguments`.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    without_package(command("cargo", arguments))
}

/// The command without what cargo says of this package.
pub(crate) fn without_package(mut command: Command) -> Command {
    // Build scripts that look at what cargo says of this package would run again, and with them whatever depends on them.
    for (name, _) in env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|of_package| name.to_string_lossy().starts_with(of_package)) {
            command.env_remove(name);
        }
    }
    command
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.parent().unwrap_or(crate_directory)
}

/// The folder into which cargo builds.
pub(crate) fn target() -> PathBuf {
    // Cargo reads a path that is not absolute from the folder in which it is run.
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Runs a command that speaks for itself, and expects it to succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(|source| cannot_start(command, source))?;
    expect_success(command, status)
}

/// Runs a command, passes its standard output on line by line, and shows each line to `see` too.
pub(crate) fn run_watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), Error> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|source| cannot_start(command, source))?;
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), &mut see)
            .map_err(|source| Error::PassOn { command: shown(command), source })?;
    }
    let status = child.wait().map_err(|source| cannot_start(command, source))?;
    expect_success(command, status)
}

/// Runs a command that is asked for something, and gives what it prints. What it complains of is shown.
pub(crate) fn output(mut command: Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| cannot_start(&command, source))?;
    expect_success(&command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command silently, and tells whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program of this name is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where the PATH of a plain user does not look.
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(servers).any(|directory| directory.join(program).is_file())
}

fn pass_on(mut output: impl io::BufRead, see: &mut impl FnMut(&str)) -> io::Result<()> {
    // Bytes, not `lines()`: what a test prints need not be UTF-8.
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        io::stdout().write_all(&line)?;
        io::stdout().flush()?;
        see(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

fn expect_success(command: &Command, status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: shown(command), status })
}

fn cannot_start(command: &Command, source: io::Error) -> Error {
    Error::Start { command: shown(command), source }
}

fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
