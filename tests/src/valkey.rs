//! A Valkey or Redis server on loopback, which ends with the test process.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use keyward::valkey::{ValkeyOptions, ValkeyStore};

use crate::program::{SOON, end_with_this_process, eventually, free_port, is_running, signal, start_in_background};

#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: PathBuf,
    settings: Vec<String>,
    process: AtomicU32,
}

pub fn server(settings: &[&str]) -> String {
    Server::new(settings).url()
}

/// A busy machine answers late.
pub fn patient() -> ValkeyOptions {
    ValkeyOptions::default().timeout(SOON)
}

pub async fn store(url: &str) -> ValkeyStore {
    patient().connect(url).await.unwrap()
}

impl Server {
    /// `settings` are further arguments: `--name`, `value`.
    pub fn new(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-valkey-").tempdir().unwrap().keep();
        let port = free_port();
        let settings = settings.iter().map(ToString::to_string).collect();
        let server = Self { port, folder, settings, process: AtomicU32::new(0) };
        server.start();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("appendonlydir")
    }

    pub fn start(&self) {
        let mut command = Command::new(program());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--port"]);
        command.arg(self.port.to_string()).arg("--dir").arg(&self.folder).args(&self.settings);
        let process = start_in_background(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        self.process.store(process, Ordering::Relaxed);
        end_with_this_process(process, &self.folder);
        eventually("the server answers", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn crash(&self) {
        let process = self.process.load(Ordering::Relaxed);
        signal("-KILL", process);
        eventually("the server has ended", || !is_running(process));
    }

    pub fn signal(&self, name: &str) {
        signal(name, self.process.load(Ordering::Relaxed));
    }
}

/// Watches the primary under the name `main`.
pub fn sentinel(primary: SocketAddr) -> SocketAddr {
    let folder = tempfile::Builder::new().prefix("keyward-sentinel-").tempdir().unwrap().keep();
    let port = free_port();
    let settings = format!(
        "bind 127.0.0.1\nport {port}\nsentinel monitor main {} {} 1\nsentinel down-after-milliseconds main 5000\n\
         sentinel failover-timeout main 3000\n",
        primary.ip(),
        primary.port()
    );
    let file = folder.join("sentinel.conf");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(program());
    command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    end_with_this_process(start_in_background(&mut command), &folder);
    eventually("the sentinel answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (Ipv4Addr::LOCALHOST, port).into()
}

fn program() -> &'static str {
    ["valkey-server", "redis-server"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok())
        .expect("neither valkey-server nor redis-server is installed")
}

pub fn command(url: &str, words: &[&str]) -> redis::Value {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
}

pub fn end(url: &str) {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    TcpStream::connect(address).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    eventually("the server has ended", || TcpStream::connect(address).is_err());
}
