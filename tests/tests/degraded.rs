//! A node whose store fails, with the metric of each state.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyward::key::Digest;
use keyward::lease::Lease;
use keyward::lifecycle::KeysError;
use keyward::postgres::PostgresStore;
use keyward::sqlite::SqliteStore;
use keyward::store::{Found, Freshness, KeyStore, StoreError, async_trait};
use keyward::valkey::{ValkeyOptions, ValkeyStore};
use keyward::{AccountRecord, Authenticator, Keys, NewKey, Rejection};
use keyward_needs::{missing, needs};
use keyward_tests::faults::proxy::Proxy;
use keyward_tests::faults::store::{Kind, Store};
use keyward_tests::program::skip_part;
use keyward_tests::valkey::command;
use keyward_tests::watched::{Watched, within};
use keyward_tests::{postgres, valkey};
use tokio::task::JoinSet;

/// The timeout of a read is 250 ms. Stores wait for 60 s.
const TIMEOUT: Duration = Duration::from_secs(30);

const SERVERS: [Kind; 2] = [Kind::Postgres, Kind::Valkey];

fn installed(kinds: impl IntoIterator<Item = Kind>) -> Vec<Kind> {
    let missing = |kind: &Kind| match kind {
        Kind::Sqlite => None,
        Kind::Postgres => missing!(postgresql),
        Kind::Valkey => missing!(valkey),
    };
    kinds.into_iter().filter(|kind| missing(kind).map(skip_part).is_none()).collect()
}

struct Management {
    store: Store,
    keys: Keys,
}

impl Management {
    async fn new(kind: Kind) -> Self {
        let store = tokio::task::spawn_blocking(move || Store::start(kind)).await.unwrap();
        let keys = store.keys().await;
        keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
        Self { store, keys }
    }

    async fn node(&self) -> Watched {
        self.node_by(&self.store.url()).await
    }

    async fn node_by(&self, url: &str) -> Watched {
        match &self.store {
            Store::Sqlite(_) => Watched::new(SqliteStore::open(url).unwrap()),
            Store::Postgres(..) => Watched::new(PostgresStore::connect(url).await.unwrap()),
            Store::Valkey(_) => Watched::new(ValkeyStore::connect(url).await.unwrap()),
        }
    }

    async fn patient_node(&self) -> Watched {
        let url = self.store.url();
        match &self.store {
            Store::Sqlite(_) => self.node().await,
            Store::Postgres(..) => Watched::new(postgres::store(&url).await),
            Store::Valkey(_) => Watched::new(valkey::store(&url).await),
        }
    }

    async fn issue(&self) -> (String, keyward::store::KeyRecord) {
        issue(&self.keys).await
    }
}

