//! Published clients of RFC 7662 against the server.

use std::path::Path;
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::test_package;
use serde_json::{Value, json};

use crate::serve::{keyward, serve};

fn printed(database: &Path, arguments: &[&str]) -> String {
    let output = keyward(database, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn issued(database: &Path, name: &str, more: &[&str]) -> (String, String) {
    let create = ["keys", "create", "--account", "operator", "--name", name];
    let key = printed(database, &[&create, more].concat());
    let listed: Value =
        serde_json::from_str(&printed(database, &["keys", "list", "--json", "--search", name])).unwrap();
    (key, listed[0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned())
}

#[needs(introspection_clients)]
#[test]
fn published_clients_introspect_keys() {
    let folder = tempfile::tempdir().unwrap();
    let database = &folder.path().join("keys.db");
    printed(database, &["accounts", "create", "operator"]);
    let restricted = |name: &str, scope: &str| issued(database, name, &["--scope", scope]);
    let (revoked, id) = restricted("revoked", "notes:read");
    printed(database, &["keys", "revoke", &id, "--yes"]);
    let (short_lived, id) = restricted("short lived", "notes:read");
    let keys = json!({
        "verifier": issued(database, "verifier", &["--purpose", "management", "--scope", "keys:verify"]).0,
        "reader": restricted("reader", "notes:read").0,
        "no_scope": restricted("no scope", "other:read").0,
        "full": issued(database, "full", &["--kind", "secret"]).0,
        "revoked": revoked,
        "short_lived": short_lived,
    });

    let issuer = "http://127.0.0.1:8080";
    let server = serve(database, &["--public-url", issuer, "--introspection-scopes", "notes:read,notes:write"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/with_introspection.py");
    let mut python = Command::new(test_package("introspection_clients").join("bin/python"));
    let revoke = keyward(database, &["keys", "revoke", &id, "--yes"]);
    let words: Vec<_> = [revoke.get_program()].into_iter().chain(revoke.get_args()).collect();
    let words: Vec<_> = words.into_iter().map(|word| word.to_str().unwrap()).collect();
    python.arg(script).env("KEYWARD_URL", &server.url).env("ISSUER", issuer).env("KEYS", keys.to_string());
    let output = python.env("REVOKE", json!(words).to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all as expected"), "{said}");
    server.stop();
}
