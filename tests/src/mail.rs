//! A real mail server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{eventually, test_package, up_to};

/// Ends with the value. The mails stay.
#[derive(Debug)]
pub struct MailServer {
    process: Child,
    pub port: u16,
}

/// The mails that servers have accepted.
#[derive(Debug)]
pub struct Mailbox(TempDir);

impl Default for Mailbox {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Mailbox {
    /// Starts a server. `arguments` are those of `tests/clients/mail/server.py`.
    pub fn serve(&self, port: u16, arguments: &[&str]) -> MailServer {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/mail/server.py");
        let mut python = Command::new(test_package("mail_server").join("bin/python"));
        python.arg(script).arg(self.0.path()).args(["--port", &port.to_string()]).args(arguments);
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let port = up_to(process.stdout.take().unwrap(), "").trim().parse().unwrap();
        MailServer { process, port }
    }

    /// The mails so far, oldest first.
    pub fn mails(&self) -> Vec<Value> {
        let files = std::fs::read_dir(self.0.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        files.sort();
        files.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
    }

    /// Waits for this many mails, and returns the newest.
    pub fn newest_of(&self, count: usize) -> Value {
        eventually(&format!("{count} mails arrive"), || self.mails().len() >= count);
        let mut mails = self.mails();
        assert_eq!(mails.len(), count, "{mails:#?}");
        mails.remove(count - 1)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value after `marker` in the plain text, up to a space or the end of the line.
pub fn token<'a>(mail: &'a Value, marker: &str) -> &'a str {
    let (_, rest) = mail["plain"].as_str().unwrap().split_once(marker).unwrap_or_else(|| panic!("{marker}: {mail:#}"));
    rest.split_whitespace().next().unwrap()
}
