#![allow(clippy::print_stdout)] // It speaks on its standard output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use keyward::lease::Lease;
use keyward::store::KeyStore;
use keyward::{Authenticator, Keys, NewKey};

use crate::program::eventually;
use crate::watched::within;

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

#[derive(Debug)]
pub struct Node {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    pub fn start(program: &str, argument: &str) -> Self {
        let mut child =
            Command::new(program).arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, ask, answers }
    }

    /// Returns `accepted`, or the reason of the rejection.
    pub fn ask(&mut self, field: &str) -> String {
        writeln!(self.ask, "{field}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Asks until the store has answered. A node that reads too late, or has lost its lease, refuses.
    pub fn decide(&mut self, field: &str) -> String {
        let mut verdict = String::new();
        eventually("the store answers", || {
            verdict = self.ask(field);
            verdict != "store_unavailable"
        });
        verdict
    }

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

pub async fn registered(keys: &Keys, count: usize) {
    within("leases are granted", async || keys.nodes().await.unwrap().unwrap().nodes.len() >= count).await;
}

/// Revokes 200 keys that every node has cached.
pub async fn assert_no_node_accepts_revoked_keys(keys: &Keys, account: &str, nodes: &mut [Node]) {
    registered(keys, nodes.len()).await;
    let (mut took, mut confirmed) = (Vec::new(), 0);
    for _ in 0..200 {
        let issued = keys.issue(NewKey::secret(account.parse().unwrap(), "a key")).await.unwrap();
        let field = format!("Bearer {}", *issued.key.expose_once());
        for node in nodes.iter_mut() {
            assert_eq!(node.decide(&field), "accepted");
            assert_eq!(node.decide(&field), "accepted");
        }
        let revoked = keys.revoke(&issued.record.id).await.unwrap();
        for node in nodes.iter_mut() {
            assert_eq!(node.decide(&field), "key_revoked");
        }
        confirmed += usize::from(revoked.propagation.confirmed.len() == nodes.len());
        took.push(revoked.propagation.took);
    }
    took.sort();
    println!("revoked on {} other processes after: p50 {:?}, p99 {:?}", nodes.len(), took[100], took[198]);
    // A node that gets no processor for the time of its lease is waited out.
    assert!(confirmed >= 180, "only {confirmed} of 200 revocations were confirmed by all nodes");
}

/// The revocation must wait for the lease to expire, and the node must refuse the key.
pub async fn assert_stopped_node_is_waited_out(keys: &Keys, account: &str, mut node: Node) {
    registered(keys, 1).await;
    let issued = keys.issue(NewKey::secret(account.parse().unwrap(), "a key")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    assert_eq!(node.decide(&field), "accepted");
    node.signal("-STOP");
    let begun = Instant::now();
    let revoked = keys.revoke(&issued.record.id).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(revoked.propagation.waited_out.len(), 1, "{revoked:?}");
    assert!(took >= Lease::default().length(), "a revocation waits for the lease: {took:?}");
    node.signal("-CONT");
    assert_eq!(node.decide(&field), "key_revoked");
}
