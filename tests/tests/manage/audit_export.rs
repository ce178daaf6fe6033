//! The audit file with logrotate and rsyslog, configured as in the guide.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use keyward::manage::{Actor, Context, KeyDraft, Management, SqliteManagementStore};
use keyward::sqlite::SqliteStore;
use keyward_needs::needs;
use keyward_tests::program::{eventually, skip_part, terminate};
use serde_json::Value;

use crate::full_disk::Disk;
use crate::hook_receivers::block;
use crate::serve::{keyward, serve};

fn system() -> Actor {
    Actor::system("test", Context::new())
}

fn number_of(line: &str) -> Option<u64> {
    serde_json::from_str::<Value>(line).ok()?["number"].as_u64()
}

/// Debian keeps both outside the `PATH` of a user.
fn program(name: &str) -> Command {
    let places = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"];
    let mut found = places.iter().map(|place| Path::new(place).join(name)).filter(|file| file.exists());
    let mut command = Command::new(found.next().unwrap_or_else(|| name.into()));
    command.stdin(Stdio::null());
    command
}

struct Logs {
    folder: tempfile::TempDir,
    management: Management,
    runtime: tokio::runtime::Runtime,
    last: u64,
}

impl Logs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
        let records = SqliteManagementStore::open(&store).unwrap();
        let management = Management::builder(store, records).build().unwrap();
        std::fs::create_dir(folder.path().join("spool")).unwrap();
        let configuration = Self::of_guide(folder.path(), "conf logrotate");
        std::fs::write(folder.path().join("logrotate.conf"), configuration).unwrap();
        Self { folder, management, runtime: tokio::runtime::Runtime::new().unwrap(), last: 0 }
    }

    fn of_guide(folder: &Path, block_name: &str) -> String {
        let folder = folder.to_str().unwrap();
        let text = block(block_name).replace("/var/log/keyward", folder);
        text.replace("/var/spool/rsyslog", &format!("{folder}/spool"))
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// Each makes an entry.
    fn write_entries(&mut self, number: u64, name: &str) {
        for _ in 0..number {
            self.last += 1;
            let name = format!("{name} {}", self.last);
            self.runtime.block_on(self.management.create_account(&system(), &name)).unwrap();
        }
    }

    fn rotate(&self) {
        let mut logrotate = program("logrotate");
        logrotate.args(["--force", "--state"]).arg(self.folder.path().join("rotated"));
        let output = logrotate.arg(self.folder.path().join("logrotate.conf")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn numbers_in_order(&self) -> Vec<u64> {
        std::fs::read_to_string(self.file()).unwrap().lines().map(|line| number_of(line).unwrap()).collect()
    }

    fn numbers_in_files(&self) -> BTreeSet<u64> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let of_log = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("audit.jsonl") && !name.contains("position")
        };
        let text = |path: &Path| match path.extension() {
            Some(gz) if gz == "gz" => {
                let output = Command::new("gzip").args(["--decompress", "--stdout"]).arg(path).output().unwrap();
                String::from_utf8(output.stdout).unwrap()
            }
            _ => std::fs::read_to_string(path).unwrap_or_default(),
        };
        let texts: Vec<_> = files.filter(|path| of_log(path)).map(|path| text(&path)).collect();
        texts.iter().flat_map(|text| text.lines()).filter_map(number_of).collect()
    }
}

#[needs(logrotate)]
#[test]
fn logrotate_loses_no_entry_of_a_busy_server() {
    let mut logs = Logs::new();
    let server = serve(&logs.folder.path().join("keys.db"), &["--audit-file", logs.file().to_str().unwrap()]);
    for _ in 0..12 {
        logs.write_entries(40, "Example");
        logs.rotate();
        // The server needs up to a second until it writes the next batch.
        eventually("the server writes to a new file", || {
            std::fs::metadata(logs.file()).is_ok_and(|file| file.len() > 0)
                || logs.numbers_in_files().len() as u64 == logs.last
        });
    }
    let all: BTreeSet<u64> = (1..=logs.last).collect();
    eventually("each entry is in a file", || logs.numbers_in_files() == all);
    let compressed = std::fs::read_dir(logs.folder.path()).unwrap();
    let compressed = compressed.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "gz"));
    assert!(compressed.count() >= 2, "logrotate has not rotated");
    server.stop();
}

