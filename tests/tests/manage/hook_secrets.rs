//! The secrets of webhooks are in no log, list, export, file or metric of a server that uses them.

use std::fs::File;
use std::process::{Command, Stdio};

use keyward_needs::needs;
use keyward_tests::program::{Program, eventually, package_program, up_to};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::events::Receiver;
use crate::events_served::Served;
use crate::serve::keyward;

#[needs(curl)]
#[test]
fn secrets_of_webhooks_are_shown_once_and_logged_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (log, audit) = (path("log"), path("audit.jsonl"));
    let mut command = keyward(&path("keys.db"), &["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--webhook-allow-network", "127.0.0.0/8", "--audit-file", audit.to_str().unwrap()]);
    command.env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
    let mut process = command.spawn().unwrap();
    let line: Value = serde_json::from_str(&up_to(process.stdout.take().unwrap(), "")).unwrap();
    let url = line["listening"].as_str().unwrap().to_owned();
    let served = Served::of(folder, Program { process, url, credentials: Value::Null });

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let receiver = runtime.block_on(async { Receiver::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), 500, "/") });
    let (webhook, first) = served.webhook(&receiver.url());
    let one = format!("/v1/accounts/operator/webhooks/{webhook}");
    let second = served.post(&format!("{one}/secrets/rotate"), &json!({}));
    let key = served.run(&["keys", "create", "--name", "manager", "--purpose", "management", "--kind", "secret"]);
    let mut remote = Command::new(package_program("keyward-cli", "keyward"));
    remote.args(["--server", &served.server.url, "webhooks", "rotate-secret", &webhook]).stdin(Stdio::null());
    let remote = remote.env("KEYWARD_TOKEN", key.trim_end()).env("RUST_LOG", "trace").output().unwrap();
    let local = keyward(&served.database(), &["webhooks", "rotate-secret", &webhook]).env("RUST_LOG", "trace").output();
    let local = local.unwrap();
    assert!(remote.status.success() && local.status.success(), "{remote:?} {local:?}");
    let printed = |output: &[u8]| String::from_utf8(output.to_vec()).unwrap().trim_end().to_owned();
    let secrets =
        [first, second["secret"].as_str().unwrap().to_owned(), printed(&remote.stdout), printed(&local.stdout)];

    // A failed attempt and a good one.
    served.run(&["webhooks", "test", &webhook]);
    eventually("an attempt fails", || served.delivery(&webhook)["attempts"][0]["status"] == 500);
    receiver.answer(204);
    eventually("an attempt succeeds", || served.delivery(&webhook)["state"] == "delivered");
    let refused = keyward(&served.database(), &["webhooks", "create", "http://example.com/"]).output().unwrap();

    let get = |path: &str| served.get(path);
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default();
    eventually("the audit file has the rotations", || read(&audit).matches("webhook.rotate_secret").count() == 3);
    let texts = [
        ("the answer of the API to a list", get("/v1/accounts/operator/webhooks")),
        ("the answer of the API to one", get(&one)),
        ("the deliveries", get(&format!("{one}/deliveries"))),
        ("the audit log", get("/v1/audit-log")),
        ("the metrics", get("/metrics")),
        ("the list of the command", served.run(&["webhooks", "list", "--json"])),
        ("the deliveries of the command", served.run(&["webhooks", "deliveries", &webhook, "--json"])),
        ("the audit log of the command", served.run(&["audit", "list", "--all", "--json"])),
        ("the export", served.run(&["audit", "export"])),
        ("the audit file", read(&audit)),
        ("the log of the command", printed(&local.stderr)),
        ("the log of the remote command", printed(&remote.stderr)),
        ("the refusal", printed(&refused.stderr)),
        ("the receiver", format!("{:?}", receiver.received())),
        ("the server's log", read(&log)),
    ];
    let log = &texts[14].1;
    assert!(log.contains("TRACE hyper_util::client"), "the log has no attempt: {log}");
    for secret in &secrets {
        let secret = secret.strip_prefix("whsec_").unwrap();
        assert!(secret.len() > 40, "{secret}");
        for (place, text) in &texts {
            assert!(!text.is_empty() && !text.contains(secret), "{place} has a secret or is empty: {text}");
        }
    }
    served.stop();
}
