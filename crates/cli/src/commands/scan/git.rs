//! Runs git on repositories that are not trusted: their configuration may name programs, such as `core.fsmonitor`.
//! Every git command is made here: its command line overrides them. The environment of hooks and the caller's safe folders stay.

use std::path::MAIN_SEPARATOR_STR;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Settings that run a program or fetch objects, with harmless values.
const OVERRIDDEN: [&str; 16] = [
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

const REMOVED: [&str; 7] =
    ["GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND"];

pub(super) fn git() -> Command {
    let mut git = bare();
    // Without this, git refuses a folder of another user, as in a container.
    for folder in safe_directories() {
        git.arg("-c").arg(format!("safe.directory={folder}"));
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    git
}

fn bare() -> Command {
    let mut git = Command::new("git");
    git.arg("--no-pager");
    for setting in OVERRIDDEN {
        git.args(["-c", setting]);
    }
    for name in REMOVED {
        git.env_remove(name);
    }
    // Does not write the index, so no hook runs and no other git waits.
    git.env("GIT_OPTIONAL_LOCKS", "0");
    git.env("GIT_ATTR_NOSYSTEM", "1");
    git.env("GIT_TERMINAL_PROMPT", "0");
    // Reports what a partial clone lacks as missing, and does not fetch it. Older versions know the second variable only.
    git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "");
    // Shows the stored objects, not those of `git replace` or a graft.
    git.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "");
    git
}

/// git ignores those of a repository.
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
    // git fails without output if there is no such setting or file.
    let output = asked.map(|asked| asked.stdout).unwrap_or_default();
    let mut folders: Vec<String> = String::from_utf8_lossy(&output).split('\0').map(ToOwned::to_owned).collect();
    // Each ends with the separator. An empty one clears the list before it.
    folders.pop();
    folders
}