#[test]
fn each_entry_is_written_once_while_its_position_cannot_be() {
    let mut logs = Logs::new();
    let (database, file) = (logs.folder.path().join("keys.db"), logs.file());
    let arguments = ["--audit-file", file.to_str().unwrap()];
    let position = logs.folder.path().join("audit.jsonl.position");
    let server = serve(&database, &arguments);
    std::fs::remove_file(&position).unwrap();
    std::fs::create_dir_all(position.join("full")).unwrap();
    for _ in 0..3 {
        logs.write_entries(5, "Example");
        let last = logs.last;
        eventually("the file has the entries", || logs.numbers_in_files().len() as u64 == last);
    }
    assert_eq!(logs.numbers_in_order(), (1..=logs.last).collect::<Vec<_>>());
    std::fs::remove_dir_all(&position).unwrap();
    let noted = || std::fs::read_to_string(&position).unwrap_or_default();
    eventually("the position is written alone", || noted() == format!("{}\n", logs.last));
    server.stop();
    serve(&database, &arguments).stop();
    assert_eq!(logs.numbers_in_order(), (1..=logs.last).collect::<Vec<_>>());
}

#[test]
fn no_server_starts_without_a_position() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let change =
        |name: &str, mode| std::fs::set_permissions(place(name), std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::create_dir(place("data")).unwrap();
    change("data", 0o777);
    std::fs::create_dir(place("log")).unwrap();
    let file = place("log/audit.jsonl");
    std::fs::write(&file, "").unwrap();
    change("log/audit.jsonl", 0o600);
    change("log", 0o555);
    change("", 0o755);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--audit-file", file.to_str().unwrap()];
    let mut command = keyward(&place("data/keys.db"), &arguments);
    if std::fs::write(place("log/other"), "").is_ok() {
        // Root can write to each folder.
        chown(&file, Some(NOBODY), None).unwrap();
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
    }
    let refused = command.output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    let (written, advice) =
        (format!("cannot write {}.position: ", file.display()), "let the user of the server write to ");
    assert!(!refused.status.success() && error.contains(&written) && error.contains(advice), "{error}");
}

#[test]
fn a_full_disk_leaves_no_part_of_an_entry_and_no_entry_twice() {
    let mut logs = Logs::new();
    let Some(disk) = Disk::mount() else {
        skip_part("needs the right to mount a small disk (run as root)");
        return;
    };
    let file = disk.path().join("audit.jsonl");
    let server = serve(&logs.folder.path().join("keys.db"), &["--audit-file", file.to_str().unwrap()]);
    let lines = || -> Vec<_> { std::fs::read_to_string(&file).unwrap().lines().map(number_of).collect() };
    logs.write_entries(5, "Example");
    eventually("the file has the entries", || lines().len() == 5);
    disk.fill();
    let changed = || std::fs::metadata(&file).unwrap().modified().unwrap();
    let before = changed();
    // More than the rest of the last block of the file.
    logs.write_entries(60, "Example");
    eventually("the server tries to write", || changed() != before);
    disk.make_room();
    eventually("the file has all entries", || lines().last() == Some(&Some(logs.last)));
    server.stop();
    assert_eq!(lines(), (1..=logs.last).map(Some).collect::<Vec<_>>());
}

struct Rsyslog(Child);

