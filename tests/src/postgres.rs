//! A PostgreSQL server on loopback, which ends with the test process.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use keyward::postgres::{PostgresOptions, PostgresStore};

use crate::program::{SOON, end_with_this_process, eventually, free_port, is_running, signal, start_in_background};

#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: PathBuf,
    settings: Vec<String>,
    process: AtomicU32,
}

/// On the server that all tests of this process share.
pub fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::new).database()
}

/// A busy machine answers late.
pub fn patient() -> PostgresOptions {
    PostgresOptions::default().connect_timeout(SOON).statement_timeout(SOON)
}

pub async fn store(url: &str) -> PostgresStore {
    patient().connect(url).await.unwrap()
}

pub fn sql(url: &str, sql: &str) -> String {
    let run =
        Command::new(binary("psql")).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output();
    let output = run.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Ends the connections and refuses new ones.
pub fn shut(url: &str) {
    let (server, name) = beside(url);
    sql(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    sql(&server, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
}

pub fn open(url: &str) {
    let (server, name) = beside(url);
    sql(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
}

fn beside(url: &str) -> (String, &str) {
    let (server, name) = url.rsplit_once('/').unwrap();
    (format!("{server}/postgres"), name)
}

fn binary(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// A server refuses to run as root.
fn as_user(program: PathBuf) -> Command {
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let user: &[&str] = if is_root { &["--reuid", "postgres", "--regid", "postgres", "--clear-groups"] } else { &[] };
    let mut command = Command::new("setpriv");
    command.args(user).arg(program).current_dir("/").stdout(Stdio::null());
    command
}

impl Server {
    pub fn new() -> Self {
        Self::with(Vec::new())
    }

    /// Each `name=value`.
    pub fn with(settings: Vec<String>) -> Self {
        // A background process removes the folder when this process ends.
        let folder = tempfile::Builder::new().prefix("keyward-postgres-").tempdir().unwrap().keep();
        if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0 {
            assert!(Command::new("chown").arg("postgres:").arg(&folder).status().unwrap().success());
        }
        let made = as_user(binary("initdb"))
            .args(["--username", "keyward", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--pgdata"])
            .arg(folder.join("data"))
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let port = free_port();
        let server = Self { port, folder, settings, process: AtomicU32::new(0) };
        server.start();
        server
    }

    pub fn start(&self) {
        let mut command = as_user(binary("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        command.args(["-h", "127.0.0.1", "-c", "max_connections=200", "-p"]).arg(self.port.to_string());
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = fs::File::options().append(true).create(true).open(self.log()).unwrap();
        let process = start_in_background(command.stderr(log));
        self.process.store(process, Ordering::Relaxed);
        end_with_this_process(process, &self.folder);
        eventually("PostgreSQL answers", || is_ready(self.port));
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn last_of_log(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn crash(&self) {
        let process = self.process.load(Ordering::Relaxed);
        signal("-QUIT", process);
        eventually("PostgreSQL has ended", || !is_running(process));
    }

    /// The server, and its processes that answer queries. Maintenance runs when the server likes.
    pub fn processes(&self) -> Vec<u32> {
        let process = self.process.load(Ordering::Relaxed);
        let started = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        let queries = started.split_whitespace().map(|id| id.parse().unwrap()).filter(|id: &u32| {
            let title = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
            ["postgres: keyward ", "postgres: parallel worker "].iter().any(|start| title.starts_with(start))
        });
        std::iter::once(process).chain(queries).collect()
    }

    pub fn signal_all(&self, name: &str) {
        let process = self.process.load(Ordering::Relaxed);
        let _ = Command::new("pkill").args([name, "-P", &process.to_string()]).status();
        signal(name, process);
    }

    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let made = Command::new(binary("createdb"))
            .args(["--host", "127.0.0.1", "--port", &port, "--username", "keyward", &name])
            .status()
            .unwrap();
        assert!(made.success(), "createdb failed; the server says:\n{}", self.last_of_log());
        format!("postgres://keyward@127.0.0.1:{port}/{name}")
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// PgBouncer.
#[derive(Debug)]
pub struct Pooler {
    pub url: String,
    process: u32,
}

impl Pooler {
    pub fn start(url: &str, mode: &str) -> Self {
        Self::with_sessions(url, mode, 40)
    }

    pub fn with_sessions(url: &str, mode: &str, sessions: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-pgbouncer-").tempdir().unwrap().keep();
        let (server, name) = url.rsplit_once('/').unwrap();
        let server_port = server.rsplit_once(':').unwrap().1;
        let port = free_port();
        let settings = format!(
            "[databases]\n{name} = host=127.0.0.1 port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n\
             ignore_startup_parameters = options,extra_float_digits\nmax_client_conn = 200\ndefault_pool_size = {sessions}\n",
            folder.join("users").display()
        );
        fs::write(folder.join("users"), "\"keyward\" \"\"\n").unwrap();
        fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
        if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0 {
            assert!(Command::new("chown").args(["-R", "postgres:"]).arg(&folder).status().unwrap().success());
        }
        let program =
            ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().map(PathBuf::from).find(|path| path.exists());
        let mut command = as_user(program.unwrap_or_else(|| PathBuf::from("pgbouncer")));
        command.arg(folder.join("pgbouncer.ini"));
        let process = start_in_background(command.stderr(Stdio::null()));
        end_with_this_process(process, &folder);
        eventually("PgBouncer answers", || is_ready(port));
        Self { url: format!("postgres://keyward@127.0.0.1:{port}/{name}"), process }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        signal("-INT", self.process);
    }
}

fn is_ready(port: u16) -> bool {
    let ready = Command::new(binary("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
    ready.is_ok_and(|status| status.success())
}
