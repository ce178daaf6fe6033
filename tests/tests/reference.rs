//! The guide's reference pages name exactly the codes, settings and metrics of the code.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyward::lifecycle::TooLong;
use keyward::manage::{EventKind, ManagementError};
use keyward::store::StoreError;
use keyward::{Scope, Timestamp};
use keyward_tests::program::package_program;
use keyward_tests::rejections;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn section(page: &str, heading: &str) -> String {
    let text = read(page);
    let rest = text.split(&format!("\n## {heading}\n")).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{page} has no section {heading}"));
    rest.split("\n## ").next().unwrap().to_owned()
}

fn rows(text: &str) -> BTreeMap<String, String> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let second = |rest: &str| format!(" {rest}").split(" |").next().unwrap().trim().to_owned();
    cells.map(|(first, rest)| (first.to_owned(), second(rest))).collect()
}

/// Without comments and unit tests.
fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push(lines.collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

fn codes(source: &str) -> impl Iterator<Item = String> {
    let literals = source.match_indices('"').filter_map(|(at, _)| source.get(at + 1..)?.split('"').next());
    let is_code = |text: &&str| text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    literals.filter(is_code).map(str::to_owned)
}

fn codes_of_management() -> BTreeSet<String> {
    let files = ["crates/manage/src", "crates/gateway/src"].map(|folder| sources(&root().join(folder))).concat();
    let writes_codes = |code: &&String| code.contains("StatusCode::");
    files.iter().filter(writes_codes).flat_map(|code| codes(code)).collect()
}

fn management_errors() -> Vec<ManagementError> {
    use ManagementError as E;
    let retry_after = Duration::from_secs(1);
    vec![
        E::Invalid { field: "name", message: String::new() },
        E::NotFound("key"),
        E::Forbidden(Scope::from_static("keys:read")),
        E::TestMode(Scope::from_static("members:write")),
        E::Escalation(String::new()),
        E::UsersOnly,
        E::Stale,
        E::Duplicate("key"),
        E::Ended,
        E::Rotated,
        E::KeyLimit { limit: 1 },
        E::LifetimeTooLong(TooLong { end: None, latest: Timestamp::MAX, maximum: retry_after }),
        E::LastOwner,
        E::WrongCredentials,
        E::SignedOut,
        E::LinkEnded,
        E::SignInAgain,
        E::AddressInUse,
        E::AccountLimit { limit: 1 },
        E::PasswordsOff,
        E::NotAdmitted,
        E::SignUpClosed,
        E::Throttled { retry_after },
        E::Busy { retry_after },
        E::OtherRequest,
        E::InProgress,
        E::Store(StoreError::unavailable("the store is gone")),
        E::Internal,
    ]
}

#[test]
fn every_code_of_a_service_is_explained_with_its_status() {
    let rows = rows(section("guide/src/errors.md", "Your API").split("\n### ").next().unwrap());
    let expected: BTreeMap<String, String> = rejections::all()
        .iter()
        .map(|rejection| (rejection.code().to_owned(), rejection.status().as_u16().to_string()))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_code_of_the_management_api_is_explained_with_its_status() {
    let rows = rows(&section("guide/src/errors.md", "The management API"));
    let explained: BTreeSet<String> = rows.keys().cloned().collect();
    assert_eq!(explained, codes_of_management());
    for error in management_errors() {
        assert_eq!(rows[error.code()], error.status().as_u16().to_string(), "{}", error.code());
    }
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(package_program("keyward-cli", "keyward")).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_exit_code_is_explained() {
    let help = help(&["--help"]);
    let listed =
        help.lines().skip_while(|line| *line != "Exit codes:").filter_map(|line| line.trim_start().split_once("  "));
    let listed: Vec<&str> = listed.map(|(code, _)| code).filter(|code| code.parse::<u8>().is_ok()).collect();
    assert!(listed.len() > 3, "{help}");
    let section = section("guide/src/errors.md", "The command line");
    let missing: Vec<_> = listed.iter().filter(|code| !section.contains(&format!("\n| {code} | "))).collect();
    assert!(missing.is_empty(), "guide/src/errors.md lacks the exit codes {missing:?}");
}

/// Maps each flag to its environment variable, or to an empty text.
fn settings() -> BTreeMap<String, String> {
    let help = help(&["serve", "--help"]);
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    let mut flag = String::new();
    for line in help.lines().map(str::trim_start) {
        if line.starts_with("--") {
            line.split(' ').next().unwrap().clone_into(&mut flag);
            settings.insert(flag.clone(), String::new());
        }
        // A variable may stand on the line after `[env:`.
        let variable = line.split([' ', '=', ']']).find(|word| word.starts_with("KEYWARD_"));
        if let (Some(variable), Some(setting)) = (variable, settings.get_mut(&flag)) {
            *setting = format!("`{variable}`");
        }
    }
    settings
}

#[test]
fn every_setting_of_the_server_is_explained_with_its_variable() {
    let text = section("guide/src/configuration.md", "`keyward serve`")
        + &section("guide/src/configuration.md", "Every command");
    let rows = rows(&text);
    let flags = rows.iter().filter(|(first, _)| first.starts_with("--"));
    let explained: BTreeMap<String, String> =
        flags.map(|(flag, second)| (flag.split(' ').next().unwrap().to_owned(), second.clone())).collect();
    assert_eq!(explained, settings());
}

#[test]
fn every_method_of_the_builder_is_explained() {
    let source = read("crates/core/src/authenticate/builder.rs");
    let methods = source.lines().filter_map(|line| line.strip_prefix("    pub fn ")?.split_once("(mut self"));
    let methods: BTreeSet<String> = methods.map(|(name, _)| name.to_owned()).collect();
    let rows = rows(&section("guide/src/configuration.md", "The layer in your service"));
    assert_eq!(rows.into_keys().collect::<BTreeSet<_>>(), methods);
}

#[test]
fn every_metric_is_listed_and_no_other() {
    let files = sources(&root().join("crates"));
    let names = files.iter().flat_map(|code| code.split("!(\"keyward_").skip(1));
    let names = names.map(|rest| format!("keyward_{}", rest.split('"').next().unwrap()));
    // The rest are other macros, such as `format!("keyward_{what}")`.
    let names: BTreeSet<String> = names.filter(|name| !name.contains('{')).collect();
    assert!(names.len() > 10, "{names:?}");
    let rows = rows(&section("guide/src/metrics.md", "Every metric"));
    assert_eq!(rows.into_keys().collect::<BTreeSet<_>>(), names);
}

#[test]
fn every_event_is_listed_with_its_meaning() {
    let kinds = EventKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.meaning().to_owned()));
    assert_eq!(rows(&section("guide/src/events.md", "Events")), kinds.collect());
}

#[test]
fn every_quoted_message_is_in_the_code() {
    let files = sources(&root().join("crates"));
    let mut quoted = 0;
    let pages = fs::read_dir(root().join("guide/src")).unwrap().map(|entry| entry.unwrap().path());
    for path in pages.filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(&path).unwrap();
        for message in text.split("**\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let is_known = files.iter().any(|code| code.contains(message));
            assert!(is_known, "{}: the code has no message {message:?}", path.display());
            quoted += 1;
        }
    }
    assert!(quoted > 3, "the guide quotes {quoted} messages");
}

#[test]
fn every_crate_that_logs_is_listed_with_its_target() {
    let section = section("guide/src/metrics.md", "Logs");
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap();
        let logs = sources(&folder.path().join("src")).iter().any(|code| {
            ["error", "warn", "info", "debug"].iter().any(|level| code.contains(&format!("tracing::{level}!")))
                || code.contains("log_limited!(")
        });
        // The command line's crate has the target of its program.
        let target = match folder.file_name().to_str().unwrap() {
            "cli" => "`keyward`".to_owned(),
            name => format!("`keyward_{}`", name.replace('-', "_")),
        };
        assert!(!logs || section.contains(&target), "guide/src/metrics.md lacks the target {target}");
    }
}
