//! The quickstart, run as its reader runs it.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward_needs::needs;
use keyward_tests::program::{Curled, SOON, ends_well, program, terminate, up_to};
use serde_json::Value;

struct Quickstart {
    process: Child,
    url: String,
    credentials: Value,
    /// Standard error, up to the last line of the hints.
    said: String,
}

impl Quickstart {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(program("quickstart"))
            .env("PORT", "0")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let first = up_to(process.stdout.take().unwrap(), "");
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first:?}"));
        let said = up_to(process.stderr.take().unwrap(), "SIGTERM");
        Self {
            process,
            url: line["listening"].as_str().unwrap().to_owned(),
            credentials: line["credentials"].clone(),
            said,
        }
    }

    fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap_or_else(|| panic!("there is no credential {name}"))
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--max-time", "60"]).arg(format!("{}{path}", self.url)).args(arguments);
        let curled = Curled::of(curl);
        (curled.status, curled.text)
    }

    fn stop(mut self) {
        terminate(&self.process);
        assert!(ends_well(&mut self.process), "the quickstart did not exit with 0 in time");
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[needs(curl)]
#[test]
fn curl_is_accepted_and_refused_as_documented() {
    let service = Quickstart::start(&[("SEED_DEMO", "1")]);
    let json = ["-H", "Content-Type: application/json", "-d", r#"{"name":"first"}"#];
    for (path, credential, body, status, shown) in [
        ("/health", None, &[][..], 200, "ok"),
        ("/", None, &[], 401, r#""code":"MISSING_API_KEY""#),
        ("/unknown", None, &[], 401, r#""code":"MISSING_API_KEY""#),
        ("/", Some("full"), &[], 200, r#""account":"acct_demo""#),
        ("/", Some("read_only"), &[], 200, r#""scopes":["resources:read"]"#),
        ("/", Some("revoked"), &[], 401, r#""code":"API_KEY_REVOKED""#),
        ("/", Some("expired"), &[], 401, r#""code":"API_KEY_EXPIRED""#),
        ("/resources", None, &json, 401, r#""code":"MISSING_API_KEY""#),
        ("/resources", Some("read_only"), &json, 403, r#"scope="resources:write""#),
        ("/resources", Some("read_only"), &["-d", "nonsense"], 403, r#""code":"INSUFFICIENT_SCOPE""#),
        ("/resources", Some("full"), &json, 201, r#"{"name":"first"}"#),
        ("/resources", Some("read_only"), &[], 200, r#"[{"name":"first"}]"#),
        ("/unknown", Some("full"), &[], 404, ""),
    ] {
        let field = credential.map(|name| format!("Authorization: Bearer {}", service.credential(name)));
        let mut arguments: Vec<&str> = field.iter().flat_map(|field| ["-H", field]).collect();
        arguments.extend(body);
        let (got, text) = service.curl(path, &arguments);
        assert_eq!(got, status, "{path} with {credential:?}: {text}");
        assert!(text.contains(shown), "{path} with {credential:?}: {text}");
    }
    for (name, times) in [("full", 0), ("read_only", 1), ("revoked", 0), ("expired", 0)] {
        assert_eq!(service.said.matches(service.credential(name)).count(), times, "{name} on standard error");
    }
    service.stop();
}

/// Pastes each printed call into a shell, after the printed line that sets `KEY`.
fn try_printed_calls(service: &Quickstart) {
    let key = service.said.lines().find(|line| line.starts_with("KEY=")).unwrap();
    let mut status = 0;
    let mut seen = Vec::new();
    for call in service.said.lines() {
        if !call.starts_with("curl ") {
            // The line before a call ends with the status.
            status = call.rsplit_once(' ').and_then(|(_, last)| last.strip_suffix(':')?.parse().ok()).unwrap_or(0);
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{key}\n{call}")]).env_remove("KEY").stderr(Stdio::null());
        let answer = Curled::of(shell);
        assert_eq!(answer.status, status, "{call}: {}", answer.text);
        seen.push(status);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [200, 401, 403]);
}

#[needs(curl)]
#[test]
fn printed_calls_give_the_printed_statuses() {
    let service = Quickstart::start(&[("SEED_DEMO", "1")]);
    try_printed_calls(&service);
    service.stop();
}

#[needs(curl)]
#[test]
fn an_empty_database_gets_a_first_key_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.db");
    let database = [("DATABASE", file.to_str().unwrap())];

    let service = Quickstart::start(&database);
    assert!(service.said.contains(file.to_str().unwrap()));
    let first = service.credential("first").to_owned();
    try_printed_calls(&service);
    service.stop();

    let again = Quickstart::start(&database);
    assert_eq!(again.credentials, serde_json::json!({}), "a key was issued again");
    assert!(!again.said.contains(&first), "the key is shown again");
    let (status, text) = again.curl("/", &["-H", &format!("Authorization: Bearer {first}")]);
    assert_eq!(status, 200, "the first key does not work after a restart: {text}");
    again.stop();
}

#[test]
fn sigterm_completes_requests_in_flight() {
    let mut service = Quickstart::start(&[("SEED_DEMO", "1")]);
    let address = service.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let (key, body) = (service.credential("full"), r#"{"name":"in flight"}"#);
    // The server asks for the body, so the request is in flight.
    write!(
        stream,
        "POST /resources HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("HTTP/1.1 100"));

    terminate(&service.process);
    let deadline = Instant::now() + SOON;
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "new connections are still taken");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(service.process.try_wait().unwrap().is_none(), "the quickstart ended before it had answered");
    stream.write_all(body.as_bytes()).unwrap();
    let status = lines.map(Result::unwrap).find(|line| line.starts_with("HTTP/1.1")).unwrap();
    assert!(status.starts_with("HTTP/1.1 201"), "{status}");
    assert!(ends_well(&mut service.process), "the quickstart did not exit with 0 in time");
}

#[test]
fn a_variable_with_a_bad_value_is_named() {
    for (variable, value) in [("PORT", "http"), ("SEED_DEMO", "maybe"), ("TRUST_PROXY", "everybody")] {
        let output = Command::new(program("quickstart")).env("PORT", "0").env(variable, value).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(variable) && said.contains(value), "{said}");
        assert!(output.stdout.is_empty());
    }
}
