use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::process::{self, command};

#[path = "../../tests/needs/src/programs.rs"]
mod programs;

use programs::{INSTALLED, PROGRAMS, Program, Source};

struct Package {
    probe: &'static [&'static str],
    name: &'static str,
}

const INSTALLERS: &[Package] = &[
    Package { probe: &["npm", "--version"], name: "npm" },
    Package { probe: &["python3", "-c", "import ensurepip, venv"], name: "python3-venv" },
];

const FOR_FAULTS: &[Package] = &[
    Package { probe: &["ip", "-V"], name: "iproute2" },
    Package { probe: &["pkill", "--version"], name: "procps" },
    Package { probe: &["setpriv", "--version"], name: "util-linux" },
    Package { probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/postgres"], name: "postgresql" },
    Package { probe: &["sh", "-c", "valkey-server --version || redis-server --version"], name: "redis-server" },
];

const FOR_LOAD: &[Package] = &[
    Package { probe: &["sh", "-c", "command -v wrk"], name: "wrk" },
    Package { probe: &["taskset", "--version"], name: "util-linux" },
];

const PEERS: &[Package] = &[
    Package { probe: &["sh", "-c", "nginx -v || /usr/sbin/nginx -v"], name: "nginx" },
    Package { probe: &["sh", "-c", "haproxy -v || /usr/sbin/haproxy -v"], name: "haproxy" },
    Package { probe: &["node", "--version"], name: "nodejs" },
    Package { probe: &["npm", "--version"], name: "npm" },
    Package { probe: &["python3", "-c", "import ensurepip, venv"], name: "python3-venv" },
];

/// A test skips itself if its programs are missing.
pub(crate) fn install_for_tests() {
    let mut names = missing(INSTALLERS, works);
    for program in PROGRAMS.iter().filter(|program| program.found(process::root()).is_none()) {
        if let Source::Debian(packages) = program.source {
            names.extend(packages.split(' '));
        }
    }
    if !names.is_empty() && install(&names).is_err() {
        // Tries each package separately, so that one failure does not affect the others.
        for name in names {
            if install(&[name]).is_err() {
                println!("NOT installed: the Debian package {name}");
            }
        }
    }
    // Concurrently, because each waits for the network most of the time.
    std::thread::scope(|scope| {
        for program in PROGRAMS {
            scope.spawn(|| {
                if install_below_target(program).is_err() {
                    println!("NOT installed: {} from npm or PyPI", program.title);
                }
            });
        }
    });
}

/// Unless this version is installed.
fn install_below_target(program: &Program) -> Result<(), Error> {
    let clients = process::root().join("tests/clients");
    let wanted = match program.source {
        Source::Debian(_) => return Ok(()),
        Source::Npm(package) => package.to_owned(),
        Source::PyPi(file) => read(&clients.join(file))?,
    };
    let installed = process::root().join(INSTALLED);
    let (mark, folder) = (installed.join(program.name), installed.with_file_name(program.name));
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    println!("== installing {}", program.title);
    fs::create_dir_all(&installed).map_err(|source| cannot_use(&installed, source))?;
    if let Source::PyPi(file) = program.source {
        process::run(command("python3", &["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        process::run(command(&folder.join("bin/python").to_string_lossy(), &pip).arg(clients.join(file)))?;
    } else {
        let npm = ["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix"];
        process::run(command("npm", &npm).arg(&folder).arg(&wanted))?;
    }
    // Written last, so that an interrupted installation is repeated.
    fs::write(&mark, &wanted).map_err(|source| cannot_use(&mark, source))
}

pub(crate) fn install_for_faults() -> Result<(), Error> {
    install_missing(FOR_FAULTS)
}

pub(crate) fn install_for_load() -> Result<(), Error> {
    install_missing(FOR_LOAD)
}

pub(crate) fn try_install_for_peers() {
    for package in PEERS {
        if install_missing(std::slice::from_ref(package)).is_err() {
            println!("skipped: cannot install {}", package.name);
        }
    }
}

/// If none is missing, it needs no rights.
fn install_missing(packages: &[Package]) -> Result<(), Error> {
    let missing = missing(packages, works);
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

fn install(names: &[&str]) -> Result<(), Error> {
    println!("== installing {}", names.join(", "));
    let Some(prefix) = apt_get() else {
        return Err(Error::CannotInstall { packages: names.join(" ") });
    };
    run(prefix, &["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    run(prefix, &[&install, names].concat())
}

fn missing(packages: &[Package], works: impl Fn(&[&str]) -> bool) -> Vec<&'static str> {
    packages.iter().filter(|package| !works(package.probe)).map(|package| package.name).collect()
}

fn works(probe: &[&str]) -> bool {
    process::is_installed(probe[0]) && process::succeeds(&mut command(probe[0], &probe[1..]))
}

/// sudo would drop the variable, so `env` sets it after sudo.
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
    process::succeeds(&mut command("sh", &["-c", "test \"$(id -u)\" = 0"]))
}

fn run(prefix: &[&str], arguments: &[&str]) -> Result<(), Error> {
    let words = [prefix, arguments].concat();
    process::run(&mut command(words[0], &words[1..]))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| cannot_use(path, source))
}

fn cannot_use(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::{FOR_LOAD, missing};

    #[test]
    fn only_what_is_missing_is_installed() {
        assert!(missing(FOR_LOAD, |_| true).is_empty());
        assert_eq!(missing(FOR_LOAD, |probe| probe[0] != "taskset"), ["util-linux"]);
        assert_eq!(missing(FOR_LOAD, |probe| probe[0] == "taskset"), ["wrk"]);
    }
}
