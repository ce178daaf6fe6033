//! The program on a terminal: it does not show a typed password.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use keyward_needs::needs;

use serving::{EMAIL, PASSWORD, Serving};

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
            // The echo is turned off behind the prompt, and nothing tells when.
            std::thread::sleep(Duration::from_millis(500));
            input.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
            written = Some(input);
        }
    }
    drop(written);
    assert!(child.wait().unwrap().success() && shown.contains("signed in"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}
