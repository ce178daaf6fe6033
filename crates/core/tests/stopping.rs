//! What a service does when it stops: streams end, begun writes finish, the node leaves.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use keyward_core::adapter::{Admission, Target, UnknownConnection};
use keyward_core::id::NodeId;
use keyward_core::key::Digest;
use keyward_core::store::{
    ChangeLog, Found, Freshness, KeyStore, KeyUse, LeaseAnswer, LogBatch, NodeStates, Position, StoreError, async_trait,
};
use keyward_core::{AccountRecord, Authenticator, KeyWatch, Keys, MemoryStore, NewKey};
use tokio::runtime::Handle;
use tokio::sync::watch;

const SLOW: Duration = Duration::from_millis(100);

/// A store with slow writes. Like a database, it applies a renewal even if the client drops it.
#[derive(Clone)]
struct SlowStore {
    inner: MemoryStore,
    log: Arc<dyn ChangeLog>,
    server: Handle,
    renewals: Writes,
    uses: Writes,
}

#[derive(Clone)]
struct Writes {
    begun: watch::Sender<u32>,
    applied: watch::Sender<u32>,
}

impl SlowStore {
    fn new() -> Self {
        let inner = MemoryStore::new();
        let Freshness::ChangeLog(log) = inner.freshness() else { panic!("the store in memory has a change log") };
        Self { inner, log, server: Handle::current(), renewals: Writes::new(), uses: Writes::new() }
    }
}

impl Writes {
    fn new() -> Self {
        Self { begun: watch::Sender::new(0), applied: watch::Sender::new(0) }
    }

    async fn slowly<T>(&self, write: impl Future<Output = T>) -> T {
        self.begun.send_modify(|begun| *begun += 1);
        tokio::time::sleep(SLOW).await;
        let written = write.await;
        self.applied.send_modify(|applied| *applied += 1);
        written
    }

    async fn begin(&self) {
        self.begun.subscribe().wait_for(|begun| *begun > 0).await.unwrap();
    }

    async fn are_applied(&self) {
        self.applied.subscribe().wait_for(|applied| *applied == *self.begun.borrow()).await.unwrap();
    }
}

#[async_trait]
impl ChangeLog for SlowStore {
    async fn newest(&self) -> Result<Position, StoreError> {
        self.log.newest().await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError> {
        self.log.read(after, limit).await
    }

    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError> {
        let (store, node) = (self.clone(), node.clone());
        let renewal = async move { store.renewals.slowly(store.log.renew(&node, applied, lease)).await };
        self.server.spawn(renewal).await.map_err(StoreError::unavailable)?
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        self.log.leave(node).await
    }

    async fn nodes(&self) -> Result<NodeStates, StoreError> {
        self.log.nodes().await
    }

    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        self.log.evict(node, renewals).await
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.log.watch()
    }
}

#[async_trait]
impl KeyStore for SlowStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.inner.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.uses.slowly(self.inner.record_use(uses)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_during_a_renewal_leaves_after_it() {
    let store = SlowStore::new();
    let authenticator = Authenticator::new(store.clone());
    store.renewals.begin().await;
    authenticator.shutdown().await;
    store.renewals.are_applied().await;
    let nodes = store.nodes().await.unwrap().nodes;
    assert_eq!(nodes, [], "the next revocation would wait for the lease of a node that has stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_that_is_being_recorded_at_shutdown_is_not_lost() {
    let store = SlowStore::new();
    let keys = Keys::new(store.inner.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id, "test")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    let authenticator = Authenticator::new(store.clone());
    authenticator.authenticate([field.as_bytes()]).await.unwrap();
    store.uses.begin().await;
    authenticator.shutdown().await;
    let record = keys.get(&issued.record.id).await.unwrap().unwrap();
    assert!(record.last_used_at.is_some(), "the use is lost");
}

async fn watched() -> (Authenticator, KeyWatch, String) {
    let store = MemoryStore::new();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id, "stream")).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    let authenticator = Authenticator::new(store);
    let Admission::Identity(caller) = authenticator.authenticate([field.as_bytes()]).await.unwrap() else { panic!() };
    let target = Target { method: "GET", path: "/events", preflight: false, connection: &UnknownConnection };
    let watch = authenticator.watch(&caller, target, [field.as_bytes()]).unwrap();
    (authenticator, watch, field)
}

#[tokio::test]
async fn streams_end_before_and_at_shutdown_and_requests_are_answered() {
    let (authenticator, mut watch, field) = watched().await;
    let mut other = watch.clone();
    let stream = tokio::spawn(async move { other.refused().await });
    tokio::task::yield_now().await;
    authenticator.end_streams();
    let refused = stream.await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.code(), refused.reason()),
        (503, "SERVICE_UNAVAILABLE", "shutting_down")
    );

    // A stream that opens late ends, too. Its request and its checks are answered.
    assert_eq!(watch.refused().await.reason(), "shutting_down");
    assert_eq!(watch.check().await, Ok(()));
    assert!(authenticator.authenticate([field.as_bytes()]).await.is_ok());

    let (authenticator, mut watch, _) = watched().await;
    let stream = tokio::spawn(async move { watch.refused().await });
    authenticator.shutdown().await;
    assert_eq!(stream.await.unwrap().reason(), "shutting_down");
}
