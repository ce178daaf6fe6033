use std::fs;
use std::process::Command;

use keyward_needs::needs;
use tempfile::TempDir;

use crate::{keyward, run};

fn completions(folder: &TempDir, shell: &str) -> String {
    let script = folder.path().join(shell).display().to_string();
    let output = Command::new(keyward()).args(["completions", shell]).output().unwrap();
    fs::write(&script, output.stdout).unwrap();
    script
}

#[needs(mandoc)]
#[test]
fn manual_pages_are_well_formed_and_complete() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(keyward()).arg("man").arg(folder.path()));
    let mut pages: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    let lint = Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(&pages).output().unwrap();
    let lint = String::from_utf8(lint.stdout).unwrap();
    // clap_mangen writes a line break beside a blank line. The pages have no date.
    let known = ["skipping paragraph macro: br ", "cannot parse date"];
    let faults: Vec<&str> = lint.lines().filter(|line| !known.iter().any(|fault| line.contains(fault))).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    for (page, expected) in [
        ("keyward.1", &["Exit codes", "KEYWARD_DATABASE", "keyward-keys(1)"][..]),
        ("keyward-serve.1", &["--public-url", "KEYWARD_PUBLIC_URL"]),
        ("keyward-keys-rotate.1", &["--overlap"]),
    ] {
        let shown = run(Command::new("mandoc").args(["-T", "utf8", "-O", "width=200"]).arg(folder.path().join(page)));
        // Bold and underlined letters are written twice.
        let mut plain = String::new();
        for letter in shown.chars() {
            if letter == '\u{8}' {
                plain.pop();
            } else {
                plain.push(letter);
            }
        }
        for text in expected {
            assert!(plain.contains(text), "{page} lacks {text:?}: {plain}");
        }
    }
}

#[needs(bash)]
#[test]
fn bash_completes_commands_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let script = completions(&folder, "bash");
    let complete = "source \"$1\"; shift; complete -p keyward >/dev/null || exit 1; COMP_WORDS=(\"$@\"); \
                    COMP_CWORD=$(($# - 1)); _keyward keyward \"${COMP_WORDS[COMP_CWORD]}\"; echo \"${COMPREPLY[@]}\"";
    for (words, expected) in [
        (&["keyward", "acc"][..], "accounts"),
        (&["keyward", "keys", "rot"], "rotate"),
        (&["keyward", "serve", "--public"], "--public-url"),
    ] {
        let completed = run(Command::new("bash").args(["--norc", "-c", complete, "bash", &script]).args(words));
        assert_eq!(completed.trim(), expected, "{words:?}");
    }
}

#[needs(fish)]
#[test]
fn fish_completes_commands_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let script = completions(&folder, "fish");
    for (line, expected) in
        [("keyward acc", "accounts"), ("keyward keys rot", "rotate"), ("keyward serve --public", "--public-url")]
    {
        let mut fish = Command::new("fish");
        fish.env("HOME", folder.path()).args(["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"]);
        let completed = run(fish.args([&script, line]));
        let words: Vec<&str> = completed.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(words, [expected], "{line}");
    }
}

#[needs(zsh)]
#[test]
fn zsh_loads_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    let script = completions(&folder, "zsh");
    let load = "autoload -U compinit && compinit -D -u && source \"$1\" && [[ $_comps[keyward] == _keyward ]]";
    run(Command::new("zsh").env("HOME", folder.path()).args(["-f", "-c", load, "zsh", &script]));
}
