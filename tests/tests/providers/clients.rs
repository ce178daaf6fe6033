//! Clients that others wrote: Python's requests, Node's fetch, and the SDKs of OpenAI and Stripe, whose own errors have to come
//! out of a refusal.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use keyward_tests::program::Program;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Python with the clients in it, in an environment of its own beside the other build products.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        let python = home.join("bin/python");
        let requirements = scripts().join("requirements.txt");
        let is_there = || {
            let check = "import requests, openai, stripe";
            Command::new(&python)
                .args(["-c", check])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        if !is_there() {
            let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home).status().unwrap();
            assert!(made.success(), "python3-venv is installed");
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(requirements);
            assert!(pip.status().unwrap().success(), "PyPI can be reached");
        }
        python
    })
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

#[test]
fn clients_of_others_get_in_and_tell_refusals_as_their_own_errors() {
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
