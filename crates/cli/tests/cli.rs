//! The program as users run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use keyward_core::{Authenticator, Rejection};
use keyward_sqlite::SqliteStore;
use serde_json::Value;

use management::{Ended, Management};

fn contains(file: &Path, needle: &str) -> bool {
    fs::read(file).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn no_text_of_a_key_reaches_the_terminal_as_a_command() {
    let management = Management::new();
    let hostile = "\u{9b}2J\u{7f}\u{202e}gpj.exe\u{2066}\u{feff}";
    let (_, id) = management.create(&["--metadata", &format!("team={hostile}")]);
    for arguments in [
        &["keys", "show", &id][..],
        &["keys", "show", &id, "--json"],
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["audit", "export"],
    ] {
        let ended = management.run(arguments);
        for text in [&ended.out, &ended.err] {
            let found = text.chars().find(|c| hostile.contains(*c) && !c.is_ascii_graphic());
            assert_eq!(found, None, "{arguments:?}: {text:?}");
        }
    }
    assert!(management.ok(&["keys", "show", &id]).contains(r"\u{9b}2J\u{7f}\u{202e}gpj.exe"));
    assert_eq!(management.json(&["keys", "show", &id, "--json"])["metadata"]["team"], hostile);
    let exported = management.ok(&["audit", "export"]);
    let entry: Value = serde_json::from_str(exported.lines().last().unwrap()).unwrap();
    assert_eq!(entry["after"]["metadata"]["team"], hostile);
}

#[test]
fn a_new_key_is_only_on_the_last_line_of_output() {
    let management = Management::new();
    let created =
        management.run(&["keys", "create", "--name", "first", "--scope", "resources:read", "--expires-in", "90d"]);
    assert_eq!(created.code, 0, "{}", created.err);
    let key = created.out.strip_suffix('\n').unwrap();
    assert!(!key.contains('\n') && key.starts_with("kwr_live_"), "{key}");
    let secret = &key["kwr_live_".len()..];
    assert!(!created.err.contains(secret));
    let id = management.json(&["keys", "list", "--json"])[0]["id"].as_str().unwrap().to_owned();
    for arguments in
        [&["keys", "list"][..], &["keys", "list", "--json"], &["keys", "show", &id], &["keys", "show", &id, "--json"]]
    {
        let ended = management.run(arguments);
        assert!(!ended.out.contains(secret) && !ended.err.contains(secret), "{arguments:?}");
        assert!(ended.out.contains(&id), "{arguments:?}");
    }
    for entry in fs::read_dir(management.0.path()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!contains(&path, secret), "{}", path.display());
    }
}

#[test]
fn options_of_a_new_key_are_stored_and_listed() {
    let management = Management::new();
    management.ok(&["accounts", "create", "acct_1", "--name", "Example Ltd", "--plan", "Pro"]);
    management.create(&[
        "--account",
        "acct_1",
        "--mode",
        "test",
        "--kind",
        "secret",
        "--scope",
        "jobs:*",
        "--endpoint",
        "GET /v1/*",
        "--network",
        "192.0.2.0/24",
        "--expires-at",
        "2999-01-01T00:00:00Z",
        "--metadata",
        r#"{"team":"a"}"#,
    ]);
    let list = management.json(&["keys", "list", "--json"]);
    let key = &list[0];
    for (field, value) in [
        ("name", "a key".into()),
        ("status", "active".into()),
        ("kind", "secret".into()),
        ("mode", "test".into()),
        ("account", "acct_1".into()),
        ("scopes", serde_json::json!(["jobs:*"])),
        ("endpoints", serde_json::json!(["GET /v1/*"])),
        ("networks", serde_json::json!(["192.0.2.0/24"])),
        ("metadata", serde_json::json!({"team": "a"})),
        ("last_used_at", Value::Null),
        ("revoked_at", Value::Null),
    ] {
        assert_eq!(key[field], value, "{field}");
    }
    assert!(key["expires_at"].as_str().unwrap().starts_with("2999-01-01T00:00:00"), "{key}");
    assert_eq!(management.json(&["accounts", "show", "acct_1", "--json"])["plan"], "Pro");
}

