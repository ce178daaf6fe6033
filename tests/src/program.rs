use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub const SOON: Duration = Duration::from_secs(60);

/// Returns a port for a server that cannot choose one itself.
///
/// It is below the ports that the system gives to clients. A test that runs at the same time could otherwise get it, as a
/// client or from this function, before the server listens.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let port = 20_000 + (number % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A port on which nothing listens. This process keeps it, so that no server gets it.
pub fn closed_port() -> u16 {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::mem::forget(socket);
    port
}

pub fn program(package: &str) -> PathBuf {
    package_program(package, package)
}

/// Cargo gives no path to another package's program.
pub fn package_program(package: &str, name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    // `cargo xtask test` has built all programs with the features of the tests.
    if std::env::var_os("KEYWARD_PROGRAMS_ARE_BUILT").is_some() {
        return profile.join(name);
    }
    let mut build = Command::new(env!("CARGO"));
    // With these variables, build scripts that read them would run again, and every crate that depends on them would
    // be rebuilt.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|of_package| name.to_string_lossy().starts_with(of_package)) {
            build.env_remove(name);
        }
    }
    build.args(["build", "--quiet", "--package", package, "--target-dir"]).arg(profile.parent().unwrap());
    build.args((profile.file_name().unwrap() == "release").then_some("--release"));
    assert!(build.status().unwrap().success(), "{package} does not build");
    profile.join(name)
}

#[derive(Debug)]
pub struct Program {
    pub process: Child,
    pub url: String,
    pub credentials: Value,
}

impl Program {
    /// `variables` override the free port and the demo credentials.
    pub fn start(package: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program(package));
        Self::of(command.env("PORT", "0").env("SEED_DEMO", "1").envs(variables.iter().copied())).0
    }

    pub fn of(command: &mut Command) -> (Self, Value) {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let first = up_to(process.stdout.take().unwrap(), "");
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first:?}"));
        let url = line["listening"].as_str().unwrap().to_owned();
        (Self { process, url, credentials: line["credentials"].clone() }, line)
    }

    pub fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap_or_else(|| panic!("there is no credential {name}"))
    }

    pub fn curl(&self, path: &str, arguments: &[&str]) -> Curled {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--max-time", "60", "--path-as-is"]);
        curl.arg(format!("{}{path}", self.url)).args(arguments);
        Curled::of(curl)
    }

    pub fn call(&self, credential: Option<&str>, method: &str, path: &str, arguments: &[&str]) -> Curled {
        let field = credential.map(|name| format!("Authorization: Bearer {}", self.credential(name)));
        let mut all = vec!["--request", method];
        if method == "HEAD" {
            all = vec!["--head"];
        }
        all.extend(field.iter().flat_map(|field| ["--header", field]));
        all.extend(arguments);
        self.curl(path, &all)
    }

    pub fn stop(mut self) {
        terminate(&self.process);
        assert!(ends_well(&mut self.process), "the program did not exit with 0 in time");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
pub struct Curled {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub text: String,
}

impl Curled {
    pub fn of(mut curl: Command) -> Self {
        let output = curl.stdin(Stdio::null()).output().expect("curl does not start");
        let text = String::from_utf8(output.stdout).unwrap();
        // A client that sent `Expect: 100-continue` gets two answers.
        let last = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
        let (head, body) = last.split_once("\r\n\r\n").unwrap_or((last, ""));
        let status = ["HTTP/1.1 ", "HTTP/1.0 ", "HTTP/2 "].iter().find_map(|version| head.strip_prefix(version));
        let status = status.and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok());
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        Self {
            status: status.unwrap_or_else(|| panic!("no status in {text:?}")),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
            text: text.clone(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }
}

pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Up to and including the first line that contains `last`. A thread drops the rest, so that the process never blocks.
pub fn up_to(output: impl Read + Send + 'static, last: &'static str) -> String {
    let (found, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let mut found = Some(found);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            text += &line;
            text.push('\n');
            if line.contains(last)
                && let Some(found) = found.take()
            {
                let _ = found.send(text.clone());
            }
        }
    });
    wait.recv_timeout(SOON).expect("the program did not write the expected line in time")
}

pub fn terminate(process: &Child) {
    signal("-TERM", process.id());
}

/// Some machines lack the program `kill`.
pub fn signal(name: &str, process: u32) {
    let signal: Signal = name.replace('-', "SIG").parse().unwrap();
    kill(Pid::from_raw(i32::try_from(process).unwrap()), signal).unwrap();
    if signal == Signal::SIGSTOP {
        // On a busy machine, `kill` returns while threads of the process still run.
        eventually("the process stops", || threads_that_run(process) == 0);
    }
}

/// 0 where the system has no `/proc`.
fn threads_that_run(process: u32) -> usize {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return 0 };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.rsplit(')').next().is_some_and(|after| !after.starts_with(" T")))
        .count()
}

/// libtest hides `println!` in tests that pass. `cargo xtask test` counts these lines.
pub fn skip_part(reason: &str) {
    let thread = std::thread::current();
    let line = format!("part skipped: {}: {reason}\n", thread.name().unwrap_or("a test"));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

pub fn test_package(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/test-packages").join(name)
}

/// Reaps it when it has ended, and returns its ID.
pub fn start_in_background(command: &mut Command) -> u32 {
    let mut child = command.spawn().unwrap();
    let process = child.id();
    std::thread::spawn(move || child.wait());
    process
}

pub fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

pub fn ends_well(process: &mut Child) -> bool {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        if let Some(status) = process.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Starts a helper process that outlives this one and then removes the server and its folder.
///
/// The helper reads from this process until the pipe ends, and it knows the server by its start time. Process IDs alone do
/// not do: after some 30,000 threads and processes, another server can have the same one. A server may ignore the first signal,
/// for example if the tests run in the background of a shell.
#[allow(clippy::zombie_processes)] // The helper outlives this process, so it cannot be waited for.
pub fn end_with_this_process(server: u32, folder: &Path) {
    let wait = "begun() { sed 's/.*) //' \"/proc/$1/stat\" 2>/dev/null | cut -d ' ' -f 20; }; \
                first=$(begun $1); is_there() { [ \"$first\" ] && [ \"$(begun $1)\" = \"$first\" ]; }; \
                cat >/dev/null; is_there $1 && kill -INT $1; left=20; \
                while is_there $1; do [ $left -gt 0 ] || kill -KILL $1; left=$((left - 1)); sleep 1; done; \
                rm -rf -- \"$2\"";
    let mut shell = Command::new("setsid");
    shell.args(["sh", "-c", wait, "sh", &server.to_string()]).arg(folder);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It stays open until this process ends.
    std::mem::forget(shell.stdin.take());
}
