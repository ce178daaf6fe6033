use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Once;

use crate::error::Error;
use crate::process::{self, command};

#[path = "../../tests/needs/src/programs.rs"]
mod programs;

mod plan;

use plan::Plan;
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

const FOR_INSTRUCTIONS: &[Package] = &[Package { probe: &["valgrind", "--version"], name: "valgrind" }];

const PEERS: &[Package] = &[
    Package { probe: &["sh", "-c", "nginx -v || /usr/sbin/nginx -v"], name: "nginx" },
    Package { probe: &["sh", "-c", "haproxy -v || /usr/sbin/haproxy -v"], name: "haproxy" },
    Package { probe: &["node", "--version"], name: "nodejs" },
    Package { probe: &["npm", "--version"], name: "npm" },
    Package { probe: &["python3", "-c", "import ensurepip, venv"], name: "python3-venv" },
];

/// Prints what is missing, and installs it once, without a question. A test skips itself if its programs are missing.
pub(crate) fn install_for_tests() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let plan = plan();
        print!("{plan}");
        follow(&plan);
    });
}

fn plan() -> Plan {
    let mut debian = missing(INSTALLERS, works);
    for program in PROGRAMS.iter().filter(|program| program.found(process::root()).is_none()) {
        if let Source::Debian(packages) = program.source {
            debian.extend(packages.split(' '));
        }
    }
    let is_missing = |program: &&Program| !matches!(wanted(program), Ok(None));
    Plan { debian, apt_get: apt_get(), others: PROGRAMS.iter().filter(is_missing).collect() }
}

fn follow(plan: &Plan) {
    let names = &plan.debian;
    if plan.apt_get.is_ok() && !names.is_empty() && install(names).is_err() {
        // Tries each package separately, so that one failure does not affect the others.
        for name in names {
            if install(&[name]).is_err() {
                println!("NOT installed, because apt-get failed: {name}");
            }
        }
    }
    // Concurrently, because each waits for the network most of the time.
    std::thread::scope(|scope| {
        for program in &plan.others {
            scope.spawn(|| {
                if let Err(error) = install_below_target(program) {
                    println!("NOT installed, because {error}: {}", program.title);
                }
            });
        }
    });
}

/// Returns the version to install below `target`, unless it is installed.
fn wanted(program: &Program) -> Result<Option<String>, Error> {
    let wanted = match program.source {
        Source::Debian(_) => return Ok(None),
        Source::Npm(package) => package.to_owned(),
        Source::PyPi(file) => read(&process::root().join("tests/clients").join(file))?,
    };
    let mark = process::root().join(INSTALLED).join(program.name);
    let is_installed = fs::read_to_string(mark).is_ok_and(|there| there == wanted);
    Ok((!is_installed).then_some(wanted))
}

fn install_below_target(program: &Program) -> Result<(), Error> {
    let clients = process::root().join("tests/clients");
    let Some(wanted) = wanted(program)? else { return Ok(()) };
    let installed = process::root().join(INSTALLED);
    let (mark, folder) = (installed.join(program.name), installed.with_file_name(program.name));
    println!("== installing {}", program.title);
    fs::create_dir_all(&installed).map_err(|source| cannot_use(&installed, source))?;
    if let Source::PyPi(file) = program.source {
        process::run(command("python3", &["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        process::run(command(&folder.join("bin/python").to_string_lossy(), &pip).arg(clients.join(file)))?;
    } else {
        let npm = ["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix"];
        process::run(command("npm", &npm).arg(&folder).args(wanted.split(' ')).stdin(Stdio::null()))?;
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

pub(crate) fn install_for_instructions() -> Result<(), Error> {
    install_missing(FOR_INSTRUCTIONS)
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
    let Ok(prefix) = apt_get() else {
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

fn apt_get() -> plan::AptGet {
    let sudo = || process::succeeds(&mut command("sudo", &["--non-interactive", "true"]));
    plan::apt_get(process::is_installed, is_root(), sudo)
}

fn is_root() -> bool {
    process::succeeds(&mut command("sh", &["-c", "test \"$(id -u)\" = 0"]))
}

fn run(prefix: &[&str], arguments: &[&str]) -> Result<(), Error> {
    let words = [prefix, arguments].concat();
    // A package that asks something gets no answer, and takes its default.
    process::run(command(words[0], &words[1..]).stdin(Stdio::null()))
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
