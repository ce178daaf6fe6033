//! Repositories that try to run a program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use keyward_needs::needs;

use crate::management::Management;
use crate::{hint, key};

impl Management {
    /// The trap is in the repository's own git folder, as in an archive.
    fn trap(&self) -> (String, PathBuf) {
        let (program, mark) = (self.folder().join(".git/trap"), self.0.path().join("run"));
        fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", mark.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        (program.to_str().unwrap().to_owned(), mark)
    }

    fn repository(&self) -> String {
        let key = key();
        self.git(&["init", "--quiet"]);
        self.write("old", "clean");
        self.write("a.txt", &key);
        self.commit("begin");
        self.write("a.txt", format!("again {key}"));
        self.git(&["add", "a.txt"]);
        key
    }
}

/// `TRAP` is the program, and `DIR` the folder of hooks.
const SETTINGS: &[&[(&str, &str)]] = &[
    &[("core.fsmonitor", "TRAP")],
    &[("core.fsmonitor", "TRAP"), ("core.fsmonitorHookVersion", "1")],
    &[("core.hooksPath", "DIR")],
    &[("core.pager", "TRAP")],
    &[("pager.log", "TRAP"), ("pager.rev-list", "TRAP"), ("pager.diff-index", "TRAP")],
    &[("core.editor", "TRAP")],
    &[("core.sshCommand", "TRAP")],
    &[("core.gitProxy", "TRAP")],
    &[("core.askPass", "TRAP")],
    &[("core.alternateRefsCommand", "TRAP")],
    &[("credential.helper", "TRAP")],
    &[("diff.external", "TRAP")],
    &[("diff.trap.command", "TRAP")],
    &[("diff.trap.textconv", "TRAP"), ("diff.trap.binary", "true")],
    &[("filter.trap.clean", "TRAP"), ("filter.trap.smudge", "TRAP"), ("filter.trap.required", "true")],
    &[("filter.trap.process", "TRAP"), ("filter.trap.required", "true")],
    &[("merge.trap.driver", "TRAP")],
    &[("gpg.program", "TRAP"), ("log.showSignature", "true")],
    &[("gpg.format", "ssh"), ("gpg.ssh.program", "TRAP"), ("log.showSignature", "true")],
    &[("trailer.trap.cmd", "TRAP")],
    &[("alias.rev-parse", "!TRAP"), ("alias.log", "!TRAP"), ("alias.rev-list", "!TRAP")],
];

const COMMANDS: [&[&str]; 2] = [&["--staged"], &["--history"]];

fn check(management: &Management, key: &str, mark: &PathBuf, what: &str) {
    for command in COMMANDS {
        let ended = management.scan(command);
        assert!(ended.out.contains(&hint(key)), "{what}, {command:?}: {} {}", ended.out, ended.err);
        let ran = fs::read_to_string(mark).unwrap_or_default();
        assert!(ran.is_empty(), "{what}, {command:?} ran {ran}");
    }
}

#[needs(git)]
#[test]
fn repository_settings_run_no_program() {
    for settings in SETTINGS {
        for included in [false, true] {
            let management = Management::new();
            let key = management.repository();
            let (trap, mark) = management.trap();
            let hooks = management.folder().join(".git/traps");
            fs::create_dir(&hooks).unwrap();
            for hook in ["post-index-change", "fsmonitor-watchman", "query-watchman", "reference-transaction"] {
                fs::copy(&trap, hooks.join(hook)).unwrap();
            }
            management.write(".gitattributes", "* diff=trap filter=trap merge=trap\n");
            let file = management.folder().join(if included { ".git/more" } else { ".git/config" });
            for (name, value) in *settings {
                let value = value.replace("TRAP", &trap).replace("DIR", hooks.to_str().unwrap());
                management.git(&["config", "--file", file.to_str().unwrap(), name, &value]);
            }
            if included {
                management.git(&["config", "include.path", "more"]);
            }
            // The index is older than its files, so a refresh reads them.
            management.write("old", "clean");
            check(&management, &key, &mark, &format!("{settings:?}, included: {included}"));
        }
    }
}

#[needs(git)]
#[test]
fn missing_objects_are_not_fetched() {
    for extra in [&["protocol.allow", "always"][..], &["protocol.ext.allow", "always"]] {
        let management = Management::new();
        let key = management.repository();
        let (trap, mark) = management.trap();
        let missing = management.git(&["rev-parse", "HEAD:old"]);
        let (folder, rest) = missing.trim().split_at(2);
        let object = management.folder().join(".git/objects").join(folder).join(rest);
        fs::remove_file(object).unwrap();
        let url = if extra[0] == "protocol.allow" { ".".to_owned() } else { format!("ext::{trap}") };
        for (name, value) in [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.url", &url),
            ("remote.origin.promisor", "true"),
            ("remote.origin.uploadpack", &trap),
            (extra[0], extra[1]),
        ] {
            management.git(&["config", name, value]);
        }
        check(&management, &key, &mark, &url);
    }
}

#[needs(git)]
#[test]
fn only_safe_folders_of_the_caller_are_used() {
    let management = Management::new();
    let key = management.repository();
    let (trap, mark) = management.trap();
    let global = management.0.path().join("global");
    let set =
        |name: &str, value: &str| management.git(&["config", "--file", global.to_str().unwrap(), "--add", name, value]);
    for folder in ["/nowhere", "", "*"] {
        set("safe.directory", folder);
    }
    set("core.fsmonitor", &trap);
    let scan = |global: &str| {
        let mut command = management.command(&["scan", "--staged"]);
        // As if the folder were another user's.
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").env("GIT_CONFIG_GLOBAL", global);
        command.env_remove("KEYWARD_DATABASE").current_dir(management.folder());
        crate::management::Ended::from(command.output().unwrap())
    };
    let safe = scan(global.to_str().unwrap());
    assert!(safe.out.contains(&hint(&key)), "{} {}", safe.out, safe.err);
    assert!(!mark.exists());
    let doubtful = scan("/dev/null");
    assert!(doubtful.code != 0 && doubtful.err.contains("dubious ownership"), "{} {}", doubtful.out, doubtful.err);
}
