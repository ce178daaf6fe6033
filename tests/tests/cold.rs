//! Many cold keys at once, over a slow link to the store.
//!
//! `cargo test -p keyward-tests --test cold -- --nocapture` prints the figures of docs/performance.md.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyward::key::Digest;
use keyward::store::{Found, Freshness, KeyStore, StoreError, async_trait};
use keyward::{AccountRecord, Authenticator, Keys, NewKey, Rejection};
use keyward_needs::needs;
use keyward_tests::faults::proxy::Proxy;
use keyward_tests::faults::store::{Kind, Store};
use keyward_tests::program::SOON;
use keyward_tests::valkey::command;
use keyward_tests::watched::{Watched, within};
use keyward_tests::{postgres, valkey};
use tokio::task::JoinSet;

const KEYS: usize = 1_000;

/// A store that counts reads.
#[derive(Clone)]
struct Counting {
    inner: Arc<dyn KeyStore>,
    begun: Arc<AtomicUsize>,
}

#[async_trait]
impl KeyStore for Counting {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.inner.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        self.inner.freshness()
    }
}

struct Link {
    store: Store,
    proxy: Proxy,
    node_store: Counting,
    fields: Vec<String>,
    warm_up: String,
}

#[derive(Debug)]
struct Burst {
    answered: usize,
    unavailable: usize,
    begun: usize,
    took: Duration,
}

impl Link {
    async fn new(kind: Kind) -> Self {
        let store = tokio::task::spawn_blocking(move || Store::start(kind)).await.unwrap();
        let keys = store.keys().await;
        let account: keyward::AccountId = "acct_1".parse().unwrap();
        keys.put_account(&AccountRecord::new(account.clone(), "Example Ltd")).await.unwrap();
        let mut fields = Vec::new();
        for _ in 0..=KEYS {
            let issued = keys.issue(NewKey::secret(account.clone(), "a key")).await.unwrap();
            fields.push(format!("Bearer {}", *issued.key.expose_once()));
        }
        let warm_up = fields.pop().unwrap();
        let target = store.address().unwrap();
        let proxy = Proxy::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target).await;
        let url = store.url().replace(&target.to_string(), &proxy.address.to_string());
        let inner: Arc<dyn KeyStore> = match kind {
            Kind::Postgres => Arc::new(postgres::store(&url).await),
            _ => Arc::new(valkey::store(&url).await),
        };
        Self { store, proxy, node_store: Counting { inner, begun: Arc::default() }, fields, warm_up }
    }

    /// The median time of a read.
    async fn read(&self) -> Duration {
        let mut took = Vec::new();
        for _ in 0..21 {
            let begun = Instant::now();
            self.node_store.find(&Digest::from_bytes([7; 32])).await.unwrap();
            took.push(begun.elapsed());
        }
        median(took)
    }

    /// Sends every key at once to a new node.
    async fn burst(&self, timeout: Duration) -> Burst {
        let node = Arc::new(Watched::built(Authenticator::builder(self.node_store.clone()).store_timeout(timeout)));
        node.warm(&self.warm_up).await;
        self.node_store.begun.store(0, Ordering::SeqCst);
        let begun = Instant::now();
        let mut asking = JoinSet::new();
        for field in self.fields.clone() {
            let node = Arc::clone(&node);
            asking.spawn(async move { node.ask(&field).await });
        }
        let verdicts = asking.join_all().await;
        let took = begun.elapsed();
        let count = |wanted: Result<(), Rejection>| verdicts.iter().filter(|verdict| **verdict == wanted).count();
        Burst {
            answered: count(Ok(())),
            unavailable: count(Err(Rejection::StoreUnavailable)),
            begun: self.node_store.begun.load(Ordering::SeqCst),
            took,
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The default pool of PostgreSQL connections. A connection of a pool carries one read at a time.
const POOL: u32 = 16;

async fn assert_cold_keys_are_answered(kind: Kind) {
    let link = Link::new(kind).await;
    link.proxy.delay(Duration::from_micros(500));
    for _ in 0..5 {
        let burst = link.burst(Duration::from_millis(250)).await;
        eprintln!("{kind:?}, a read takes {:?}: {burst:?}", link.read().await);
        assert!(burst.begun <= KEYS, "{kind:?}: {burst:?}");
        assert_eq!(burst.answered + burst.unavailable, KEYS, "{kind:?}: {burst:?}");
    }

    // A read takes so long that other load on the machine counts little.
    link.proxy.delay(Duration::from_millis(200));
    let (read, burst) = (link.read().await, link.burst(SOON).await);
    eprintln!("{kind:?}, a read takes {read:?}: {burst:?}");
    assert_eq!((burst.answered, burst.unavailable, burst.begun), (KEYS, 0, KEYS), "{kind:?}: {burst:?}");
    assert!(burst.took < read * KEYS as u32 / POOL, "{kind:?}: {burst:?}");
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cold_keys_of_postgres_share_connections() {
    assert_cold_keys_are_answered(Kind::Postgres).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cold_keys_of_valkey_share_a_connection() {
    assert_cold_keys_are_answered(Kind::Valkey).await;
}

async fn assert_finds_survive(link: &Link, close_connections: impl Fn() + Clone + Send + 'static) {
    for _ in 0..10 {
        let mut finding = JoinSet::new();
        for number in 0..64 {
            let store = link.node_store.clone();
            finding
                .spawn(async move { store.find(&Digest::from_bytes([number; 32])).await.map(|found| found.position) });
        }
        tokio::task::spawn_blocking(close_connections.clone()).await.unwrap();
        for found in finding.join_all().await {
            assert!(found.as_ref().is_ok_and(Option::is_some), "{found:?}");
        }
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_finds_survive_lost_connections() {
    let link = Link::new(Kind::Postgres).await;
    link.proxy.delay(Duration::from_millis(20));
    let url = link.store.url();
    let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'keyward'";
    assert_finds_survive(&link, move || drop(postgres::sql(&url, close))).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_finds_survive_lost_connections() {
    let link = Link::new(Kind::Valkey).await;
    link.proxy.delay(Duration::from_millis(20));
    let url = link.store.url();
    assert_finds_survive(&link, move || drop(command(&url, &["CLIENT", "KILL", "TYPE", "normal"]))).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_finds_do_not_wait_for_replicas() {
    let url = valkey::server(&[]);
    let store = valkey::patient().wait_for_replicas(1).connect(&url).await.unwrap();
    let keys = Keys::new(store.clone());
    let waits = || format!("{:?}", command(&url, &["CLIENT", "LIST"])).contains("cmd=wait");
    within("a find is answered while a write waits", async || {
        let keys = keys.clone();
        // No replica confirms it, so it waits for a second and fails.
        let write = tokio::spawn(async move {
            keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await
        });
        within("the write waits or ends", async || waits() || write.is_finished()).await;
        store.find(&Digest::from_bytes([7; 32])).await.unwrap();
        let still_waits = waits();
        assert!(write.await.unwrap().is_err());
        still_waits
    })
    .await;
}
