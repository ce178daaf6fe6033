use std::fs;
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::Program;

use crate::{deploy, keyward, read, run};

#[needs(systemd)]
#[test]
fn unit_is_valid_and_confined() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("keyward.service");
    let text = read("deploy/systemd/keyward.service");
    let installed = "ExecStart=/usr/local/bin/keyward ";
    assert!(text.contains(installed));
    fs::write(&unit, text.replace(installed, &format!("ExecStart={} ", keyward().display()))).unwrap();
    let verified = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    assert_eq!(verified, "");
    // The threshold is ten times the exposure: 2.0.
    run(Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=true", "--threshold=20"])
        .arg(&unit));
}

#[needs(systemd)]
#[test]
fn user_of_the_unit_can_be_created() {
    let dry = run(Command::new("systemd-sysusers").arg("--dry-run").arg(deploy("systemd/keyward.sysusers.conf")));
    assert!(!dry.contains("fail"), "{dry}");
}

/// The sample names PostgreSQL and fixed ports. Flags replace them.
#[test]
fn server_takes_the_sample_of_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(keyward());
    command.current_dir(folder.path()).args(["--database", "keyward.db", "serve", "--config"]);
    command.arg(deploy("systemd/keyward.toml")).args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    Program::of(&mut command).0.stop();
}
