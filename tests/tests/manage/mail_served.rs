//! Mails of `keyward serve`.

use std::path::Path;
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::mail::{Mailbox, token};
use keyward_tests::program::{Program, eventually, free_port, package_program};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::events_served::Served;
use crate::serve::keyward;
use crate::setting::PASSWORD;

const JSON: &str = "content-type: application/json";

/// Arguments for a server on this port, which mails through the server on the other.
fn arguments(port: u16, smtp: &str) -> Vec<String> {
    ["serve", "--listen", &format!("127.0.0.1:{port}"), "--public-url", &format!("http://localhost:{port}")]
        .into_iter()
        .chain(["--provider-name", "Example API", "--mail-from", "keys@example.com", "--smtp-url", smtp])
        .map(str::to_owned)
        .collect()
}

fn start(database: &Path, port: u16, smtp: &str) -> Command {
    let arguments = arguments(port, smtp);
    keyward(database, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn begin(port: u16, smtp: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let server = Program::of(&mut start(&folder.path().join("keys.db"), port, smtp)).0;
    Served::of(folder, server)
}

fn invite(served: &Served, email: &str) -> Value {
    served.post("/v1/accounts/operator/invitations", &json!({"email": email, "role": "developer"}))
}

fn post(served: &Served, path: &str, body: &Value) -> u16 {
    served.server.curl(path, &["-H", JSON, "-d", &body.to_string()]).status
}

#[needs(curl, mail_server)]
#[test]
fn mailed_invitation_leads_to_a_sign_in() {
    let (mailbox, port) = (Mailbox::default(), free_port());
    let mail_server = mailbox.serve(0, &[]);
    let served = begin(port, &format!("smtp://127.0.0.1:{}", mail_server.port));
    let invited = invite(&served, "bob@example.com");
    assert_eq!((&invited["email"], invited.get("invitation")), (&json!("bob@example.com"), None), "{invited}");

    let mail = mailbox.newest_of(1);
    assert_eq!(mail["to"], json!(["bob@example.com"]), "{mail}");
    assert_eq!(mail["headers"]["from"], "Example API <keys@example.com>", "{mail}");
    assert_eq!(mail["headers"]["subject"], "Invitation to “Operator” at Example API", "{mail}");
    let base = format!("http://localhost:{port}/register?invitation=");
    let secret = token(&mail, &base);
    assert!(mail["html"].as_str().unwrap().contains(&format!("href=\"{base}{secret}\"")), "{mail}");
    assert_eq!(served.server.curl(&format!("/register?invitation={secret}"), &[]).status, 200);
    let accept = json!({"invitation": secret, "name": "Bob", "password": PASSWORD});
    assert_eq!(post(&served, "/v1/users/accept-invitation", &accept), 202);
    assert_eq!(post(&served, "/v1/users/accept-invitation", &accept), 401, "the link worked twice");
    let sign_in = json!({"email": "bob@example.com", "password": PASSWORD});
    let tokens = served.server.curl("/v1/tokens", &["-H", JSON, "-d", &sign_in.to_string()]).json();
    let field = format!("authorization: Bearer {}", tokens["access_token"].as_str().unwrap());
    let user = served.server.curl("/v1/users/self", &["-H", &field]).json();
    assert_eq!(user["email_verified"], true, "{user}");

    // The command line says who gets the mail.
    let database = served.database();
    let by_hand = keyward(&database, &["members", "invite", "carol@example.com", "--role", "viewer"]).output().unwrap();
    assert!(String::from_utf8_lossy(&by_hand.stdout).starts_with("kwi_"), "{by_hand:?}");
    let metrics = served.server.curl("/metrics", &[]).body;
    assert!(metrics.contains("keyward_mails_total{outcome=\"sent\"} 1"), "{metrics}");
    assert_eq!(mailbox.mails().len(), 1);
    served.stop();
}

#[needs(curl, mail_server)]
#[test]
fn mail_comes_once_although_both_servers_were_down() {
    let (mailbox, port, smtp) = (Mailbox::default(), free_port(), free_port());
    let url = format!("smtp://127.0.0.1:{smtp}");
    let mut served = begin(port, &url);
    invite(&served, "bob@example.com");
    let metric = "keyward_mails_total{outcome=\"retried\"}";
    eventually("an attempt fails", || served.server.curl("/metrics", &[]).body.contains(metric));
    served.server.process.kill().unwrap();
    served.server.process.wait().unwrap();

    let _mail_server = mailbox.serve(smtp, &[]);
    let database = served.database();
    served.server = Program::of(&mut start(&database, port, &url)).0;
    let mail = mailbox.newest_of(1);
    let accept = json!({"invitation": token(&mail, "invitation="), "name": "Bob", "password": PASSWORD});
    assert_eq!(post(&served, "/v1/users/accept-invitation", &accept), 202);
    // A second mail would come before one that is asked for now.
    invite(&served, "carol@example.com");
    assert_eq!(mailbox.newest_of(2)["to"], json!(["carol@example.com"]));
    served.stop();
}

#[needs(curl, mail_server)]
#[test]
fn reset_link_is_mailed_and_no_secret_is_stored_or_logged() {
    let (mailbox, port) = (Mailbox::default(), free_port());
    let mail_server = mailbox.serve(0, &["--password", "hunter2-canary"]);
    let folder = tempfile::tempdir().unwrap();
    let (database, log) = (folder.path().join("keys.db"), folder.path().join("log"));
    let url = format!("smtp://keyward:hunter2-canary@127.0.0.1:{}", mail_server.port);
    let mut shell = Command::new("sh");
    shell.args(["-c", "log=$1; shift; exec \"$0\" \"$@\" 2> \"$log\""]).arg(package_program("keyward-cli", "keyward"));
    shell.arg(&log).args(arguments(port, "unset")).env("KEYWARD_DATABASE", &database).env("RUST_LOG", "trace");
    // As an administrator does, so that no list of processes shows it.
    let shown: Vec<_> = shell.get_args().map(ToOwned::to_owned).collect();
    let mut server = Command::new(shell.get_program());
    server.args(&shown[..shown.len() - 2]).env("KEYWARD_SMTP_URL", &url);
    server.env("KEYWARD_DATABASE", &database).env("RUST_LOG", "trace");
    let served = Served::of(folder, Program::of(&mut server).0);

    invite(&served, "bob@example.com");
    let invitation = mailbox.newest_of(1);
    assert_eq!(invitation["user"], "keyward", "the server signed in");
    assert_eq!(post(&served, "/v1/users/forgot-password", &json!({"email": "nobody@example.com"})), 202);
    assert_eq!(post(&served, "/v1/users/forgot-password", &json!({"email": "ada@example.com"})), 202);
    let mail = mailbox.newest_of(2);
    assert_eq!(mail["to"], json!(["ada@example.com"]));
    let reset = token(&mail, "/reset?reset=").to_owned();
    assert_eq!(served.server.curl(&format!("/reset?reset={reset}"), &[]).status, 200);

    let sealed: Vec<u8> = ["keys.db", "keys.db-wal", "log"]
        .iter()
        .filter_map(|name| std::fs::read(served.folder.path().join(name)).ok())
        .flatten()
        .collect();
    let found = |canary: &str| sealed.windows(canary.len()).any(|bytes| bytes == canary.as_bytes());
    assert!(found("ada@example.com"), "the search works");
    for (what, secret) in
        [("invitation", token(&invitation, "invitation=")), ("reset", &reset), ("password", "hunter2-canary")]
    {
        assert!(!found(secret), "{what} is in the database or the log");
    }
    let body = json!({"reset": reset, "password": "another good password"});
    assert_eq!(post(&served, "/v1/users/reset-password", &body), 202);
    let sign_in = json!({"email": "ada@example.com", "password": "another good password"});
    assert_eq!(post(&served, "/v1/tokens", &sign_in), 201);
    served.stop();
}

#[needs(curl, mail_server)]
#[test]
fn wrong_configurations_are_named_at_the_start() {
    let mailbox = Mailbox::default();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let pair = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
    std::fs::write(&certificate, own.pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    let files = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let plain = mailbox.serve(0, &["--password", "right"]);
    let encrypted = mailbox.serve(0, &files);
    let smtps = mailbox.serve(0, &[&files[..], &["--smtps"]].concat());
    let password = folder.path().join("password");
    std::fs::write(&password, "wrong\n").unwrap();
    let database = folder.path().join("keys.db");
    let run = |url: &str, more: &[&str]| {
        let output = start(&database, 0, url).args(more).env_remove("SSL_CERT_FILE").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let from = ["--smtp-password-file", password.to_str().unwrap()];
    for (url, more, expected) in [
        (format!("smtp://localhost:{}?tls=required", plain.port), &[][..], "STARTTLS is not supported"),
        (format!("smtp://keyward:wrong@localhost:{}", plain.port), &[], "535"),
        (format!("smtp://keyward@localhost:{}", plain.port), &from, "535"),
        (format!("smtp://keyward@localhost:{}", plain.port), &[], "there is no password"),
        (format!("smtp://localhost:{}?tls=required", encrypted.port), &[], "certificate"),
        (format!("smtps://localhost:{}", smtps.port), &[], "certificate"),
        ("smtp://ada:wrong@mail.example.com?tls=none".to_owned(), &[], "without TLS"),
        ("ftp://ada:wrong@mail.example.com".to_owned(), &[], "invalid URL of the mail server"),
    ] {
        let (code, error) = run(&url, more);
        assert!(code == Some(2) && error.contains(expected) && !error.contains("wrong@"), "{url}: {error}");
    }
    for (arguments, expected) in [
        (&["--smtp-url", "smtp://localhost"][..], "smtp_url needs mail_from"),
        (&["--smtp-url", "smtp://localhost", "--mail-from", "keys@example.com"], "smtp_url needs public_url"),
        (&["--mail-from", "keys@example.com"], "mail_from needs smtp_url"),
        (&["--smtp-password-file", "password"], "smtp_password_file needs smtp_url"),
    ] {
        let output = keyward(&database, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(expected), "{arguments:?}: {error}");
    }

    // With the authority, both ways are encrypted.
    for (server, url) in [
        (&encrypted, format!("smtp://localhost:{}?tls=required", encrypted.port)),
        (&smtps, format!("smtps://localhost:{}", smtps.port)),
    ] {
        let (mailed, port) = (mailbox.mails().len(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let mut command = start(&folder.path().join("keys.db"), port, &url);
        let served = Served::of(folder, Program::of(command.env("SSL_CERT_FILE", &certificate)).0);
        invite(&served, "bob@example.com");
        let mail = mailbox.newest_of(mailed + 1);
        assert!(mail["tls"] == true || server.port == smtps.port, "{mail}");
        served.stop();
    }
}
