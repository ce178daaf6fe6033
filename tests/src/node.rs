//! A node in a process of its own: what it does, and how a test asks it.

#![allow(clippy::print_stdout)] // It speaks on its standard output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use keyward::store::KeyStore;
use keyward::{Authenticator, Keys, NewKey};

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
        crate::program::signal(name, self.child.id());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until so many nodes are on the register.
pub async fn registered(keys: &Keys, count: usize) {
    let begun = Instant::now();
    while keys.nodes().await.unwrap().unwrap().nodes.len() < count {
        assert!(begun.elapsed() < Duration::from_secs(10), "no lease is granted");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Revokes 200 keys of this account that every node has cached, and asks every node after each: none may accept it. Prints how long
/// the revocations took.
pub async fn none_accepts_a_key_once_its_revocation_has_returned(keys: &Keys, account: &str, nodes: &mut [Node]) {
    registered(keys, nodes.len()).await;
    let mut took = Vec::new();
    for _ in 0..200 {
        let issued = keys.issue(NewKey::secret(account.parse().unwrap(), "a key")).await.unwrap();
        let field = format!("Bearer {}", *issued.key.expose_once());
        for node in nodes.iter_mut() {
            assert_eq!(node.ask(&field), "accepted");
            assert_eq!(node.ask(&field), "accepted");
        }
        let revoked = keys.revoke(&issued.record.id).await.unwrap();
        for node in nodes.iter_mut() {
            assert_eq!(node.ask(&field), "key_revoked");
        }
        assert_eq!(revoked.propagation.confirmed.len(), nodes.len(), "{revoked:?}");
        took.push(revoked.propagation.took);
    }
    took.sort();
    println!("revoked on {} other processes after: p50 {:?}, p99 {:?}", nodes.len(), took[100], took[198]);
    assert!(took[198] < Duration::from_secs(1), "only waiting out a lease takes that long: {:?}", took[198]);
}

/// Stops a node that has a key cached, revokes the key, and lets the node go on: it was waited out, and does not accept the key.
pub async fn one_that_is_stopped_is_waited_out(keys: &Keys, account: &str, mut node: Node) {
    registered(keys, 1).await;
    let issued = keys.issue(NewKey::secret(account.parse().unwrap(), "a key")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    assert_eq!(node.ask(&field), "accepted");
    node.signal("-STOP");
    let begun = Instant::now();
    let revoked = keys.revoke(&issued.record.id).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(revoked.propagation.waited_out.len(), 1);
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_millis(2_500),
        "at most a lease and half a second: {took:?}"
    );
    node.signal("-CONT");
    assert_eq!(node.ask(&field), "key_revoked");
}
