//! Linters of OpenAPI descriptions.

use std::path::Path;
use std::process::Command;

use crate::program::test_package;

/// Fails if Redocly or Spectral finds an error. Needs `openapi_linters`.
pub fn lint(description: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str| Command::new(test_package("openapi_linters").join("node_modules/.bin").join(name));
    let mut redocly = program("redocly");
    redocly.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true").current_dir(&folder);
    run(redocly.args(["lint", "--extends", "recommended-strict"]).arg(description));
    let rules = folder.path().join("rules.yaml");
    std::fs::write(&rules, "extends: [\"spectral:oas\"]\n").unwrap();
    run(program("spectral").args(["lint", "--ruleset"]).arg(rules).arg(description));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
