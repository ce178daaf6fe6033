//! `keyward scan` on files, pipes and real git repositories.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(unix)]
#[path = "scan/hostile.rs"]
mod hostile;
#[path = "scan/kept.rs"]
mod kept;
mod management;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyward_core::Mode;
use keyward_core::key::{KeyFormat, KeyKind};
use keyward_needs::needs;
use serde_json::Value;

use management::{Ended, Management};

impl Management {
    fn folder(&self) -> PathBuf {
        let folder = self.0.path().join("files");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn scan(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(&[&["scan"], arguments].concat());
        command.env_remove("KEYWARD_DATABASE").current_dir(self.folder()).output().unwrap().into()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder(), arguments)
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
    let out = Command::new("git").current_dir(folder).args(who).args(arguments).output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn key() -> String {
    key_of(&KeyFormat::default())
}

fn key_of(format: &KeyFormat) -> String {
    format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once().to_string()
}

fn hint(key: &str) -> String {
    format!("{}…{}", &key[..8], &key[key.len() - 4..])
}

fn places(ended: &Ended) -> Vec<String> {
    ended.out.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
}

fn assert_hidden(ended: &Ended, key: &str) {
    assert!(!ended.out.contains(&key[8..20]) && !ended.err.contains(&key[8..20]), "a key is shown");
}

#[test]
fn a_scan_without_finds_succeeds_silently() {
    let management = Management::new();
    let mut typo = key();
    typo.replace_range(20..21, if &typo[20..21] == "a" { "b" } else { "a" });
    management.write("a.txt", format!("kw_live_ kw_live_short {typo} sk_live_{}", &key()[8..]));
    let ended = management.scan(&[]);
    assert_eq!((ended.code, &*ended.out, &*ended.err), (0, "", ""));
    assert_eq!(management.scan(&["--json"]).out.trim(), "[]");
}

#[test]
fn finds_have_places_and_hints_only() {
    let management = Management::new();
    let key = key();
    management.write("b/config.toml", format!("# a\nkey = \"{key}\"\n"));
    management.write(".env", format!("KEY={key}"));
    management.write("binary", [&[0, 0xff, 0xfe, b'\n', 0x80], key.as_bytes(), &[0]].concat());
    let ended = management.scan(&["."]);
    assert_eq!(ended.code, 1);
    assert_eq!(places(&ended), ["./.env:1:5", "./b/config.toml:2:8", "./binary:2:2"]);
    assert!(ended.out.lines().all(|line| line.ends_with(&format!("live secret key {}", hint(&key)))), "{}", ended.out);
    assert!(ended.err.contains("keys found in 3 places"), "{}", ended.err);
    assert_hidden(&ended, &key);
    let found: Value = serde_json::from_str(&management.scan(&["--json", ".env"]).out).unwrap();
    let expected = serde_json::json!([{
        "path": ".env", "line": 1, "column": 5, "object": null, "commit": null,
        "hint": hint(&key), "kind": "secret", "mode": "live",
    }]);
    assert_eq!(found, expected);
}

#[test]
fn a_scan_takes_prefixes() {
    let management = Management::new();
    let format = KeyFormat::builder().prefix("sk", KeyKind::Secret).build().unwrap();
    management.write("a", format!("{} {}", key_of(&format), key()));
    assert_eq!(places(&management.scan(&["--prefix", "secret=sk"])), ["./a:1:1"]);
    assert_eq!(places(&management.scan(&[])), ["./a:1:42"]);
    assert_eq!(management.scan(&["--prefix", "secret=s k"]).code, 2);
}

#[needs(git)]
#[test]
fn ignored_files_are_scanned_on_request() {
    let management = Management::new();
    management.git(&["init", "--quiet"]);
    management.write(".gitignore", "ignored\n");
    management.write(".keywardignore", "fixtures/\n");
    management.write("ignored", key());
    management.write("fixtures/a", key());
    assert_eq!(management.scan(&[]).code, 0);
    assert_eq!(places(&management.scan(&["--no-ignore"])), ["./fixtures/a:1:1", "./ignored:1:1"]);
    assert_eq!(places(&management.scan(&["ignored"])), ["ignored:1:1"], "named files are scanned");
}

#[test]
fn a_large_file_is_read_to_its_end() {
    let management = Management::new();
    let mut text = "x".repeat(99).into_bytes();
    text.push(b'\n');
    let mut text = text.repeat(80_000);
    text.extend_from_slice(key().as_bytes());
    management.write("large", text);
    assert_eq!(places(&management.scan(&[])), ["./large:80001:1"]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_pipes_not_read() {
    use std::os::unix::fs::symlink;
    let management = Management::new();
    let folder = management.folder();
    management.write("sub/real", key());
    symlink("..", folder.join("sub/loop")).unwrap();
    symlink("itself", folder.join("itself")).unwrap();
    symlink("/nowhere/at/all", folder.join("dangling")).unwrap();
    symlink("sub/real", folder.join("link")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let ended = management.scan(&["."]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert_eq!(places(&ended), ["./sub/real:1:1"]);
    assert_eq!(places(&management.scan(&["link"])), ["link:1:1"], "a link that is named is looked through");
    for (path, said) in [("itself", "itself"), ("dangling", "No such file"), ("pipe", "neither a file nor a directory")]
    {
        let ended = management.scan(&[path]);
        assert_eq!(ended.code, 2, "{path}");
        assert!(ended.err.contains(said), "{}", ended.err);
    }
}

#[test]
fn unreadable_files_are_reported_beside_finds() {
    let management = Management::new();
    management.write("good", "nothing");
    let ended = management.scan(&["good", "missing"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("cannot read missing") && ended.err.contains("no key found, but 1"), "{}", ended.err);
    management.write("bad", key());
    let ended = management.scan(&["bad", "missing"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("keys found in 1 places, and 1 could not be read"), "{}", ended.err);
}

/// The superuser cannot read it either.
#[cfg(target_os = "linux")]
#[test]
fn a_read_error_is_reported() {
    let ended = Management::new().scan(&["/proc/self/mem"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("cannot read /proc/self/mem"), "{}", ended.err);
}

#[cfg(target_os = "linux")]
#[test]
fn control_characters_in_names_are_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let management = Management::new();
    fs::write(management.folder().join(std::ffi::OsStr::from_bytes(b"\xff\x1b[2J")), key()).unwrap();
    let ended = management.scan(&[]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.starts_with("./\u{fffd}\\u{1b}[2J:1:1"), "{:?}", ended.out);
}

#[test]
fn keys_in_file_names_are_redacted() {
    let management = Management::new();
    let key = key();
    management.write(&key, &key);
    for ended in [management.scan(&[]), management.scan(&["--json"]), management.scan(&[&format!("{key}x")])] {
        assert_ne!(ended.code, 0);
        assert_hidden(&ended, &key);
    }
}

#[test]
fn a_dash_scans_standard_input() {
    let management = Management::new();
    let key = key();
    let mut child = management
        .command(&["scan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "\n  {key}").unwrap();
    let ended: Ended = child.wait_with_output().unwrap().into();
    assert_eq!((ended.code, places(&ended)), (1, vec!["<standard input>:2:3".to_owned()]));
}

#[needs(git)]
#[test]
fn deleted_keys_are_found_in_the_history() {
    let management = Management::new();
    let (in_file, in_message, in_branch, in_tag) = (key(), key(), key(), key());
    management.git(&["init", "--quiet"]);
    management.write("clean", "nothing");
    management.commit("begin");
    management.write("conf/a b.env", format!("A=1\nKEY={in_file}\n"));
    let brought_in = management.commit("add");
    management.write("conf/a b.env", format!("A=2\nKEY={in_file}\n"));
    management.commit("change");
    fs::remove_dir_all(management.folder().join("conf")).unwrap();
    let said = management.commit(&format!("remove {in_message}"));
    management.git(&["checkout", "--quiet", "-b", "other"]);
    management.write("only-here", &in_branch);
    management.commit("branch");
    management.git(&["checkout", "--quiet", "main"]);
    management.git(&["tag", "-a", "v1", "-m", &format!("release {in_tag}")]);
    // In packs as well as loose.
    management.git(&["gc", "--quiet"]);
    assert_eq!(management.scan(&["."]).code, 0, "the files are clean");

    let ended = management.scan(&["--history", "--json"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    let found: Value = serde_json::from_str(&ended.out).unwrap();
    let list: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|find| (find["path"].as_str().unwrap(), find["line"].as_u64().unwrap(), find["hint"].as_str().unwrap()))
        .collect();
    let hints = [&in_message, &in_tag, &in_file, &in_branch].map(|key| hint(key));
    assert_eq!(
        list.iter().map(|(path, _, hint)| (*path, *hint)).collect::<Vec<_>>(),
        [
            ("<commit message>", &*hints[0]),
            ("<tag message>", &hints[1]),
            ("conf/a b.env", &hints[2]),
            ("only-here", &hints[3])
        ]
    );
    assert_eq!(found[0]["commit"], *said);
    assert_eq!(found[2]["commit"], *brought_in, "the commit that brought it in");
    for key in [&in_file, &in_message, &in_branch, &in_tag] {
        assert_hidden(&ended, key);
    }
    let text = management.scan(&["--history", "conf-that-never-was"]);
    assert_eq!(text.code, 2);
    let text = management.scan(&["--history", "clean", "."]);
    assert!(text.out.contains(&format!("commit {} object ", &brought_in[..12])), "{}", text.out);
    assert_eq!(text.out.lines().count(), 4, "one repository is scanned once: {}", text.out);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_no_revocation_and_loses_no_key() {
    let management = Management::new();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let (first, first_id) = management.create(&[]);
    let out = management.command(&["keys", "create", "--name", "second"]).stderr(full()).output().unwrap();
    let second = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    assert!(out.status.success() && KeyFormat::default().parse(second.as_bytes()).is_ok(), "the new key is lost");
    management.write("a", format!("{first}\n{second}\n"));
    let folder = management.folder();
    let scan = ["scan", "--revoke", "--yes", folder.to_str().unwrap()];
    let out = management.command(&scan).stderr(full()).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let again = management.run(&scan);
    assert!(again.err.contains("no key to revoke"), "{}", again.err);

    let (third, _) = management.create(&[]);
    management.write("a", &third);
    let ended: Ended = management.command(&scan).stdout(full()).output().unwrap().into();
    assert_eq!(ended.code, 2, "the lost report is an error: {}", ended.err);
    let again = management.run(&scan);
    assert!(again.err.contains("no key to revoke"), "{}", again.err);
    assert!(!again.out.contains(&first_id), "{}", again.out);
}

#[needs(git)]
#[test]
fn bare_and_empty_repositories_are_scanned() {
    let management = Management::new();
    management.git(&["init", "--quiet"]);
    assert_eq!(management.scan(&["--history"]).code, 0, "nothing was committed");
    management.write("a", key());
    management.commit("a");
    let bare = management.0.path().join("bare.git");
    git(management.0.path(), &["clone", "--quiet", "--bare", "files", "bare.git"]);
    assert_eq!(management.scan(&["--history", bare.to_str().unwrap()]).code, 1);
    let outside = tempfile::TempDir::new().unwrap();
    let ended = management.scan(&["--history", outside.path().to_str().unwrap()]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("not a git repository"), "{}", ended.err);
    let ended = management.scan(&["--history", outside.path().to_str().unwrap(), "."]);
    assert_eq!(ended.code, 1, "an unreadable path hides no find: {}", ended.err);
    // An object that is gone.
    let object = management.git(&["rev-parse", "HEAD:a"]);
    let (folder, file) = object.trim().split_at(2);
    management.write("b", key());
    management.commit("b");
    fs::remove_file(management.folder().join(".git/objects").join(folder).join(file)).unwrap();
    let ended = management.scan(&["--history"]);
    assert_eq!((ended.code, ended.out.lines().count()), (1, 1), "{}", ended.err);
    assert!(ended.err.contains(&format!("git does not have object {}", object.trim())), "{}", ended.err);
}

#[needs(git)]
#[test]
fn staged_contents_are_scanned_not_files() {
    let management = Management::new();
    management.git(&["init", "--quiet"]);
    management.write("first", key());
    management.git(&["add", "first"]);
    assert_eq!(places(&management.scan(&["--staged"])).len(), 1, "before the first commit");
    management.commit("first");
    assert_eq!(management.scan(&["--staged"]).code, 0, "what was committed before is not staged");
    management.write("second", key());
    management.git(&["add", "second"]);
    management.write("second", "cleaned, but not staged");
    let ended = management.scan(&["--staged"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains(" second:1:1: "), "{}", ended.out);
    management.git(&["rm", "--quiet", "--cached", "first"]);
    management.git(&["add", "second"]);
    assert_eq!(management.scan(&["--staged"]).code, 0, "what goes away is no find");
}

/// From `guide/src/scan.md`.
#[cfg(unix)]
#[needs(git)]
#[test]
fn the_documented_hook_stops_a_commit() {
    use std::os::unix::fs::PermissionsExt;
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guide/src/scan.md")).unwrap();
    let hook = docs.split("```sh\n#!/bin/sh\n").nth(1).expect("the hook is there").split("```").next().unwrap();
    let management = Management::new();
    management.git(&["init", "--quiet"]);
    let file = management.folder().join(".git/hooks/pre-commit");
    fs::write(&file, format!("#!/bin/sh\n{hook}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_keyward")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let commit = || {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let mut command = Command::new("git");
        command.current_dir(management.folder()).env("PATH", &path).env_remove("KEYWARD_DATABASE");
        let out = command.args(who).args(["commit", "--quiet", "-m", "a"]).output().unwrap();
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout),
        )
    };
    management.write("sub/a", "clean");
    management.git(&["add", "--all"]);
    let (done, said) = commit();
    assert!(done, "{said}");
    management.write("sub/a", key());
    management.git(&["add", "--all"]);
    let (done, said) = commit();
    assert!(!done && said.contains("sub/a:1:1"), "{said}");
}

#[test]
fn leaked_management_keys_are_found_and_revoked() {
    let management = Management::new();
    management.ok(&["accounts", "create", "operator"]);
    let (key, id) = management.create(&["--purpose", "management"]);
    let prefix = format!("secret={}", key.split('_').next().unwrap());
    management.write("a", &key);
    let folder = management.folder();
    let ended = management.run(&["--prefix", &prefix, "scan", "--revoke", "--yes", folder.to_str().unwrap()]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert_hidden(&ended, &key);
    assert_eq!(management.json(&["keys", "show", &id, "--json"])["status"], "revoked");
}

#[test]
fn a_scan_with_a_database_shows_and_revokes_keys() {
    let management = Management::new();
    let (alive, alive_id) = management.create(&[]);
    let (dead, dead_id) = management.create(&[]);
    management.ok(&["keys", "revoke", &dead_id, "--yes"]);
    management.write("a", format!("{alive}\n{dead}\n{}\n{alive}\n", key()));
    let folder = management.folder();
    let folder = folder.to_str().unwrap();
    let statuses = || -> Vec<String> {
        let found: Value = serde_json::from_str(&management.run(&["scan", "--json", folder]).out).unwrap();
        found.as_array().unwrap().iter().map(|find| find["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses(), ["active", "revoked", "unknown", "active"]);
    let ended = management.run(&["scan", folder]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains(&format!("(active, {alive_id} of default)")), "{}", ended.out);
    assert!(ended.out.contains("(unknown to this database)"), "{}", ended.out);
    let ended = management.run(&["scan", "--revoke", folder]);
    assert_eq!((ended.code, &*ended.out), (2, ""), "there is no terminal: {}", ended.err);
    let ended = management.run(&["scan", "--revoke", "--yes", folder]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains(&format!("{alive_id} is revoked: effective on")), "{}", ended.err);
    assert_hidden(&ended, &alive);
    assert_eq!(statuses(), ["revoked", "revoked", "unknown", "revoked"]);
    let ended = management.run(&["scan", "--revoke", "--yes", folder]);
    assert!(ended.err.contains("no key to revoke"), "{}", ended.err);
    let ended = management.scan(&["--revoke", "--yes"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("pass --database"), "{}", ended.err);
    let ended = management.run(&["--database", folder, "scan", folder]);
    assert_eq!(ended.code, 2, "a database that fails must not look like a find: {}", ended.err);
}

#[test]
fn peppered_keys_are_recognised() {
    let management = Management::new();
    let pepper = management.0.path().join("pepper");
    let pepper = pepper.to_str().unwrap();
    management.ok(&["pepper", pepper]);
    let (key, _) = management.create(&["--pepper-file", pepper]);
    management.write("a", &key);
    let folder = management.folder();
    let ended = management.run(&["--pepper-file", pepper, "scan", folder.to_str().unwrap()]);
    assert!(ended.out.contains("(active, "), "{}{}", ended.out, ended.err);
}
