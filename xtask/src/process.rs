use std::env;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::Error;

pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    without_package(command("cargo", arguments))
}

pub(crate) fn without_package(mut command: Command) -> Command {
    // Build scripts that read these variables would run again, and all crates that depend on them.
    for (name, _) in env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|of_package| name.to_string_lossy().starts_with(of_package)) {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn root() -> &'static Path {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.parent().unwrap_or(crate_directory)
}

pub(crate) fn target() -> PathBuf {
    // A relative path counts from the folder in which cargo runs.
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(|source| cannot_start(command, source))?;
    expect_success(command, status)
}

pub(crate) fn run_watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), Error> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|source| cannot_start(command, source))?;
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), &mut see)
            .map_err(|source| Error::PassOn { command: shown(command), source })?;
    }
    let status = child.wait().map_err(|source| cannot_start(command, source))?;
    expect_success(command, status)
}

pub(crate) fn output(mut command: Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| cannot_start(&command, source))?;
    expect_success(&command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(crate) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian installs servers in folders that are not in the PATH of a plain user.
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(servers).any(|directory| directory.join(program).is_file())
}

fn pass_on(mut output: impl io::BufRead, see: &mut impl FnMut(&str)) -> io::Result<()> {
    // Bytes, not `lines()`, because a test may print text that is not UTF-8.
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
