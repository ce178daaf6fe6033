//! The receivers of the guide, which `keyward serve` calls.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use keyward_needs::needs;
use keyward_tests::program::{Curled, eventually, free_port, test_package};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::events_served::Served;

#[allow(unreachable_pub, reason = "readers paste the sample into their own crate")]
#[path = "../../samples/webhook_receiver.rs"]
mod sample;

const LOOPBACK: [&str; 2] = ["--webhook-allow-network", "127.0.0.0/8"];
const BODY: &str = r#"{"type":"key.revoked","timestamp":"2026-03-01T12:00:00Z","data":{"target":{"id":"key_1"}}}"#;

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("guide/src/events.md");
    std::fs::read_to_string(page).unwrap()
}

pub(crate) fn block(language: &str) -> String {
    let page = page();
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split("```").next().unwrap().to_owned()
}

struct Receiver(Child);

impl Receiver {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn status(port: u16, fields: &[(&str, &str)], body: &str) -> u16 {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", "--max-time", "60", "--data-binary", body]);
    curl.args(["--header", "content-type: application/json"]);
    for (name, value) in fields {
        curl.args(["--header", &format!("{name}: {value}")]);
    }
    curl.arg(format!("http://127.0.0.1:{port}/hooks"));
    Curled::of(curl).status
}

/// The answers of a receiver of the guide to the server, to forgeries and to an old request.
fn check(start: impl FnOnce(&str, u16) -> Option<Receiver>) {
    let served = Served::start(&LOOPBACK);
    let port = free_port();
    let (webhook, secret) = served.webhook(&format!("http://127.0.0.1:{port}/hooks"));
    let _receiver = start(&secret, port);
    eventually("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    served.run(&["webhooks", "test", &webhook]);
    eventually("the receiver accepts the test", || served.delivery(&webhook)["state"] == "delivered");
    let attempts = served.delivery(&webhook)["attempts"].clone();
    assert_eq!((attempts.as_array().unwrap().len(), &attempts[0]["status"]), (1, &204.into()), "{attempts}");

    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let old = now - 600;
    let sign = |secret: &str, at: i64| Webhook::new(secret).unwrap().sign("evt_1", at, BODY.as_bytes()).unwrap();
    let (good, other) = (sign(&secret, now), sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now));
    let rotated = format!("{other} {good}");
    for (what, id, at, signature, body, expected) in [
        ("the server's signature", "evt_1", now, good.as_str(), BODY, 204),
        ("two signatures", "evt_1", now, &rotated, BODY, 204),
        ("another secret", "evt_1", now, &other, BODY, 400),
        ("another body", "evt_1", now, &good, "{}", 400),
        ("another id", "evt_2", now, &good, BODY, 400),
        ("another time", "evt_1", now + 1, &good, BODY, 400),
        ("an old request", "evt_1", old, &sign(&secret, old), BODY, 400),
        ("no base64", "evt_1", now, "v1,%%%", BODY, 400),
        ("no version", "evt_1", now, "nonsense", BODY, 400),
    ] {
        let at = at.to_string();
        let fields = [("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", signature)];
        assert_eq!(status(port, &fields, body), expected, "{what}");
    }
    assert_eq!(status(port, &[], BODY), 400, "no signature");
    served.stop();
}

#[needs(curl)]
#[test]
fn rust_receiver_of_the_guide_accepts_the_server_only() {
    // The page has another block in this language above.
    let sample = include_str!("../../samples/webhook_receiver.rs");
    assert!(page().contains(&format!("```rust,ignore\n{sample}```\n")), "copy the sample to the guide");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    check(|secret, port| {
        let app = sample::receiver(secret).unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { axum::serve(listener, app).await });
        });
        None
    });
}

#[needs(curl, python_webhooks)]
#[test]
fn python_receiver_of_the_guide_accepts_the_server_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("receiver.py"), block("python")).unwrap();
    check(|secret, port| {
        let mut python = Command::new(test_package("python_webhooks").join("bin/python"));
        python.args(["-m", "flask", "--app", "receiver", "run", "--port", &port.to_string()]);
        Some(Receiver::start(python.current_dir(folder.path()).env("WEBHOOK_SECRET", secret)))
    });
}

#[needs(curl, node_webhooks)]
#[test]
fn node_receiver_of_the_guide_accepts_the_server_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("receiver.mjs"), block("js")).unwrap();
    let packages = test_package("node_webhooks").join("node_modules");
    std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).unwrap();
    check(|secret, port| {
        let mut node = Command::new("node");
        node.arg("receiver.mjs").env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        Some(Receiver::start(node.current_dir(folder.path())))
    });
}