#[test]
fn lists_are_filtered() {
    let management = Management::new();
    management.ok(&["accounts", "create", "other"]);
    management.ok(&["keys", "create", "--name", "Alpha", "--mode", "test"]);
    management.ok(&["keys", "create", "--name", "beta", "--account", "other"]);
    let (_, id) = management.create(&["--kind", "publishable"]);
    management.ok(&["keys", "revoke", &id, "--yes"]);
    for (filter, names) in [
        (&[][..], &["a key", "beta", "Alpha"][..]),
        (&["--limit", "2"], &["a key", "beta"]),
        (&["--mode", "test"], &["Alpha"]),
        (&["--account", "other"], &["beta"]),
        (&["--kind", "publishable"], &["a key"]),
        (&["--status", "revoked"], &["a key"]),
        (&["--status", "active", "--search", "ALPHA"], &["Alpha"]),
        (&["--unused-for", "30d"], &["a key", "beta", "Alpha"]),
        (&["--status", "expired"], &[]),
    ] {
        let list = management.json(&[&["keys", "list", "--json"], filter].concat());
        let found: Vec<&str> = list.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{filter:?}");
    }
}

#[test]
fn each_failure_has_its_exit_code() {
    let management = Management::new();
    let (_, id) = management.create(&[]);
    let (_, revoked) = management.create(&[]);
    management.ok(&["keys", "revoke", &revoked, "--yes"]);
    let broken = management.0.path().join("broken.db");
    fs::write(&broken, "this is no database, but it is longer than a header of SQLite has to be".repeat(20)).unwrap();
    let folder = management.0.path().to_str().unwrap();
    for (arguments, code, said) in [
        (&["keys", "show", &id][..], 0, ""),
        (&["--database", broken.to_str().unwrap(), "keys", "list"], 1, "not an SQLite database"),
        (&["--database", folder, "keys", "list"], 1, "directory"),
        (&["--database", "/nowhere/at/all.db", "keys", "create", "--name", "a"], 1, "cannot open or create"),
        (&["--database", "oracle://x", "keys", "list"], 2, "unknown database oracle://"),
        (&["keys", "create", "--name", ""], 2, "invalid name"),
        (&["keys", "create", "--name", "a", "--kind", "restricted"], 2, "at least one"),
        (&["keys", "create", "--name", "a", "--scope", "nonsense"], 2, "invalid value"),
        (&["keys", "create", "--name", "a", "--expires-in", "3x"], 2, "a duration such as 90d"),
        (&["keys", "create", "--name", "a", "--expires-at", "2001-01-01T00:00:00Z"], 2, "in the future"),
        (&["keys", "create", "--name", "a", "--metadata", "[1]"], 2, "invalid value"),
        (&["keys", "create", "--name", "a", "--mode", "prod"], 2, "invalid value"),
        (&["keys", "create", "--name", "a", "--prefix", "secret=s k"], 2, "prefix"),
        (&["keys", "revoke", &id], 2, "pass --yes"),
        (&["keys", "update", &id], 2, "required"),
        (&["keys"], 2, "Usage"),
        (&["keys", "show", "key_none"], 3, "no such key"),
        (&["keys", "revoke", "key_none", "--yes"], 3, "no such key"),
        (&["keys", "rotate", "key_none"], 3, "no such key"),
        (&["keys", "disable", "key_none"], 3, "no such key"),
        (&["accounts", "show", "none"], 3, "no such account"),
        (&["keys", "create", "--name", "a", "--account", "none"], 3, "no such account"),
        (&["keys", "rotate", &revoked], 4, "revoked or has expired"),
        (&["keys", "enable", &revoked], 4, "revoked or has expired"),
        (&["accounts", "create", "default"], 4, "already"),
        (&["keys", "revoke", &revoked, "--yes"], 0, ""),
    ] {
        let ended = management.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}

#[test]
fn a_key_is_changed_disabled_and_enabled() {
    let management = Management::new();
    let (_, id) = management.create(&[]);
    let status = || management.json(&["keys", "show", &id, "--json"])["status"].clone();
    management.ok(&["keys", "disable", &id]);
    assert_eq!(status(), "disabled");
    management.ok(&["keys", "enable", &id]);
    assert_eq!(status(), "active");
    management.ok(&["keys", "update", &id, "--name", "renamed", "--scope", "a:read", "--expires-in", "1h"]);
    let key = management.json(&["keys", "show", &id, "--json"]);
    assert_eq!((&key["name"], &key["scopes"]), (&"renamed".into(), &serde_json::json!(["a:read"])));
    assert!(!key["expires_at"].is_null());
    management.ok(&["keys", "update", &id, "--no-expiry"]);
    assert!(management.json(&["keys", "show", &id, "--json"])["expires_at"].is_null());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let management = Management::new();
    for _ in 0..3 {
        management.create(&[]);
    }
    let mut child =
        management.command(&["keys", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn eight_concurrent_commands_create_eight_keys() {
    let management = Management::new();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("key {number}");
            management
                .command(&["keys", "create", "--name", &name])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(ended.code, 0, "{}", ended.err);
    }
    assert_eq!(management.json(&["keys", "list", "--json"]).as_array().unwrap().len(), 8);
}

#[test]
fn a_pepper_file_is_never_overwritten() {
    let management = Management::new();
    let file = management.0.path().join("pepper");
    let path = file.to_str().unwrap();
    management.ok(&["pepper", path, "--id", "2026-11"]);
    assert_eq!(management.run(&["pepper", path]).code, 2, "it was overwritten");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    management.ok(&["--pepper-file", path, "keys", "create", "--name", "peppered"]);
    fs::File::options().append(true).open(&file).unwrap().write_all(b"nonsense\n").unwrap();
    let ended = management.run(&["--pepper-file", path, "keys", "list"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("line 2") && !ended.err.contains("nonsense"), "{}", ended.err);
}

#[test]
fn an_invalid_value_is_named_with_its_source() {
    let management = Management::new();
    for (flag, variable, said) in [
        (None, Some("nowhere"), &["'nowhere'", "KEYWARD_LISTEN"][..]),
        (Some("elsewhere"), Some("nowhere"), &["'elsewhere'", "--listen"]),
        (Some("elsewhere"), None, &["'elsewhere'", "--listen"]),
    ] {
        let mut command = management.command(&["serve"]);
        command.args(flag.into_iter().flat_map(|value| ["--listen", value]));
        command.envs(variable.map(|value| ("KEYWARD_LISTEN", value)));
        let ended: Ended = command.output().unwrap().into();
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(said.iter().all(|part| ended.err.contains(part)), "{}", ended.err);
        assert_eq!(ended.err.contains("KEYWARD_LISTEN"), flag.is_none(), "{}", ended.err);
    }
}

#[test]
fn completions_are_written() {
    assert!(Management::new().ok(&["completions", "bash"]).contains("keyward"));
}

#[test]
fn each_command_has_a_manual_page() {
    let management = Management::new();
    let folder = management.0.path().join("share/man1");
    management.ok(&["man", folder.to_str().unwrap()]);
    for (page, expected) in
        [("keyward.1", "KEYWARD_DATABASE"), ("keyward-keys-create.1", "last line on standard output")]
    {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(expected), "{page}: {text}");
    }
    let refused = management.run(&["man", "/dev/null/man1"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("/dev/null/man1"), "{}", refused.err);
}

#[tokio::test]
async fn a_server_on_the_file_refuses_revoked_keys_at_once() {
    let management = Management::new();
    let (warm_up, _) = management.create(&[]);
    let store = SqliteStore::open(management.database()).unwrap();
    let server = Authenticator::new(store);
    let ask = async |key: &str| server.authenticate([format!("Bearer {key}").as_bytes()]).await.map(drop);
    ask(&warm_up).await.unwrap();
    let begun = Instant::now();
    while management.json(&["nodes", "--json"])["nodes"].as_array().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server is not on the register");
    }
    let (begun, mut confirmed) = (Instant::now(), 0);
    while confirmed < 5 {
        let (key, id) = management.create(&[]);
        ask(&key).await.unwrap();
        let out = management.ok(&["keys", "revoke", &id, "--yes"]);
        assert_eq!(ask(&key).await, Err(Rejection::KeyRevoked));
        // A server that gets no processor for the time of its lease is waited out.
        confirmed += usize::from(out.contains("effective on 1 of 1 nodes after"));
        assert!(begun.elapsed() < Duration::from_secs(60), "{confirmed} revocations were confirmed: {out}");
    }
    let (old, id) = management.create(&[]);
    let new = management.ok(&["keys", "rotate", &id, "--overlap", "0s"]).trim_end().to_owned();
    assert_eq!(ask(&old).await, Err(Rejection::KeyExpired));
    ask(&new).await.unwrap();
    server.shutdown().await;
}
