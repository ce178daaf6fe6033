//! Each SDK must turn a refusal into its own error.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::{Program, test_package};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn python() -> PathBuf {
    test_package("python_clients").join("bin/python")
}

fn run(mut command: Command, services: &[(&str, &Program)]) {
    for (name, service) in services {
        command.env(format!("{name}_URL"), &service.url).env(format!("{name}_KEYS"), service.credentials.to_string());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("all as expected"), "{said}");
}

/// sendook's own Node client is not on the registry, so a script sends what it sends.
#[needs(node)]
#[test]
fn a_client_like_that_of_sendook_works() {
    let sendook = Program::start("sendook", &[]);
    let mut command = Command::new("node");
    command.arg(scripts().join("with_sendook.mjs"));
    run(command, &[("SENDOOK", &sendook)]);
    sendook.stop();
}

#[needs(sendook_client)]
#[test]
fn the_published_mcp_server_of_sendook_works() {
    let sendook = Program::start("sendook", &[]);
    let mut command = Command::new(test_package("sendook_client").join("bin/python"));
    command.arg(scripts().join("with_sendook_mcp.py"));
    run(command, &[("SENDOOK", &sendook)]);
    sendook.stop();
}

#[needs(python_clients, node)]
#[test]
fn third_party_clients_work_and_turn_refusals_into_errors() {
    let vibepeak = Program::start("vibepeak", &[]);
    let docs_api = Program::start("docs-api", &[("TRUST_PROXY", "127.0.0.0/8")]);
    let services = [("VIBEPEAK", &vibepeak), ("DOCS_API", &docs_api)];
    for script in ["with_requests.py", "with_sdks.py"] {
        let mut command = Command::new(python());
        command.arg(scripts().join(script));
        run(command, &services);
    }
    let mut command = Command::new("node");
    command.arg(scripts().join("with_fetch.mjs"));
    run(command, &services);
    vibepeak.stop();
    docs_api.stop();
}
