//! The program on a terminal: it does not show a typed password.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward_needs::needs;

use serving::{EMAIL, PASSWORD, Serving};

/// Waits for the terminal that `script` gives to its program.
fn wait_until_nothing_is_echoed(script: u32) {
    let children = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
    let terminal = std::fs::read_link(format!("/proc/{}/fd/0", children.trim())).unwrap();
    let begun = Instant::now();
    let echoes = || {
        let output = Command::new("stty").arg("-a").arg("-F").arg(&terminal).output().unwrap();
        let settings = String::from_utf8(output.stdout).unwrap();
        assert!(settings.contains("echo"), "{settings} {}", String::from_utf8_lossy(&output.stderr));
        !settings.split_whitespace().any(|setting| setting == "-echo")
    };
    while echoes() {
        assert!(begun.elapsed() < Duration::from_secs(60), "typed passwords are shown");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[needs(script)]
#[test]
fn a_typed_password_is_not_shown() {
    let server = Serving::start();
    // `script` gives the program a terminal.
    let line = format!("{} --server {} login --email {EMAIL}", env!("CARGO_BIN_EXE_keyward"), server.url);
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_remove("KEYWARD_TOKEN");
    command.env("XDG_CONFIG_HOME", server.folder.path().join("config"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bsdutils has it");
    let mut output = child.stdout.take().unwrap();
    let (mut shown, mut part) = (String::new(), [0; 1_024]);
    // Open until the end: `script` ends with its input.
    let (mut unwritten, mut written) = (child.stdin.take(), None);
    loop {
        let read = output.read(&mut part).unwrap();
        if read == 0 {
            break;
        }
        shown += &String::from_utf8_lossy(&part[..read]);
        if shown.contains("Password: ")
            && let Some(mut input) = unwritten.take()
        {
            // The echo is turned off behind the prompt.
            wait_until_nothing_is_echoed(child.id());
            input.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
            written = Some(input);
        }
    }
    drop(written);
    assert!(child.wait().unwrap().success() && shown.contains("signed in"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[needs(script)]
#[test]
fn the_demo_says_in_a_sentence_how_to_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_keyward");
    let [database, process] = ["a.db", "process"].map(|name| folder.path().join(name));
    let line = format!(
        "echo $$ > {} && exec {program} serve --demo --database {} --listen 127.0.0.1:0",
        process.display(),
        database.display()
    );
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_remove("KEYWARD_SERVER");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bsdutils has it");
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || output.next().unwrap().unwrap();
    assert!(next().contains("filling the database with example data"), "it says at once what takes long");
    let sentence = next();
    let words: Vec<&str> = sentence.split_whitespace().collect();
    assert!(sentence.starts_with("keyward runs. Sign in at http://127.0.0.1:"), "{sentence}");
    assert!(words[5].ends_with("/login") && words[7..10] == ["demo@example.com", "with", "the"], "{sentence}");
    assert!(next().starts_with("The demo's management key: kwms_live_"));
    // It would end with its terminal, but not if these tests run without one.
    let process = std::fs::read_to_string(process).unwrap();
    assert!(Command::new("kill").arg(process.trim()).status().unwrap().success());
    child.wait().unwrap();
}
