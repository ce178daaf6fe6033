use std::time::{Duration, Instant};

use keyward_core::lease::Lease;
use keyward_core::store::{KeyAdmin, LeaseAnswer};
use keyward_core::{AccountRecord, Authenticator, KeyUpdate, Keys, NewKey, Rejection, Timestamp};

use super::{log_of, node};
use crate::SOON;

struct Deployment {
    keys: Keys,
    nodes: Vec<Authenticator>,
}

impl Deployment {
    async fn of<S: KeyAdmin + Clone>(store: &S, nodes: usize) -> Self {
        let keys = Keys::new(store.clone());
        keys.put_account(&AccountRecord::new("acct_1".parse().expect("an id"), "Example Ltd"))
            .await
            .expect("an account is put");
        // A busy machine answers late.
        let node = || Authenticator::builder(store.clone()).store_timeout(SOON).build().expect("a node is built");
        Self { keys, nodes: (0..nodes).map(|_| node()).collect() }
    }

    async fn issue(&self) -> (String, keyward_core::CredentialId) {
        let new = NewKey::secret("acct_1".parse().expect("an id"), "a key");
        let issued = self.keys.issue(new).await.expect("a key is issued");
        (format!("Bearer {}", *issued.key.expose_once()), issued.record.id)
    }

    async fn registered(&self, count: usize) {
        let begun = Instant::now();
        loop {
            let states = self.keys.nodes().await.expect("the register is read").expect("there is one");
            if states.nodes.len() >= count {
                return;
            }
            assert!(begun.elapsed() < SOON, "no lease is granted: {states:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn shutdown(self) {
        for node in &self.nodes {
            node.shutdown().await;
        }
        let states = self.keys.nodes().await.expect("the register is read").expect("there is one");
        assert!(states.nodes.iter().all(|state| !self.nodes.iter().any(|node| node.node() == Some(&state.node))));
    }
}

async fn ask(node: &Authenticator, field: &str) -> Result<(), Rejection> {
    node.authenticate([field.as_bytes()]).await.map(drop)
}

pub(super) async fn a_revoked_key_is_refused_by_every_node<S: KeyAdmin + Clone>(store: S) {
    let deployment = Deployment::of(&store, 3).await;
    let mut confirmed = 0;
    for _ in 0..20 {
        deployment.registered(3).await;
        let (field, id) = deployment.issue().await;
        for node in &deployment.nodes {
            assert_eq!(ask(node, &field).await, Ok(()));
            assert_eq!(ask(node, &field).await, Ok(()), "from the cache");
        }
        let revoked = deployment.keys.revoke(&id).await.expect("the key is revoked");
        for node in &deployment.nodes {
            assert_eq!(ask(node, &field).await, Err(Rejection::KeyRevoked));
        }
        confirmed += u32::from(revoked.propagation.confirmed.len() == 3);
    }
    // A node that gets no processor for the time of its lease is waited out.
    assert!(confirmed >= 15, "only {confirmed} of 20 revocations were confirmed by all nodes");
    deployment.shutdown().await;
}

pub(super) async fn enabled_and_new_keys_are_accepted_at_once<S: KeyAdmin + Clone>(store: S) {
    let deployment = Deployment::of(&store, 2).await;
    deployment.registered(2).await;
    let (field, id) = deployment.issue().await;
    let disabled = |at| KeyUpdate { disabled_at: Some(at), ..KeyUpdate::default() };
    for _ in 0..5 {
        let since = Some(Timestamp::from_millis(1));
        deployment.keys.update(&id, &disabled(since)).await.expect("the key is disabled");
        for node in &deployment.nodes {
            assert_eq!(ask(node, &field).await, Err(Rejection::KeyDisabled));
        }
        deployment.keys.update(&id, &disabled(None)).await.expect("the key is enabled");
        for node in &deployment.nodes {
            assert_eq!(ask(node, &field).await, Ok(()), "a cached refusal outlived its cause");
        }
    }
    deployment.shutdown().await;
}

pub(super) async fn a_dead_node_is_waited_out_once<S: KeyAdmin + Clone>(store: S) {
    let deployment = Deployment::of(&store, 1).await;
    deployment.registered(1).await;
    let log = log_of(&store);
    // The node takes a lease and then does nothing more.
    let dead = node("dead");
    let newest = log.newest().await.expect("the log answers");
    assert_eq!(log.renew(&dead, newest, Lease::MIN).await.expect("the log answers"), LeaseAnswer::Granted);
    let (_, first) = deployment.issue().await;
    let begun = Instant::now();
    let revoked = deployment.keys.revoke(&first).await.expect("the key is revoked");
    assert!(begun.elapsed() >= Lease::MIN, "revoke returned while a lease could be valid");
    assert!(revoked.propagation.waited_out.contains(&dead), "{revoked:?}");
    // A busy store removes a dead node too late, and the next revocation waits for it again.
    loop {
        let (_, next) = deployment.issue().await;
        let revoked = deployment.keys.revoke(&next).await.expect("the key is revoked");
        if !revoked.propagation.waited_out.contains(&dead) {
            break;
        }
        assert!(begun.elapsed() < SOON, "every revocation waits for a dead node");
    }
    deployment.shutdown().await;
}
