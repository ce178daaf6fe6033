//! The Debian packages that the test suite needs, and how they are installed.

use crate::error::Error;
use crate::process;

/// A program that shows that a package is there, and the package's name.
struct Package {
    probe: &'static str,
    name: &'static str,
}

const PACKAGES: &[Package] = &[
    Package { probe: "curl", name: "curl" },
    Package { probe: "node", name: "nodejs" },
    Package { probe: "python3", name: "python3" },
    Package { probe: "pip3", name: "python3-venv" },
];

/// Installs the packages that are missing; without any, nothing is run and no rights are needed.
pub(crate) fn install() -> Result<(), Error> {
    let missing = missing(process::is_installed);
    if missing.is_empty() {
        return Ok(());
    }
    println!("== installing {}", missing.join(", "));
    let Some(prefix) = apt_get() else {
        return Err(Error::CannotInstall { packages: missing.join(" ") });
    };
    run(prefix, &["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    run(prefix, &[&install, missing.as_slice()].concat())
}

fn missing(is_installed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    PACKAGES.iter().filter(|package| !is_installed(package.probe)).map(|package| package.name).collect()
}

/// How apt-get is run here, if it can be. `env` sets the variable behind sudo, which would drop it.
fn apt_get() -> Option<&'static [&'static str]> {
    const AS_ROOT: &[&str] = &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    const WITH_SUDO: &[&str] = &["sudo", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];

    if !process::is_installed("apt-get") {
        None
    } else if is_root() {
        Some(AS_ROOT)
    } else if process::is_installed("sudo") {
        Some(WITH_SUDO)
    } else {
        None
    }
}

fn is_root() -> bool {
    process::succeeds(&mut process::command("sh", &["-c", "test \"$(id -u)\" = 0"]))
}

fn run(prefix: &[&str], arguments: &[&str]) -> Result<(), Error> {
    let words = [prefix, arguments].concat();
    process::run(&mut process::command(words[0], &words[1..]))
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert!(missing(|_| true).is_empty());
        assert_eq!(missing(|probe| probe != "curl"), ["curl"]);
        assert_eq!(missing(|probe| probe != "node"), ["nodejs"]);
    }
}
