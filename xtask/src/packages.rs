//! The Debian packages that the test suite needs, and how they are installed.

use crate::error::Error;
use crate::process;

/// A command that works once a package is there, and the package's name.
struct Package {
    probe: &'static [&'static str],
    name: &'static str,
}

const PACKAGES: &[Package] = &[
    Package { probe: &["chromium", "--version"], name: "chromium" },
    Package { probe: &["chromedriver", "--version"], name: "chromium-driver" },
    Package { probe: &["curl", "--version"], name: "curl" },
    Package { probe: &["node", "--version"], name: "nodejs" },
    Package { probe: &["npm", "--version"], name: "npm" },
    Package { probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/postgres"], name: "postgresql" },
    Package { probe: &["sh", "-c", "pgbouncer --version || /usr/sbin/pgbouncer --version"], name: "pgbouncer" },
    Package { probe: &["sh", "-c", "valkey-server --version || redis-server --version"], name: "redis-server" },
    Package { probe: &["sh", "-c", "nginx -v || /usr/sbin/nginx -v"], name: "nginx" },
    Package { probe: &["caddy", "version"], name: "caddy" },
    Package { probe: &["sh", "-c", "haproxy -v || /usr/sbin/haproxy -v"], name: "haproxy" },
    Package { probe: &["ip", "-V"], name: "iproute2" },
    Package { probe: &["pkill", "--version"], name: "procps" },
    Package { probe: &["setpriv", "--version"], name: "util-linux" },
    Package { probe: &["python3", "--version"], name: "python3" },
    Package { probe: &["python3", "-c", "import ensurepip, venv"], name: "python3-venv" },
];

/// What the load test and the comparison with peers need.
const FOR_LOAD: &[Package] = &[
    Package { probe: &["sh", "-c", "command -v wrk"], name: "wrk" },
    Package { probe: &["taskset", "--version"], name: "util-linux" },
];

/// The peers that are Debian packages, and what the others run on.
const PEERS: &[Package] = &[
    Package { probe: &["sh", "-c", "nginx -v || /usr/sbin/nginx -v"], name: "nginx" },
    Package { probe: &["sh", "-c", "haproxy -v || /usr/sbin/haproxy -v"], name: "haproxy" },
    Package { probe: &["node", "--version"], name: "nodejs" },
    Package { probe: &["npm", "--version"], name: "npm" },
    Package { probe: &["python3", "-c", "import ensurepip, venv"], name: "python3-venv" },
];

/// Installs the packages that the test suite lacks.
pub(crate) fn install() -> Result<(), Error> {
    install_missing(PACKAGES)
}

/// Installs what the load test lacks.
pub(crate) fn install_for_load() -> Result<(), Error> {
    install_missing(FOR_LOAD)
}

/// Installs the peers that can be had; what cannot is said.
pub(crate) fn try_install_for_peers() {
    for package in PEERS {
        if install_missing(std::slice::from_ref(package)).is_err() {
            println!("skipped: {} cannot be installed", package.name);
        }
    }
}

/// Without anything missing, nothing is run and no rights are needed.
fn install_missing(packages: &[Package]) -> Result<(), Error> {
    let missing = missing(packages, works);
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

fn missing(packages: &[Package], works: impl Fn(&[&str]) -> bool) -> Vec<&'static str> {
    packages.iter().filter(|package| !works(package.probe)).map(|package| package.name).collect()
}

fn works(probe: &[&str]) -> bool {
    process::is_installed(probe[0]) && process::succeeds(&mut process::command(probe[0], &probe[1..]))
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
    use super::{PACKAGES, missing};

    #[test]
    fn only_what_is_missing_is_installed() {
        assert!(missing(PACKAGES, |_| true).is_empty());
        assert_eq!(missing(PACKAGES, |probe| probe[0] != "curl"), ["curl"]);
        assert_eq!(missing(PACKAGES, |probe| probe[0] != "node"), ["nodejs"]);
    }
}
