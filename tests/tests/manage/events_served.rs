//! Events of `keyward serve`, which is killed.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use keyward_needs::needs;
use keyward_tests::program::{Program, eventually, free_port};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::events::Receiver;
use crate::serve::{keyward, serve};
use crate::setting::PASSWORD;

/// A server with an owner, whose webhooks the API creates.
pub(crate) struct Served {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Program,
    authorization: String,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&folder.path().join("keys.db"), arguments);
        Self::of(folder, server)
    }

    pub(crate) fn of(folder: tempfile::TempDir, server: Program) -> Self {
        let owner = ["users", "create", "--owner", "--email", "ada@example.com", "--password-stdin"];
        let mut create = keyward(&folder.path().join("keys.db"), &owner);
        let mut create = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        create.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(create.wait().unwrap().success());
        let sign_in = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
        let tokens = server.curl("/v1/tokens", &["-H", "content-type: application/json", "-d", &sign_in]);
        let authorization = format!("authorization: Bearer {}", tokens.json()["access_token"].as_str().unwrap());
        Self { folder, server, authorization }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("keys.db")
    }

    /// The answer is 201.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (authorization, body) = (&self.authorization, body.to_string());
        let arguments = ["-H", authorization, "-H", "content-type: application/json", "-d", &body];
        let answer = self.server.curl(path, &arguments);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// The answer is 200.
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.server.curl(path, &["-H", &self.authorization]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// The id and the secret of a new webhook.
    pub(crate) fn webhook(&self, url: &str) -> (String, String) {
        let issued = self.post("/v1/accounts/operator/webhooks", &json!({"url": url}));
        (issued["id"].as_str().unwrap().to_owned(), issued["secret"].as_str().unwrap().to_owned())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = keyward(&self.database(), arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The newest delivery of a webhook.
    pub(crate) fn delivery(&self, webhook: &str) -> Value {
        let listed = self.run(&["webhooks", "deliveries", webhook, "--json"]);
        serde_json::from_str::<Value>(&listed).unwrap()[0].take()
    }

    pub(crate) fn stop(self) {
        self.server.stop();
    }
}

#[needs(curl)]
#[test]
fn killed_server_loses_no_delivery() {
    let port = free_port();
    let allow = ["--webhook-allow-network", "127.0.0.0/8"];
    let mut served = Served::start(&allow);
    let (webhook, secret) = served.webhook(&format!("http://127.0.0.1:{port}/hooks"));
    let database = served.database();
    served.run(&["webhooks", "test", &webhook]);
    eventually("the first attempt fails", || served.delivery(&webhook)["attempts"][0]["error"].is_string());
    served.server.process.kill().unwrap();
    served.server.process.wait().unwrap();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let receiver =
        runtime.block_on(async { Receiver::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), 200, "/") });
    served.server = serve(&database, &allow);
    eventually("the delivery arrives", || !receiver.received().is_empty());
    eventually("the delivery is logged", || served.delivery(&webhook)["state"] == "delivered");
    let (headers, body) = receiver.received().remove(0);
    Webhook::new(&secret).unwrap().verify(body.as_bytes(), &headers).unwrap();
    assert_eq!(headers["webhook-id"].to_str().unwrap(), served.delivery(&webhook)["event"]);
    let metrics = served.server.curl("/metrics", &[]).body;
    assert!(metrics.contains("keyward_webhook_deliveries_total{outcome=\"delivered\"} 1"), "{metrics}");
    let refused = keyward(&database, &["webhooks", "create", "https://10.0.0.1/"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("10.0.0.1 is not a public address"), "{refused:?}");
    served.run(&["webhooks", "update", &webhook, "--events", "key.revoked", "--enabled", "false"]);
    assert!(served.run(&["webhooks", "list"]).contains("key.revoked"));
    assert!(served.run(&["webhooks", "rotate-secret", &webhook]).starts_with("whsec_"));
    served.run(&["webhooks", "redeliver", &webhook, served.delivery(&webhook)["id"].as_str().unwrap()]);
    served.run(&["webhooks", "remove", &webhook, "--yes"]);
    served.stop();
}

#[needs(curl)]
#[test]
fn audit_file_has_each_entry_after_a_rotation_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (database, file) = (folder.path().join("keys.db"), folder.path().join("audit.jsonl"));
    let serve = || serve(&database, &["--audit-file", file.to_str().unwrap()]);
    let create = |id: &str| {
        let arguments = ["accounts", "create", id, "--name", "Example"];
        assert!(keyward(&database, &arguments).output().unwrap().status.success());
    };
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default();
    let mut server = serve();
    create("acct_1");
    eventually("the first entry is in the file", || read(&file).contains("acct_1"));
    let position = folder.path().join("audit.jsonl.position");
    // Until then, a rotation repeats the entry.
    eventually("the position of the first entry is stored", || read(&position).trim() == "1");
    let rotated = folder.path().join("audit.jsonl.1");
    std::fs::rename(&file, &rotated).unwrap();
    create("acct_2");
    eventually("the next entry is in a new file", || read(&file).contains("acct_2"));
    eventually("the position of the next entry is stored", || read(&position).trim() == "2");
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    // A crash in the middle of a line.
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"number\":").unwrap();
    create("acct_3");
    let server = serve();
    eventually("the entry of the downtime is in the file", || read(&file).contains("acct_3"));
    let whole = [read(&rotated), read(&file)].concat();
    let entries: Vec<Value> = whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let numbers: Vec<u64> = entries.iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let exported = keyward(&database, &["audit", "export", "--after", "1"]).output().unwrap();
    let exported = String::from_utf8(exported.stdout).unwrap();
    let expected: Vec<&str> = whole.lines().filter(|line| line.ends_with('}')).skip(1).collect();
    assert_eq!(exported.lines().collect::<Vec<_>>(), expected);
    server.stop();
}
