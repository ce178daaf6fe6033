//! A Valkey or Redis server of this test's own: on a free port of loopback, gone with the process.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::program::{end_with_this_process, eventually, is_running, signal, start_in_background};

/// A server, which can be made to crash and be started again.
#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: PathBuf,
    settings: Vec<String>,
    process: AtomicU32,
}

/// A new, empty server that keeps what it acknowledges: its URL. Settings may be given besides, as `--name`, `value`.
pub fn server(settings: &[&str]) -> String {
    Server::new(settings).url()
}

impl Server {
    /// A new, empty server that keeps what it acknowledges. Settings may be given besides, as `--name`, `value`.
    pub fn new(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-valkey-").tempdir().unwrap().keep();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(ToString::to_string).collect();
        let server = Self { port, folder, settings, process: AtomicU32::new(0) };
        server.start();
        server
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it keeps what it holds.
    pub fn data(&self) -> PathBuf {
        self.folder.join("appendonlydir")
    }

    /// Starts it, again if need be, and waits until it answers.
    pub fn start(&self) {
        let program = ["valkey-server", "redis-server"]
            .into_iter()
            .find(|program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok())
            .expect("a server is installed");
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--port"]);
        command.arg(self.port.to_string()).arg("--dir").arg(&self.folder).args(&self.settings);
        let process = start_in_background(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        self.process.store(process, Ordering::Relaxed);
        end_with_this_process(process, &self.folder);
        eventually("the server answers", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Ends it at once, as a crash does.
    pub fn crash(&self) {
        let process = self.process.load(Ordering::Relaxed);
        signal("-KILL", process);
        eventually("the server has ended", || !is_running(process));
    }

    /// Stops it (`-STOP`), or lets it go on (`-CONT`).
    pub fn signal(&self, name: &str) {
        signal(name, self.process.load(Ordering::Relaxed));
    }
}

/// Ends the server at this URL.
pub fn end(url: &str) {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    TcpStream::connect(address).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    eventually("the server has ended", || TcpStream::connect(address).is_err());
}
