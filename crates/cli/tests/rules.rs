//! The rules of keys and of values, on a database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;

use serde_json::{Value, json};

use management::Management;

fn show(management: &Management, id: &str) -> Value {
    management.json(&["keys", "show", id, "--json"])
}

fn check(management: &Management, commands: &[(&[&str], i32, &str)]) {
    for (arguments, code, said) in commands {
        let ended = management.run(arguments);
        assert_eq!(ended.code, *code, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn a_rotated_key_is_not_revived() {
    let management = Management::new();
    let (_, id) = management.create(&[]);
    management.ok(&["keys", "rotate", &id, "--overlap", "1m"]);
    let end = show(&management, &id)["expires_at"].clone();
    check(
        &management,
        &[
            (&["keys", "update", &id, "--no-expiry"], 4, "rotated already"),
            (&["keys", "update", &id, "--expires-in", "1h"], 4, "rotated already"),
            (&["keys", "rotate", &id], 4, "rotated already"),
        ],
    );
    assert_eq!(show(&management, &id)["expires_at"], end);
    management.ok(&["keys", "update", &id, "--expires-in", "30s"]);
}

#[test]
fn an_expired_key_is_renamed_and_nothing_else() {
    let management = Management::new();
    let (_, id) = management.create(&[]);
    management.ok(&["keys", "rotate", &id, "--overlap", "0s"]);
    assert_eq!(show(&management, &id)["status"], "expired");
    check(
        &management,
        &[
            (&["keys", "disable", &id], 4, "revoked or has expired"),
            (&["keys", "enable", &id], 4, "revoked or has expired"),
            (&["keys", "update", &id, "--scope", "a:read"], 4, "revoked or has expired"),
            (&["keys", "update", &id, "--no-expiry"], 4, "revoked or has expired"),
        ],
    );
    management.ok(&["keys", "update", &id, "--name", "old", "--metadata", r#"{"a":1}"#]);
    let key = show(&management, &id);
    assert_eq!((&key["name"], &key["metadata"], &key["status"]), (&json!("old"), &json!({"a": 1}), &json!("expired")));
}

#[test]
fn expiry_is_in_the_future_and_disabling_keeps_its_time() {
    let management = Management::new();
    let (_, id) = management.create(&["--scope", "a:read"]);
    check(
        &management,
        &[
            (&["keys", "update", &id, "--expires-at", "2001-01-01T00:00:00Z"], 2, "in the future"),
            (&["keys", "update", &id, "--expires-in", "0s"], 2, "in the future"),
        ],
    );
    management.ok(&["keys", "disable", &id]);
    let disabled_at = show(&management, &id)["disabled_at"].clone();
    management.ok(&["keys", "disable", &id]);
    assert_eq!(show(&management, &id)["disabled_at"], disabled_at);
}

#[test]
fn a_management_key_is_rotated_into_its_format() {
    let management = Management::new();
    // The first owner, with whom the operator's account is made.
    management.ok(&["users", "create", "--owner", "--email", "ada@example.com"]);
    let managing = ["keys", "create", "--name", "m", "--purpose", "management"];
    for (more, prefix) in [(&["--kind", "secret"][..], "kwms_live_"), (&["--scope", "keys:read"], "kwm_live_")] {
        let key = management.ok(&[&managing[..], more].concat());
        assert!(key.starts_with(prefix), "{prefix}");
        let id = management.json(&["keys", "list", "--json", "--limit", "1"])[0]["id"].as_str().unwrap().to_owned();
        let successor = management.ok(&["keys", "rotate", &id, "--overlap", "0s"]);
        assert!(successor.starts_with(prefix), "the successor of {prefix} begins in another way");
        let rotated = show(&management, &id)["rotated_to"].as_str().unwrap().to_owned();
        let shown = show(&management, &rotated);
        assert_eq!((&shown["purpose"], &shown["scopes"]), (&json!("management"), &show(&management, &id)["scopes"]));
    }
    let reserved = ["keys", "create", "--name", "a", "--prefix", "secret=kwm"];
    check(&management, &[(&reserved, 2, "is reserved for management keys")]);
}

#[test]
fn a_refused_creation_writes_nothing() {
    let management = Management::new();
    let create = ["keys", "create", "--name", "a"];
    for more in [
        &["--expires-in", "0s"][..],
        &["--expires-at", "2001-01-01T00:00:00Z"],
        &["--not-before", "2999-01-01T00:00:00Z", "--expires-at", "2998-01-01T00:00:00Z"],
        &["--kind", "restricted"],
        &["--kind", "publishable", "--prefix", "secret=sk"],
        &["--name", "\u{3164}"],
    ] {
        let arguments =
            if more[0] == "--name" { [&["keys", "create"], more].concat() } else { [&create, more].concat() };
        let ended = management.run(&arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("created the account"), "{arguments:?}: {}", ended.err);
        assert_eq!(management.run(&["accounts", "show", "default"]).code, 3, "{arguments:?} made the account");
    }
}

#[test]
fn values_are_parsed_strictly_and_normalised() {
    let management = Management::new();
    let (_, id) = management.create(&[
        "--network",
        "10.1.2.3",
        "--network",
        "::ffff:192.0.2.0/120",
        "--expires-at",
        "9999-12-30T23:59:59.123456789012Z",
    ]);
    let key = show(&management, &id);
    assert_eq!(key["networks"], json!(["10.1.2.3/32", "192.0.2.0/24"]));
    assert_eq!(key["expires_at"], "9999-12-30T23:59:59.123Z");
    let create = |more: [&'static str; 2]| ["keys", "create", "--name", "a", more[0], more[1]];
    check(
        &management,
        &[
            (&create(["--network", "010.8.8.8/32"]), 2, "invalid network \"010.8.8.8/32\""),
            (&create(["--network", "10.1.2.3/8"]), 2, "write 10.0.0.0/8 for the network"),
            (&create(["--expires-at", "2999-01-01T00:00:00"]), 2, "add the offset from UTC"),
            (&["serve", "--trust-proxy", "127.0.0.1,010.0.0.1"], 2, "invalid network \"010.0.0.1\""),
            (&["serve", "--trust-proxy", "127.0.0.1", "--config", "/nowhere.toml"], 2, "/nowhere.toml"),
            (&["accounts", "create", "x", "--name", "\u{200b}"], 2, "invalid name"),
            (&["accounts", "create", "x", "--plan", "\u{202e}oiF"], 2, "U+202E"),
            (&["keys", "update", &id, "--name", "a\u{202e}b"], 2, "U+202E"),
            (&["accounts", "rename", "default", "\u{3164}"], 2, "invalid name"),
        ],
    );
    assert_eq!(management.run(&["accounts", "show", "x"]).code, 3);
}

#[test]
fn keys_of_a_user_are_listed_and_revoked_with_a_reason() {
    let management = Management::new();
    let password = management.0.path().join("password");
    std::fs::write(&password, "correct horse battery staple\n").unwrap();
    let mut sign_up =
        management.command(&["users", "create", "--owner", "--email", "ada@example.com", "--password-stdin"]);
    assert!(sign_up.stdin(std::fs::File::open(password).unwrap()).status().unwrap().success());
    let members = management.json(&["members", "list", "--json"]);
    let user = members[0]["user"]["id"].as_str().unwrap().to_owned();
    let (_, own) = management.create(&["--account", "operator", "--user", &user]);
    let (_, other) = management.create(&["--account", "operator"]);
    let key = show(&management, &own);
    assert_eq!((&key["user"], &key["created_by"]), (&json!(user), &json!("system command line")));
    let listed = management.json(&["keys", "list", "--user", &user, "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);

    management.ok(&["keys", "update", &other, "--user", &user]);
    management.ok(&["keys", "update", &other, "--no-user"]);
    let long = "a".repeat(501);
    check(
        &management,
        &[
            (&["keys", "update", &other, "--user", "user_unknown"], 2, "not an active member"),
            (&["keys", "revoke", &other, "--reason", "sold", "--yes"], 2, "key_compromise"),
            (&["keys", "revoke", &other, "--note", &long, "--yes"], 2, "501 characters are too many"),
            (&["keys", "revoke", "--yes"], 2, "--user"),
        ],
    );
    let revoke = [
        "keys",
        "revoke",
        "--user",
        &user,
        "--account",
        "operator",
        "--reason",
        "superseded",
        "--note",
        "moved",
        "--yes",
    ];
    assert_eq!(management.ok(&revoke), format!("{own} is revoked\n"));
    assert!(management.ok(&revoke).contains("has no active keys"));
    let key = show(&management, &own);
    assert_eq!((&key["revocation_reason"], &key["revocation_note"]), (&json!("superseded"), &json!("moved")));
    assert_eq!(show(&management, &other)["status"], "active");
}

#[test]
fn keys_are_found_by_tags_and_metadata() {
    let management = Management::new();
    let (_, first) =
        management.create(&["--tag", "nightly", "--tag", "team:search", "--metadata", r#"{"team":"search"}"#]);
    let (_, second) = management.create(&["--tag", "nightly"]);
    assert_eq!(show(&management, &first)["tags"], json!(["nightly", "team:search"]));
    let found = |filter: &[&str]| {
        let listed = management.json(&[&["keys", "list", "--json"], filter].concat());
        listed.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--tag", "nightly"]), [&second[..], &first[..]]);
    assert_eq!(found(&["--tag", "nightly", "--tag", "team:search"]), [&first[..]]);
    assert_eq!(found(&["--metadata", "team=search"]), [&first[..]]);
    management.ok(&["keys", "update", &second, "--tag", "team:search"]);
    assert_eq!(found(&["--tag", "nightly"]), [&first[..]]);
    management.ok(&["keys", "update", &first, "--no-tags"]);
    assert!(found(&["--tag", "nightly"]).is_empty());
    let many: Vec<String> = (0..21).flat_map(|number| ["--tag".to_owned(), format!("t{number}")]).collect();
    let many: Vec<&str> = ["keys", "update", &first].into_iter().chain(many.iter().map(String::as_str)).collect();
    check(
        &management,
        &[
            (&["keys", "update", &first, "--tag", "two words"], 2, "invalid tag `two words`"),
            (&["keys", "list", "--tag", "a,b"], 2, "invalid tag `a,b`"),
            (&["keys", "list", "--metadata", "team"], 2, "team=search"),
            (&many, 2, "21 tags are too many"),
        ],
    );
}