async fn issue(keys: &Keys) -> (String, keyward::store::KeyRecord) {
    let issued = keys.issue(NewKey::secret("acct_1".parse().unwrap(), "a key")).await.unwrap();
    (format!("Bearer {}", *issued.key.expose_once()), issued.record)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashed_store_refuses_requests_until_it_is_back() {
    for kind in installed(SERVERS) {
        let management = Management::new(kind).await;
        let node = management.node().await;
        let (field, record) = management.issue().await;
        node.warm(&field).await;
        tokio::task::block_in_place(|| management.store.crash());
        let crashed = Instant::now();
        within("the node refuses requests", async || {
            let asked = crashed.elapsed();
            let verdict = node.ask(&field).await;
            assert!(
                verdict.is_err() || asked <= Lease::default().length(),
                "{kind:?}: accepted {asked:?} after the crash"
            );
            verdict == Err(Rejection::StoreUnavailable)
        })
        .await;
        within("the metrics show failures and no lease", async || {
            node.counted("keyward_lease_renewals_total", "failed") > 0.0
                && node.counted("keyward_store_read_seconds", "failed") > 0.0
                && node.counted("keyward_lease_held", "") == 0.0
        })
        .await;
        tokio::task::block_in_place(|| management.store.restart());
        within("the key works again", async || node.ask(&field).await.is_ok()).await;
        node.warm(&field).await;
        assert!(node.counted("keyward_lease_lapses_total", "") > 0.0, "{kind:?}");
        within("revoking works again", async || management.keys.revoke(&record.id).await.is_ok()).await;
        assert_eq!(node.decide(&field).await, Err(Rejection::KeyRevoked), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_store_delays_a_request_at_most_until_the_timeout() {
    for kind in installed(SERVERS) {
        let management = Management::new(kind).await;
        let node = management.patient_node().await;
        let (field, _) = management.issue().await;
        management.store.signal("-STOP");
        let begun = Instant::now();
        let refused = node.ask(&field).await;
        let took = begun.elapsed();
        management.store.signal("-CONT");
        assert_eq!(refused, Err(Rejection::StoreUnavailable), "{kind:?}");
        assert!(took < TIMEOUT, "{kind:?}: {took:?}");
        assert!(node.counted("keyward_store_read_seconds", "failed") > 0.0, "{kind:?}");
        node.warm(&field).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_store_accepts_keys_and_revokes_nothing() {
    for kind in installed([Kind::Postgres, Kind::Valkey, Kind::Sqlite]) {
        let management = Management::new(kind).await;
        let node = management.node().await;
        let (field, record) = management.issue().await;
        node.warm(&field).await;
        let url = management.store.url();
        let mut locked = None;
        match kind {
            Kind::Postgres => {
                postgres::sql(&url, "ALTER SYSTEM SET default_transaction_read_only = on");
                postgres::sql(&url, "SELECT pg_reload_conf()");
            }
            Kind::Valkey => _ = command(&url, &["CONFIG", "SET", "min-replicas-to-write", "1"]),
            // Another process holds a write transaction open.
            Kind::Sqlite => {
                let connection = rusqlite::Connection::open(&url).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                locked = Some(connection);
            }
        }
        within("the node has no lease", async || {
            node.counted("keyward_lease_renewals_total", "failed") > 0.0 && !node.has_cached(&field)
        })
        .await;
        within("requests read the store and are accepted", async || {
            let before = node.counted("keyward_read_through_total", "");
            assert_eq!(node.decide(&field).await, Ok(()), "{kind:?}");
            node.counted("keyward_read_through_total", "") > before
        })
        .await;
        let refused = management.keys.revoke(&record.id).await;
        assert!(matches!(refused, Err(KeysError::Store(_))), "{kind:?}: {refused:?}");
        assert!(management.keys.get(&record.id).await.unwrap().unwrap().revoked_at.is_none(), "{kind:?}");
        match kind {
            Kind::Postgres => {
                let writable = format!("{url}?options=-c%20default_transaction_read_only%3Doff");
                postgres::sql(&writable, "ALTER SYSTEM RESET default_transaction_read_only");
                postgres::sql(&url, "SELECT pg_reload_conf()");
            }
            Kind::Valkey => _ = command(&url, &["CONFIG", "SET", "min-replicas-to-write", "0"]),
            Kind::Sqlite => drop(locked),
        }
        within("revoking works again", async || management.keys.revoke(&record.id).await.is_ok()).await;
        assert_eq!(node.decide(&field).await, Err(Rejection::KeyRevoked), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_backup_invalidates_the_cache() {
    for kind in installed([Kind::Postgres, Kind::Valkey]) {
        let management = Management::new(kind).await;
        let node = management.node().await;
        let (field, _) = management.issue().await;
        tokio::task::block_in_place(|| {
            management.store.crash();
            management.store.back_up();
            management.store.restart();
        });
        within("the store is back", async || management.keys.list(&keyward::store::KeyQuery::default()).await.is_ok())
            .await;
        let (lost, _) = management.issue().await;
        for cached in [&field, &lost] {
            node.warm(cached).await;
        }
        tokio::task::block_in_place(|| {
            management.store.crash();
            management.store.restore();
            management.store.restart();
        });
        // Write again, so that the log reaches the old number with another mark.
        let (new, _) = {
            within("the store is back", async || {
                management.keys.list(&keyward::store::KeyQuery::default()).await.is_ok()
            })
            .await;
            management.issue().await
        };
        within("a key that is missing in the backup is refused", async || {
            matches!(node.ask(&lost).await, Err(Rejection::UnknownKey))
        })
        .await;
        for there in [&field, &new] {
            node.warm(there).await;
        }
        assert_eq!(node.decide(&lost).await, Err(Rejection::UnknownKey), "{kind:?}");
        assert!(node.counted("keyward_log_gaps_total", "") > 0.0, "{kind:?}");
    }
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_to_a_stale_replica_invalidates_the_cache() {
    let primary = tokio::task::spawn_blocking(|| valkey::Server::new(&[])).await.unwrap();
    let of = primary.address().to_string().replace(':', " ");
    let replica = tokio::task::spawn_blocking(move || valkey::Server::new(&["--replicaof", &of])).await.unwrap();
    let proxy = Proxy::start(IpAddr::V4(Ipv4Addr::LOCALHOST), primary.address()).await;
    let keys = Keys::new(ValkeyStore::connect(&primary.url()).await.unwrap());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let node = Watched::new(ValkeyStore::connect(&format!("redis://{}/", proxy.address)).await.unwrap());
    let (both, _) = issue(&keys).await;
    within("the replica has the key", async || command(&primary.url(), &["WAIT", "1", "100"]) == redis::Value::Int(1))
        .await;
    let _ = command(&replica.url(), &["REPLICAOF", "NO", "ONE"]);
    let (lost, _) = issue(&keys).await;
    node.warm(&both).await;
    node.warm(&lost).await;
    proxy.retarget(replica.address());
    tokio::task::block_in_place(|| primary.crash());
    within("a key that is missing on the replica is refused", async || {
        matches!(node.ask(&lost).await, Err(Rejection::UnknownKey))
    })
    .await;
    node.warm(&both).await;
    assert!(node.counted("keyward_log_gaps_total", "") > 0.0);
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausted_pool_refuses_in_time_and_recovers() {
    let url = postgres::database();
    let store = postgres::patient().pool_size(2).connect(&url).await.unwrap();
    let keys = Keys::new(store.clone());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let mut fields = Vec::new();
    for _ in 0..60 {
        fields.push(issue(&keys).await.0);
    }
    let node = Arc::new(Watched::new(store));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE keyward_keys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let ask_all = async || {
        let begun = Instant::now();
        let mut asking = JoinSet::new();
        for field in fields.clone() {
            let node = Arc::clone(&node);
            asking.spawn(async move { node.ask(&field).await });
        }
        (asking.join_all().await, begun.elapsed())
    };
    let (verdicts, took) = ask_all().await;
    assert!(verdicts.iter().all(|verdict| *verdict == Err(Rejection::StoreUnavailable)), "{verdicts:?}");
    assert!(took < TIMEOUT, "{took:?}");
    assert!(node.counted("keyward_store_read_seconds", "failed") >= 60.0);
    client.batch_execute("COMMIT").await.unwrap();
    within("all requests are accepted", async || ask_all().await.0.iter().all(Result::is_ok)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_notifications_only_slow_revocations_down() {
    for kind in installed(SERVERS) {
        let management = Management::new(kind).await;
        let node = management.node().await;
        let url = management.store.url();
        let mut confirmed = 0;
        // A node that gets no processor for the time of its lease is waited out.
        within("three revocations are confirmed without a notification", async || {
            let (field, record) = management.issue().await;
            node.warm(&field).await;
            match kind {
                Kind::Valkey => _ = command(&url, &["CLIENT", "KILL", "TYPE", "pubsub"]),
                _ => {
                    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()";
                    postgres::sql(&url, kill);
                }
            }
            let revoked = management.keys.revoke(&record.id).await.unwrap();
            assert_eq!(node.decide(&field).await, Err(Rejection::KeyRevoked), "{kind:?}");
            confirmed += revoked.propagation.confirmed.len();
            confirmed == 3
        })
        .await;
        within("the missing notification is counted", async || node.counted("keyward_log_untold_total", "") > 0.0)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitioned_node_stops_with_its_lease_and_recovers() {
    for kind in installed(SERVERS) {
        let management = Management::new(kind).await;
        let target = management.store.address().unwrap();
        let proxy = Proxy::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target).await;
        let url = management.store.url().replace(&target.to_string(), &proxy.address.to_string());
        let node = management.node_by(&url).await;
        let (field, record) = management.issue().await;
        let (other, _) = management.issue().await;
        node.warm(&field).await;
        node.warm(&other).await;
        proxy.cut(true);
        let revoked = management.keys.revoke(&record.id).await.unwrap();
        assert_eq!(node.ask(&field).await, Err(Rejection::StoreUnavailable), "{kind:?}");
        assert_eq!(revoked.propagation.waited_out.len(), 1, "{kind:?}: {revoked:?}");
        proxy.cut(false);
        within("the other key works again", async || node.ask(&other).await.is_ok()).await;
        assert_eq!(node.decide(&field).await, Err(Rejection::KeyRevoked), "{kind:?}");
        node.warm(&other).await;
        assert!(node.counted("keyward_lease_lapses_total", "") > 0.0, "{kind:?}");
    }
}

struct Counting {
    inner: PostgresStore,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl KeyStore for Counting {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let found = self.inner.find(digest).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        found
    }

    fn freshness(&self) -> Freshness {
        self.inner.freshness()
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_after_a_log_gap_are_limited_in_number() {
    let url = postgres::database();
    let store = PostgresStore::connect(&url).await.unwrap();
    let keys = Keys::new(store.clone());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let mut fields = Vec::new();
    for _ in 0..1_000 {
        fields.push(issue(&keys).await.0);
    }
    let most = Arc::new(AtomicUsize::new(0));
    let counting = Counting { inner: store, now: AtomicUsize::new(0), most: Arc::clone(&most) };
    let builder = Authenticator::builder(counting).store_concurrency(8).store_timeout(Duration::from_secs(30));
    let node = Arc::new(Watched::built(builder));
    for field in &fields {
        node.warm(field).await;
    }
    let reads = node.counted("keyward_store_read_seconds", "found");
    let misses = node.counted("keyward_cache_misses_total", "");
    // Start another history, as a restored backup does.
    postgres::sql(&url, "UPDATE keyward_log_head SET mark = 7; UPDATE keyward_changes SET mark = mark / 2");
    within("the node notices the other history", async || {
        node.counted("keyward_log_gaps_total", "") > 0.0 && !node.has_cached(&fields[0])
    })
    .await;
    most.store(0, Ordering::SeqCst);
    let mut asking = JoinSet::new();
    for field in fields {
        let node = Arc::clone(&node);
        asking.spawn(async move { node.ask(&field).await });
    }
    assert!(asking.join_all().await.iter().all(Result::is_ok));
    assert_eq!(
        node.counted("keyward_store_read_seconds", "found") - reads,
        1_000.0,
        "some key was not read exactly once"
    );
    assert!(node.counted("keyward_cache_misses_total", "") - misses >= 1_000.0, "some key was answered from the cache");
    assert!((1..=8).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_entry_of_a_newer_version_invalidates_the_cache() {
    let management = Management::new(Kind::Postgres).await;
    let node = management.node().await;
    let (field, _) = management.issue().await;
    node.warm(&field).await;
    let later = "UPDATE keyward_keys SET revoked_at = 1; SELECT keyward_append(5, 'tenant', NULL, NULL, 'acct_1')";
    postgres::sql(&management.store.url(), later);
    within("the key is refused", async || node.ask(&field).await == Err(Rejection::KeyRevoked)).await;

    let management = Management::new(Kind::Valkey).await;
    let node = management.node().await;
    let (field, record) = management.issue().await;
    node.warm(&field).await;
    let url = management.store.url();
    let mut stored = management.keys.get(&record.id).await.unwrap().unwrap();
    stored.revoked_at = Some(keyward::Timestamp::from_millis(1));
    let text = serde_json::to_string(&stored).unwrap();
    let _ = command(&url, &["SET", &format!("{{keyward}}:key:{}", record.id), &text]);
    let append = "local number = redis.call('HINCRBY', '{keyward}:head', 'number', 1) \
                  redis.call('HSET', '{keyward}:head', 'mark', '5') \
                  return redis.call('XADD', '{keyward}:log', number .. '-0', 'mark', '5', 'what', '{\"tenant\":7}')";
    let _ = command(&url, &["EVAL", append, "0"]);
    within("the key is refused", async || node.ask(&field).await == Err(Rejection::KeyRevoked)).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_row_is_refused_as_a_corrupt_store() {
    let management = Management::new(Kind::Postgres).await;
    let node = management.node().await;
    let (field, _) = management.issue().await;
    postgres::sql(&management.store.url(), "UPDATE keyward_keys SET scopes = '%%'");
    assert_eq!(node.decide(&field).await, Err(Rejection::StoreCorrupt));

    let management = Management::new(Kind::Valkey).await;
    let node = management.node().await;
    let (field, record) = management.issue().await;
    let _ = command(
        &management.store.url(),
        &["SET", &format!("{{keyward}}:key:{}", record.id), "{\"account\":\"acct_1\"}"],
    );
    assert_eq!(node.decide(&field).await, Err(Rejection::StoreCorrupt));
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn less_durable_valkey_can_be_allowed_and_is_reported() {
    let server = valkey::Server::new(&["--appendfsync", "everysec"]);
    assert!(ValkeyStore::connect(&server.url()).await.is_err());
    assert!(ValkeyOptions::default().accept_loss().connect(&server.url()).await.is_ok());
}
