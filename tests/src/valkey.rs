//! A Valkey or Redis server of this test's own: on a free port of loopback, gone with the process.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::program::{end_with_this_process, eventually};

/// A new, empty server that keeps what it acknowledges: its URL. Settings may be given besides, as `--name`, `value`.
pub fn server(settings: &[&str]) -> String {
    let folder = tempfile::Builder::new().prefix("keyward-valkey-").tempdir().unwrap().keep();
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let program = ["valkey-server", "redis-server"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok())
        .expect("a server is installed");
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--port"]);
    command.arg(port.to_string()).arg("--dir").arg(&folder).args(settings);
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap().id();
    end_with_this_process(process, &folder);
    eventually("the server answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    format!("redis://127.0.0.1:{port}/")
}

/// Ends the server at this URL.
pub fn end(url: &str) {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    TcpStream::connect(address).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    eventually("the server has ended", || TcpStream::connect(address).is_err());
}
