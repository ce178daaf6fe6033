//! Limits shared by many nodes, on real servers.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod everywhere;
mod middleware;
mod rules;
mod stopped;
mod unlisted;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyward::limits::{
    Acquired, Each, MemoryPermits, NamedLimits, PermitId, PermitStore, RateLimiter, RateLimits, TaskHolder, TaskPermits,
};
use keyward::postgres::{PostgresPermits, PostgresRates, PostgresStore};
use keyward::store::StoreErrorKind;
use keyward::testing::limits;
use keyward::valkey::{ValkeyOptions, ValkeyPermits, ValkeyRates, ValkeyStore};
use keyward::{AccountRecord, Identity, Keys, MemoryStore, Rejection};
use keyward_needs::needs;
use keyward_tests::program::eventually;
use keyward_tests::{postgres, valkey};

const LEASE: Duration = Duration::from_secs(30);

async fn postgres_nodes() -> [PostgresStore; 2] {
    let url = postgres::database();
    [postgres::store(&url).await, postgres::store(&url).await]
}

async fn valkey_nodes() -> [ValkeyStore; 2] {
    let url = valkey::server(&[]);
    [valkey::store(&url).await, valkey::store(&url).await]
}

fn permits_of(store: impl PermitStore) -> Arc<dyn PermitStore> {
    Arc::new(store)
}

fn rates_of(limiter: impl RateLimiter) -> Arc<dyn RateLimiter> {
    Arc::new(limiter)
}

fn caller() -> Identity {
    Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap()).with_plan("Plus")
}

fn holder() -> TaskHolder {
    TaskHolder::account(caller().account())
}

