//! A node in a process of its own: what it does, and how a test asks it.

#![allow(clippy::print_stdout)] // It speaks on its standard output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use keyward::{Authenticator, KeyStore};

/// Answers each line `FIELD` on standard input with the verdict on it, until there are no more.
pub async fn answer(store: impl KeyStore) {
    let authenticator = Authenticator::new(store);
    for line in std::io::stdin().lock().lines() {
        let verdict = match authenticator.authenticate([line.unwrap().as_bytes()]).await {
            Ok(_) => "accepted",
            Err(rejection) => rejection.reason(),
        };
        println!("{verdict}");
        std::io::stdout().flush().unwrap();
    }
    authenticator.shutdown().await;
}

/// A running node, until this is dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    /// Starts this program with this argument.
    pub fn start(program: &str, argument: &str) -> Self {
        let mut child =
            Command::new(program).arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, ask, answers }
    }

    /// The verdict on an Authorization field: `accepted`, or the reason of the rejection.
    pub fn ask(&mut self, field: &str) -> String {
        writeln!(self.ask, "{field}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Sends a signal, such as `-STOP`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
