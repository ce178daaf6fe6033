//! A store that counts reads and fails on demand.

#![allow(dead_code, reason = "each test file uses only a part of this")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyward_core::adapter::Admission;
use keyward_core::key::Digest;
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError, async_trait};
use keyward_core::{AccountId, AccountRecord, Authenticator, Identity, Keys, MemoryStore, NewKey, Rejection};
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    pub(crate) keys: Keys,
    reads: Arc<AtomicUsize>,
    refusing_uses: Arc<AtomicBool>,
    refused_uses: Arc<AtomicUsize>,
    behaviour: watch::Sender<Behaviour>,
    freshness: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Normal,
    Hang,
    Unavailable,
    Corrupt,
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        let inner = MemoryStore::new();
        let keys = Keys::new(inner.clone());
        keys.put_account(&AccountRecord::new(account(), "Example Ltd")).await.unwrap();
        Self {
            inner,
            keys,
            reads: Arc::default(),
            refusing_uses: Arc::default(),
            refused_uses: Arc::default(),
            behaviour: watch::channel(Behaviour::Normal).0,
            freshness: None,
        }
    }

    pub(crate) fn with_bounded_age(mut self, age: Duration) -> Self {
        self.freshness = Some(age);
        self
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    pub(crate) fn refuse_uses(&self, refuse: bool) {
        self.refusing_uses.store(refuse, Ordering::SeqCst);
    }

    pub(crate) fn refused_uses(&self) -> usize {
        self.refused_uses.load(Ordering::SeqCst)
    }

    pub(crate) async fn issue(&self) -> (String, keyward_core::CredentialId) {
        self.issue_new(NewKey::secret(account(), "test")).await
    }

    pub(crate) async fn issue_new(&self, new: NewKey) -> (String, keyward_core::CredentialId) {
        let issued = self.keys.issue(new).await.unwrap();
        (format!("Bearer {}", *issued.key.expose_once()), issued.record.id)
    }
}

#[async_trait]
impl KeyStore for TestStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut behaviour = self.behaviour.subscribe();
        let now = *behaviour.wait_for(|now| *now != Behaviour::Hang).await.map_err(StoreError::unavailable)?;
        // Other tasks run during a read, as with a real store.
        tokio::task::yield_now().await;
        match now {
            Behaviour::Unavailable => Err(StoreError::unavailable("told to fail")),
            Behaviour::Corrupt => Err(StoreError::corrupt("told to be corrupt")),
            Behaviour::Normal | Behaviour::Hang => self.inner.find(digest).await,
        }
    }

    fn freshness(&self) -> Freshness {
        self.freshness.map_or_else(|| self.inner.freshness(), Freshness::BoundedAge)
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        if self.refusing_uses.load(Ordering::SeqCst) {
            self.refused_uses.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::unavailable("told to fail"));
        }
        self.inner.record_use(uses).await
    }
}

pub(crate) fn account() -> AccountId {
    "acct_1".parse().unwrap()
}

pub(crate) async fn identity(authenticator: &Authenticator, field: &str) -> Result<Identity, Rejection> {
    authenticator.authenticate([field.as_bytes()]).await.map(|admission| match admission {
        Admission::Identity(identity) => identity,
        Admission::Anonymous => panic!("anonymous, with a credential"),
    })
}

pub(crate) async fn warm(authenticator: &Authenticator, field: &str) {
    eventually("the key is cached", async || {
        let _ = identity(authenticator, field).await;
        is_cached(authenticator, field)
    })
    .await;
}

pub(crate) fn is_cached(authenticator: &Authenticator, field: &str) -> bool {
    let target = keyward_core::adapter::Target {
        method: "GET",
        path: "/",
        preflight: false,
        connection: &keyward_core::adapter::UnknownConnection,
    };
    !matches!(authenticator.check(target, [field.as_bytes()]), keyward_core::adapter::Check::Pending(_))
}

pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