fn default_limit() -> NamedLimits {
    RateLimits::builder().limit("default", Each::Key, 5, Duration::from_secs(1)).named().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_memory_conform() {
    limits::permits(async || {
        let store = permits_of(MemoryPermits::new());
        [Arc::clone(&store), store]
    })
    .await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_postgresql_conform() {
    limits::permits(async || postgres_nodes().await.map(|store| permits_of(PostgresPermits::new(&store)))).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_in_valkey_conform() {
    limits::permits(async || valkey_nodes().await.map(|store| permits_of(ValkeyPermits::new(&store)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_in_memory_conform() {
    limits::rates(async |limits| {
        let limiter = rates_of(RateLimits::new(&limits));
        [Arc::clone(&limiter), limiter]
    })
    .await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_in_postgresql_conform() {
    limits::rates(async |limits| {
        postgres_nodes().await.map(|store| rates_of(PostgresRates::new(&store, limits.clone())))
    })
    .await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_in_valkey_conform() {
    limits::rates(async |limits| valkey_nodes().await.map(|store| rates_of(ValkeyRates::new(&store, limits.clone()))))
        .await;
}

/// A worker has the account of the task, and reads its plan.
async fn assert_workers_count(store: impl PermitStore) {
    let keys = Keys::new(MemoryStore::new());
    let account = AccountRecord::new(caller().account().clone(), "Example Ltd").with_plan("Plus");
    keys.put_account(&account).await.unwrap();
    let tasks = TaskPermits::new(store, [("Plus", 2), ("Pro", 3)]);
    let worker = async || {
        let record = keys.get_account(&account.id).await.unwrap().unwrap();
        tasks.acquire_for(&record.id, record.plan.as_deref()).await
    };
    let _request = tasks.acquire(&caller()).await.unwrap();
    let first = worker().await.unwrap();
    let refused = worker().await.map(drop).unwrap_err();
    assert_eq!(tasks.acquire(&caller()).await.map(drop), Err(refused.clone()));
    assert_eq!(refused.details().unwrap(), serde_json::json!({"plan": "Plus", "limit": 2, "in_flight": 2}));
    keys.set_plan(&account.id, Some("Pro")).await.unwrap();
    let _second = worker().await.unwrap();
    assert!(worker().await.is_err());
    drop(first);
    while tasks.in_flight(&account.id).await.unwrap() > 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(worker().await.is_ok());
}

#[needs(postgresql, valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_of_requests_and_workers_count_together() {
    assert_workers_count(MemoryPermits::new()).await;
    let [store, _] = postgres_nodes().await;
    assert_workers_count(PostgresPermits::new(&store)).await;
    let [store, _] = valkey_nodes().await;
    assert_workers_count(ValkeyPermits::new(&store)).await;
}

async fn assert_refused_without_the_store(
    permits: Arc<dyn PermitStore>,
    rates: impl RateLimiter,
    tasks: TaskPermits,
    end: impl FnOnce(),
) {
    let (caller, account) = (caller(), holder());
    let Acquired::Granted(held) = permits.acquire(&account, 1, LEASE).await.unwrap() else {
        panic!("no permit was granted")
    };
    rates.spend(&caller, "default", NonZeroU32::MIN).await.unwrap();
    end();
    let unavailable = Some(StoreErrorKind::Unavailable);
    assert_eq!(permits.acquire(&account, 9, LEASE).await.err().map(|error| error.kind()), unavailable);
    assert_eq!(permits.renew(&account, &held, LEASE).await.err().map(|error| error.kind()), unavailable);
    assert_eq!(permits.in_flight(&account).await.err().map(|error| error.kind()), unavailable);
    permits.release(&account, &held);
    assert_eq!(tasks.acquire(&caller).await.map(drop), Err(Rejection::StoreUnavailable));
    for _ in 0..2 {
        assert_eq!(rates.spend(&caller, "default", NonZeroU32::MIN).await, Err(Rejection::StoreUnavailable));
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_permits_and_calls_are_refused() {
    let url = postgres::database();
    let store = postgres::store(&url).await;
    let permits = PostgresPermits::new(&store);
    let rates = PostgresRates::new(&store, default_limit());
    let tasks = TaskPermits::new(permits.clone(), [("Plus", 9)]);
    assert_refused_without_the_store(permits_of(permits), rates, tasks, || postgres::shut(&url)).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_permits_and_calls_are_refused() {
    let url = valkey::server(&[]);
    let store = valkey::store(&url).await;
    let permits = ValkeyPermits::new(&store);
    let rates = ValkeyRates::new(&store, default_limit());
    let tasks = TaskPermits::new(permits.clone(), [("Plus", 9)]);
    assert_refused_without_the_store(permits_of(permits), rates, tasks, || valkey::end(&url)).await;
}

/// A task may drop its permit on a thread without a runtime.
async fn assert_released_outside_the_runtime(store: impl PermitStore) {
    let tasks = TaskPermits::new(store, [("Plus", 1)]);
    let permit = tasks.acquire(&caller()).await.unwrap();
    assert!(matches!(tasks.acquire(&caller()).await, Err(Rejection::ConcurrencyLimitExceeded(_))));
    std::thread::spawn(move || drop(permit)).join().unwrap();
    while tasks.in_flight(caller().account()).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(tasks.acquire(&caller()).await.is_ok());
}

#[needs(postgresql, valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_that_ends_outside_the_runtime_releases_its_permit() {
    let [store, _] = postgres_nodes().await;
    assert_released_outside_the_runtime(PostgresPermits::new(&store)).await;
    let [store, _] = valkey_nodes().await;
    assert_released_outside_the_runtime(ValkeyPermits::new(&store)).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_read_committed_data_under_every_default_isolation() {
    let url = postgres::database();
    let (_, name) = url.rsplit_once('/').unwrap();
    // This sets the database's default. The store must not depend on it.
    postgres::sql(&url, &format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"));
    let store = postgres::store(&url).await;
    let granted = PostgresPermits::new(&store).acquire(&holder(), 1, LEASE).await.unwrap();
    assert!(matches!(granted, Acquired::Granted(_)));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let refused = client.query_one("SELECT keyward_acquire_permit('acct_2', 'key_1', 1, 30)", &[]).await.unwrap_err();
    assert!(format!("{refused:?}").contains("read what is committed"), "{refused:?}");
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_rows_are_removed_from_postgresql() {
    let url = postgres::database();
    let store = postgres::store(&url).await;
    let (permits, rates) = (PostgresPermits::new(&store), PostgresRates::new(&store, default_limit()));
    postgres::sql(
        &url,
        "INSERT INTO keyward_permits SELECT 'acct_' || n, 'key_' || n, now() - INTERVAL '1 minute' FROM generate_series(1, 95) AS n; \
         INSERT INTO keyward_rates SELECT 'default', 'key_old_' || n, 0, 1000000000, 1 FROM generate_series(1, 500) AS n",
    );
    let account = TaskHolder::account(&"acct_alive".parse().unwrap());
    for _ in 0..10 {
        permits.acquire(&account, 100, LEASE).await.unwrap();
    }
    assert_eq!(
        postgres::sql(&url, "SELECT count(*), count(*) FILTER (WHERE account = 'acct_alive') FROM keyward_permits"),
        "10|10"
    );
    // The store cleans up at random, at least once in a few hundred calls.
    let count = || postgres::sql(&url, "SELECT count(*) FROM keyward_rates WHERE whose LIKE 'key_old_%'");
    for call in 0..10_000 {
        let caller = Identity::api_key(PermitId::generate(), "acct_1".parse().unwrap());
        rates.spend(&caller, "default", NonZeroU32::MIN).await.unwrap();
        if call % 100 == 99 && count() == "0" {
            return;
        }
    }
    panic!("{} rows of callers that never return are still in the table", count());
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_removes_ended_leases_and_refilled_quotas() {
    let url = valkey::server(&[]);
    let store = valkey::store(&url).await;
    let slow = RateLimits::builder().limit("default", Each::Key, 5, Duration::from_secs(86_400)).named().unwrap();
    let (permits, rates) = (ValkeyPermits::new(&store), ValkeyRates::new(&store, slow));
    permits.acquire(&holder(), 2, 10 * LEASE).await.unwrap();
    permits.acquire(&holder(), 2, LEASE).await.unwrap();
    rates.spend(&caller(), "default", NonZeroU32::MIN).await.unwrap();
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut found: Vec<String> = redis::cmd("KEYS").arg("{keyward}:[pr]*").query(&mut connection).unwrap();
    found.sort();
    assert_eq!(found, ["{keyward}:permits:acct_1", "{keyward}:rate:default:key_1"]);
    // The server removes them after the longest lease, and when the whole quota is back.
    for (key, seconds) in found.iter().zip([10 * LEASE.as_secs(), 86_400 / 5]) {
        let left: u64 = redis::cmd("TTL").arg(key).query(&mut connection).unwrap();
        assert!((seconds - 60..=seconds).contains(&left), "{key}: {left}");
    }
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permit_granted_after_the_timeout_is_released() {
    let server = valkey::Server::new(&[]);
    let url = server.url();
    // A busy machine connects in this time.
    let store = ValkeyOptions::default().timeout(Duration::from_secs(5)).connect(&url).await.unwrap();
    let (permits, patient) = (ValkeyPermits::new(&store), ValkeyPermits::new(&valkey::store(&url).await));
    // Load the script now, so that the next call is one message.
    patient.acquire(&holder(), 0, LEASE).await.unwrap();
    server.signal("-STOP");
    permits.acquire(&holder(), 1, LEASE).await.unwrap_err();
    server.signal("-CONT");
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut done = |command: &str| {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
        stats.contains(&format!("cmdstat_{command}:calls="))
    };
    // The server runs the late command first and the later one second.
    eventually("the permit is released", || done("zrem"));
    eventually("the permit is granted", || done("zadd"));
    assert_eq!(patient.in_flight(&holder()).await.unwrap(), 0);
}

/// The clock is behind the stored time, as if it had been set back.
#[needs(postgresql, valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clock_set_back_does_not_prolong_the_wait() {
    let spent = async |rates: &dyn RateLimiter| {
        let refused = rates.spend(&caller(), "default", NonZeroU32::new(5).unwrap()).await.unwrap_err();
        let Rejection::RateLimitExceeded(limit) = refused else { panic!("unexpected refusal: {refused:?}") };
        assert!(limit.retry_after <= Duration::from_secs(1), "{limit:?}");
        tokio::time::sleep(limit.retry_after).await;
        rates.spend(&caller(), "default", NonZeroU32::new(5).unwrap()).await.unwrap();
    };
    let url = postgres::database();
    let store = postgres::store(&url).await;
    postgres::sql(
        &url,
        "INSERT INTO keyward_rates SELECT 'default', 'key_1', (extract(epoch FROM now()) + 3600) * 1000000, 1000000000, 900000",
    );
    spent(&PostgresRates::new(&store, default_limit())).await;
    let url = valkey::server(&[]);
    let store = valkey::store(&url).await;
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
    let ahead = format!("{} 1000000000", (seconds + 3_600) * 1_000_000);
    redis::cmd("SET").arg("{keyward}:rate:default:key_1").arg(ahead).query::<()>(&mut connection).unwrap();
    spent(&ValkeyRates::new(&store, default_limit())).await;
}
