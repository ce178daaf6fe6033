//! git as a child process that obeys the caller alone.
//!
//! A repository that is scanned is somebody else's: its configuration may name programs that git would run, such as `core.fsmonitor`.
//! Every git command of this program is made here, where each of those settings is overruled: what the command line says goes before every
//! file. Only the caller's own words are kept: the environment that git gives its hooks, and the folders that they declared safe.

use std::path::MAIN_SEPARATOR_STR;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Settings that run a program, or fetch something, each with a value that does neither.
const OVERRULED: [&str; 16] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "core.askPass=false",
    "core.sshCommand=false",
    "core.gitProxy=false",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "gpg.x509.program=false",
    "log.showSignature=false",
    "maintenance.auto=false",
    "protocol.allow=never",
];

/// What the environment may say, and what no command here is to go by.
const REMOVED: [&str; 7] =
    ["GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND"];

/// A git command with nothing but what is overruled, to which a subcommand is added.
pub(super) fn git() -> Command {
    let mut git = bare();
    // Of the caller's own configuration this alone is kept: without it a folder of another user, as in a container, could not be scanned.
    for folder in safe_directories() {
        git.arg("-c").arg(format!("safe.directory={folder}"));
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    git
}

fn bare() -> Command {
    let mut git = Command::new("git");
    git.arg("--no-pager");
    for setting in OVERRULED {
        git.args(["-c", setting]);
    }
    for name in REMOVED {
        git.env_remove(name);
    }
    // The index is read and not written, so that no hook hears of it and nobody has to wait.
    git.env("GIT_OPTIONAL_LOCKS", "0");
    git.env("GIT_ATTR_NOSYSTEM", "1");
    git.env("GIT_TERMINAL_PROMPT", "0");
    // What a partial clone left out is said to be missing; it is not fetched. Older versions know the second of these alone.
    git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "");
    // What is kept, and not what `git replace` or a graft shows in its place.
    git.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "");
    git
}

/// The folders that the system's and the caller's own configuration call safe, in their order. git believes no repository about this.
fn safe_directories() -> &'static [String] {
    static SAFE: OnceLock<Vec<String>> = OnceLock::new();
    SAFE.get_or_init(|| ["--system", "--global"].into_iter().flat_map(safe_of).collect())
}

fn safe_of(scope: &str) -> Vec<String> {
    let asked = bare()
        .args(["config", scope, "--null", "--get-all", "safe.directory"])
        // Outside of any repository.
        .current_dir(MAIN_SEPARATOR_STR)
        .stdin(Stdio::null())
        .output();
    // Without such a setting, or such a file, git fails and says nothing.
    let said = asked.map(|asked| asked.stdout).unwrap_or_default();
    let mut folders: Vec<String> = String::from_utf8_lossy(&said).split('\0').map(ToOwned::to_owned).collect();
    // Each ends with the separator; an empty one between two takes back what was said before it.
    folders.pop();
    folders
}
