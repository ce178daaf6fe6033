//! A real `keyward serve`, and a proxy that forces faults.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use keyward_client::{Client, Credential, Secret};
use serde_json::Value;
use tempfile::TempDir;

use crate::management::Ended;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery canary";

pub(crate) struct Serving {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) token: String,
    process: Child,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    for name in ["DATABASE", "SERVER", "TOKEN", "TOKEN_FILE", "PEPPER_FILE", "CONFIG"] {
        command.env_remove(format!("KEYWARD_{name}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn fed(mut command: Command, input: &str) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A program that does not want it may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

impl Serving {
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("keys.db");
        let on_database = |arguments: &[&str]| {
            let mut command = program();
            command.arg("--database").arg(&database).args(arguments);
            command
        };
        let owner = ["users", "create", "--owner", "--email", EMAIL, "--password-stdin"];
        assert_eq!(fed(on_database(&owner), &format!("{PASSWORD}\n")).code, 0);
        let managing = ["keys", "create", "--name", "managing", "--purpose", "management", "--kind", "secret"];
        let made: Ended = on_database(&managing).output().unwrap().into();
        assert_eq!(made.code, 0, "{}", made.err);
        let mut serve = on_database(&["serve", "--listen", "127.0.0.1:0", "--sign-up", "open"]);
        let mut process = serve.stderr(Stdio::null()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let url = first["listening"].as_str().unwrap().to_owned();
        Self { folder, url, token: made.out.trim_end().to_owned(), process }
    }

    pub(crate) fn kept(&self) -> PathBuf {
        self.folder.path().join("config/keyward/credentials.json")
    }

    /// Without a credential.
    pub(crate) fn signed_in(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        command.args(["--server", &self.url]).args(arguments);
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.signed_in(arguments);
        command.env("KEYWARD_TOKEN", &self.token);
        command
    }

    pub(crate) fn on_database(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--database").arg(self.folder.path().join("keys.db")).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        ok(self.command(arguments))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    pub(crate) fn login(&self) -> Ended {
        let login = self.signed_in(&["login", "--email", EMAIL, "--password-stdin"]);
        fed(login, &format!("{PASSWORD}\n"))
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at(&self.url)
    }

    pub(crate) fn client_at(&self, url: &str) -> Client {
        let credential = Credential::bearer(Secret::new(self.token.clone()));
        Client::builder(url).credential(credential).build().unwrap()
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

pub(crate) fn ok(mut command: Command) -> String {
    let ended: Ended = command.output().unwrap().into();
    assert_eq!(ended.code, 0, "{command:?}: {}", ended.err);
    ended.out
}

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Swallow,
    Answer(String),
}

/// Acts on the first connections only.
pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn before(server: &str, faults: usize, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, server) = (Arc::new(AtomicUsize::new(0)), server.to_owned());
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let fault = (counted.fetch_add(1, Ordering::SeqCst) < faults).then(|| fault.clone());
                let server = server.clone();
                thread::spawn(move || pass(client, &server, fault));
            }
        });
        Self { url, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn pass(mut client: TcpStream, server: &str, fault: Option<Fault>) {
    if let Some(Fault::Answer(answer)) = &fault {
        let mut request = [0; 64 * 1_024];
        let _ = client.read(&mut request);
        let _ = client.write_all(answer.as_bytes());
        let _ = client.shutdown(Shutdown::Write);
        // Until the other side has read it.
        let _ = client.read(&mut request);
        return;
    }
    let mut upstream = TcpStream::connect(server).unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    if fault.is_some() {
        // The server has done it: the answer is there.
        let _ = upstream.read(&mut [0; 1]);
        let _ = client.shutdown(Shutdown::Both);
        return;
    }
    let _ = std::io::copy(&mut upstream, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}
