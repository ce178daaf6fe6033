use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::get;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::program::{Curled, end_with_this_process, eventually, free_port, start_in_background, test_package};
use crate::service::Listening;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
    Haproxy,
    Envoy,
}

#[derive(Clone, Copy, Debug)]
pub struct Neighbours {
    pub keyward: SocketAddr,
    pub backend: SocketAddr,
}

#[derive(Debug)]
pub struct Gateway {
    pub kind: Kind,
    port: u16,
}

impl Gateway {
    pub fn start(kind: Kind, neighbours: Neighbours) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-gateway-").tempdir().unwrap().keep();
        // nginx reads some of the files as another user.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        copy(kind.configuration(), &folder, port, neighbours);
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = kind.command(&folder);
        command.current_dir(&folder).env("HOME", &folder).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let process = start_in_background(&mut command);
        let said = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        end_with_this_process(process, &folder);
        eventually(&format!("{kind:?} listens: {}", said()), || {
            assert!(crate::program::is_running(process), "{kind:?} ended: {}", said());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { kind, port }
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn curl(&self, target: &str, arguments: &[&str]) -> Curled {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--http1.1", "--max-time", "60", "--request-target", target]);
        curl.arg(format!("http://127.0.0.1:{}", self.port)).args(arguments);
        Curled::of(curl)
    }

    /// The request must ask the gateway to close the connection.
    pub fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A gateway may refuse a request and close before it has read all of it.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Kind {
    fn configuration(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
        }
    }

    fn command(self, folder: &Path) -> Command {
        match self {
            Self::Nginx => {
                fs::write(folder.join("nginx.conf"), nginx_conf(folder)).unwrap();
                let mut nginx = Command::new(installed(&["nginx", "/usr/sbin/nginx"]));
                nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).args(["-e", "stderr"]);
                nginx
            }
            Self::Caddy => {
                let mut caddy = Command::new("caddy");
                caddy.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]);
                caddy.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
                caddy
            }
            Self::Haproxy => {
                let mut haproxy = Command::new(installed(&["haproxy", "/usr/sbin/haproxy"]));
                haproxy.args(["-db", "-f", "haproxy.cfg"]);
                haproxy
            }
            Self::Envoy => {
                let mut envoy = Command::new(test_package("envoy").join("bin/envoy"));
                envoy.args(["--config-path", "envoy.yaml", "--use-dynamic-base-id", "--log-level", "warn"]);
                envoy
            }
        }
    }
}

fn nginx_conf(folder: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\npid {folder}/pid;\nworker_processes 1;\nevents {{}}\n\
         http {{\n    access_log off;\n{temporary}    include keyward.conf;\n}}\n"
    )
}

fn installed(candidates: &[&'static str]) -> &'static str {
    let works =
        |name: &&&str| Command::new(name).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    candidates.iter().find(works).unwrap_or_else(|| panic!("{} is not installed", candidates[0]))
}

fn copy(configuration: &str, folder: &Path, port: u16, neighbours: Neighbours) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/gateways").join(configuration);
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        // Use placeholders, so that a new port is never taken for one of the original.
        let substitutes = [("8080", port), ("3000", neighbours.backend.port()), ("3001", neighbours.keyward.port())];
        let text = substitutes.iter().fold(text, |text, (from, _)| text.replace(from, &format!("<{from}>")));
        let text =
            substitutes.iter().fold(text, |text, (from, to)| text.replace(&format!("<{from}>"), &to.to_string()));
        // A busy machine answers late. An example waits 2 s for keyward.
        let waits = [("_timeout 2s", "_timeout 20s"), (" timeout: 2s", " timeout: 20s"), ("or 2000", "or 20000")];
        let text = waits.iter().fold(text, |text, (from, to)| text.replace(from, to));
        fs::write(folder.join(entry.file_name()), text).unwrap();
    }
}

fn listed(headers: &HeaderMap) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()])).collect()
}

/// Echoes requests. `/v1/live` echoes the messages of a WebSocket, after one with the header fields of its request.
pub async fn echo() -> Listening {
    let live = async |headers: HeaderMap, upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async move |mut socket| {
            let first = json!({"headers": listed(&headers)}).to_string();
            let mut sent = socket.send(Message::Text(first.into())).await;
            while sent.is_ok()
                && let Some(Ok(message)) = socket.recv().await
            {
                sent = match message {
                    Message::Text(_) | Message::Binary(_) => socket.send(message).await,
                    _ => Ok(()),
                };
            }
        })
    };
    Listening::start(Router::new().route("/v1/live", get(live)).fallback(async |request: Request<Body>| {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap();
        let said = json!({
            "method": head.method.as_str(),
            "target": head.uri.to_string(),
            "headers": listed(&head.headers),
            "trailers": body.trailers().map(listed).unwrap_or_default(),
            "body": String::from_utf8(body.to_bytes().to_vec()).unwrap(),
        });
        axum::Json(said)
    }))
    .await
}

pub fn reached(echoed: &Value, name: &str) -> Vec<String> {
    let headers = echoed["headers"].as_array().unwrap();
    headers.iter().filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap().to_owned()).collect()
}
