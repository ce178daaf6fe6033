use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::{Program, package_program, test_package};

/// Initialises, lists tools, calls them with and without their scopes, and revokes a key between two calls.
#[needs(mcp_client)]
#[test]
fn the_official_mcp_client_gets_clear_answers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let database = database.to_str().unwrap();
    let service = Program::start("mcp", &[("DATABASE", database)]);
    let keyward = package_program("keyward-cli", "keyward");
    let revoke = serde_json::json!([keyward, "--database", database, "keys", "revoke"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/with_mcp.py");
    let mut client = Command::new(test_package("mcp_client").join("bin/python"));
    client.arg(script).env("MCP_URL", &service.url).env("MCP_KEYS", service.credentials.to_string());
    let output = client.env("REVOKE", revoke.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all as expected"), "{said}");
    service.stop();
}
