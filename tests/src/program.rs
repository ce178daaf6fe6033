//! The example services as their users run them: the program itself, `curl`, and a signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long anything may take.
pub const SOON: Duration = Duration::from_secs(60);

/// The program of an example, built as this test is.
pub fn program(package: &str) -> PathBuf {
    package_program(package, package)
}

/// A program of a package, built as this test is. Cargo gives no path to another package's program.
pub fn package_program(package: &str, name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    // `cargo xtask test` has built them all, with the features of the tests.
    if std::env::var_os("KEYWARD_PROGRAMS_ARE_BUILT").is_some() {
        return profile.join(name);
    }
    let mut build = Command::new(env!("CARGO"));
    // Build scripts that look at what cargo says of this package would run again, and with them whatever depends on them.
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

/// A running example service, until this is dropped.
#[derive(Debug)]
pub struct Program {
    /// Its process.
    pub process: Child,
    /// Where it listens.
    pub url: String,
    /// What it shows in its first line.
    pub credentials: Value,
}

impl Program {
    /// Starts an example on a free port, with demo credentials unless `variables` say otherwise.
    pub fn start(package: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program(package));
        Self::of(command.env("PORT", "0").env("SEED_DEMO", "1").envs(variables.iter().copied())).0
    }

    /// Starts a program that says in its first line where it listens; and that line.
    pub fn of(command: &mut Command) -> (Self, Value) {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let first = up_to(process.stdout.take().unwrap(), "");
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first:?}"));
        let url = line["listening"].as_str().unwrap().to_owned();
        (Self { process, url, credentials: line["credentials"].clone() }, line)
    }

    /// A demo credential.
    pub fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap_or_else(|| panic!("there is no credential {name}"))
    }

    /// What `curl` gets for a path, with these arguments besides.
    pub fn curl(&self, path: &str, arguments: &[&str]) -> Curled {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--max-time", "10", "--path-as-is"]);
        curl.arg(format!("{}{path}", self.url)).args(arguments);
        Curled::of(curl)
    }

    /// The same with a demo credential, or with none.
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

    /// Ends it with SIGTERM, and waits until it has ended well.
    pub fn stop(mut self) {
        terminate(&self.process);
        assert!(ends_well(&mut self.process), "it did not end well");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer as `curl --include` shows it.
#[derive(Debug)]
pub struct Curled {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// All that was shown.
    pub text: String,
}

impl Curled {
    /// What a `curl` that shows headers gets.
    pub fn of(mut curl: Command) -> Self {
        let output = curl.stdin(Stdio::null()).output().expect("curl is installed");
        let text = String::from_utf8(output.stdout).unwrap();
        // Who waits to be told to go on gets two answers.
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

    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a process writes, up to and with the first line that has this in it. What comes after it is read and dropped, so that
/// the process never blocks.
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
    wait.recv_timeout(SOON).expect("the program says so in time")
}

/// Sends SIGTERM.
pub fn terminate(process: &Child) {
    signal("-TERM", process.id());
}

/// Sends a signal, such as `-STOP`. Not every machine has the program `kill`.
pub fn signal(name: &str, process: u32) {
    let signal: Signal = name.replace('-', "SIG").parse().unwrap();
    kill(Pid::from_raw(i32::try_from(process).unwrap()), signal).unwrap();
}

/// Says that a part of the running test is skipped, and why. `cargo xtask test` counts these lines, so they are written to the
/// standard output itself: libtest hides what `println!` prints in tests that pass.
pub fn skip_part(reason: &str) {
    let thread = std::thread::current();
    let line = format!("part skipped: {}: {reason}\n", thread.name().unwrap_or("a test"));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Where `cargo xtask test` has put this package of npm or PyPI.
pub fn test_package(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/test-packages").join(name)
}

/// Starts a process, and sees to it that nothing is left of it when it has ended: its id.
pub fn start_in_background(command: &mut Command) -> u32 {
    let mut child = command.spawn().unwrap();
    let process = child.id();
    std::thread::spawn(move || child.wait());
    process
}

/// Whether there is such a process.
pub fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

/// Whether the process ends by itself, in time and with the code 0.
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

/// A process of its own waits for the end of this one, however it ends, and then ends the server and removes what it kept.
#[allow(clippy::zombie_processes)] // It outlives whoever could wait for it.
pub fn end_with_this_process(server: u32, folder: &Path) {
    let wait = "while kill -0 $1 2>/dev/null; do sleep 1; done; kill -INT $2; \
                while kill -0 $2 2>/dev/null; do sleep 1; done; rm -rf -- \"$3\"";
    let mut shell = Command::new("setsid");
    shell.args(["sh", "-c", wait, "sh", &std::process::id().to_string(), &server.to_string()]).arg(folder);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
}