impl Rsyslog {
    fn start(logs: &Logs, port: u16) -> Self {
        let folder = logs.folder.path();
        let configuration = Logs::of_guide(folder, "conf rsyslog");
        let configuration = configuration
            .replace("target=\"syslog.example.com\" port=\"514\"", &format!("target=\"127.0.0.1\" port=\"{port}\""));
        assert!(configuration.contains("127.0.0.1"), "{configuration}");
        std::fs::write(folder.join("rsyslog.conf"), configuration).unwrap();
        let mut rsyslog = program("rsyslogd");
        rsyslog.arg("-n").arg("-f").arg(folder.join("rsyslog.conf")).arg("-i").arg(folder.join("rsyslog.pid"));
        Self(rsyslog.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn stop(mut self) {
        terminate(&self.0);
        self.0.wait().unwrap();
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

type Messages = Arc<Mutex<Vec<String>>>;

/// Takes messages by RFC 6587, octet-counted.
fn syslog_server() -> (u16, Messages) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, messages) = (listener.local_addr().unwrap().port(), Messages::default());
    let received = Arc::clone(&messages);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let received = Arc::clone(&received);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket);
                loop {
                    let mut length = Vec::new();
                    if !reader.read_until(b' ', &mut length).is_ok_and(|read| read > 0) {
                        return;
                    }
                    let length: usize = String::from_utf8(length).unwrap().trim().parse().unwrap();
                    let mut message = vec![0; length];
                    if reader.read_exact(&mut message).is_err() {
                        return;
                    }
                    received.lock().unwrap().push(String::from_utf8(message).unwrap());
                }
            });
        }
    });
    (port, messages)
}

#[needs(logrotate, rsyslog)]
#[test]
fn rsyslog_sends_each_entry_across_rotations_and_restarts() {
    let mut logs = Logs::new();
    let (port, messages) = syslog_server();
    let server = serve(&logs.folder.path().join("keys.db"), &["--audit-file", logs.file().to_str().unwrap()]);
    let received = || -> BTreeSet<u64> {
        let messages = messages.lock().unwrap();
        messages.iter().filter_map(|message| number_of(&message[message.find('{')?..])).collect()
    };
    let mut rsyslog = Some(Rsyslog::start(&logs, port));
    for turn in 0..4 {
        logs.write_entries(30, "Example Ltd ä\u{1f511}");
        let last = logs.last;
        eventually("the file has the entries", || logs.numbers_in_files().len() as u64 == last);
        if turn == 2 {
            // It continues where it was.
            rsyslog.take().unwrap().stop();
            logs.write_entries(30, "while rsyslog is off");
            rsyslog = Some(Rsyslog::start(&logs, port));
        }
        let last = logs.last;
        eventually("rsyslog reads the file", || received().len() as u64 == last);
        logs.rotate();
    }
    // An entry that is longer than rsyslog's default of 8 KiB.
    logs.runtime.block_on(async {
        let account = logs.management.create_account(&system(), "Long").await.unwrap().value.id;
        let mut draft = KeyDraft::secret(account, "long");
        draft.endpoints = (0..45).map(|n| format!("GET /v1/{}/{n}", "a".repeat(180)).parse().unwrap()).collect();
        logs.management.create_key(&system(), draft).await.unwrap();
    });
    let all: BTreeSet<u64> = (1..=logs.last + 2).collect();
    eventually("each entry arrives", || received() == all);
    let messages = messages.lock().unwrap().clone();
    assert!(messages.iter().any(|message| message.len() > 8_192), "no entry is long");
    for message in &messages {
        // Facility authpriv, severity info, version 1.
        let (head, entry) = message.split_at(message.find('{').unwrap());
        assert!(head.starts_with("<86>1 ") && head.contains(" keyward-audit - - -"), "{message}");
        assert!(number_of(entry).is_some(), "{message}");
    }
    assert!(messages.iter().any(|message| message.contains("Example Ltd ä\u{1f511}")), "{:?}", messages.first());
    if let Some(rsyslog) = rsyslog {
        rsyslog.stop();
    }
    server.stop();
}
