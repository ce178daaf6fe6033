//! Limits beside a server that has stopped: each call returns an error in time.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use keyward::Rejection;
use keyward::limits::{PermitStore, RateLimiter};
use keyward::postgres::{PostgresOptions, PostgresPermits, PostgresRates};
use keyward::store::StoreErrorKind;
use keyward::valkey::{ValkeyOptions, ValkeyPermits, ValkeyRates};
use keyward_needs::needs;
use keyward_tests::faults::proxy::Proxy;
use keyward_tests::faults::store::{Kind, Store};
use keyward_tests::postgres;
use keyward_tests::program::SOON;
use tokio::time::timeout;

use crate::{LEASE, caller, default_limit, holder};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Repeats what a busy machine answers too late.
async fn in_time<T, E: Debug>(call: impl AsyncFn() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(begun.elapsed() < SOON, "{error:?}"),
        }
    }
}

async fn assert_ends(proxy: &Proxy, permits: impl PermitStore, rates: impl RateLimiter) {
    let spend = async || rates.spend(&caller(), "default", NonZeroU32::MIN).await;
    let acquire = async || permits.acquire(&holder(), 10, LEASE).await;
    in_time(async || spend().await).await;
    in_time(async || acquire().await).await;
    proxy.cut(true);
    let spent = timeout(SOON, spend()).await.expect("a rate limit waits for a stopped server");
    assert_eq!(spent.unwrap_err(), Rejection::StoreUnavailable);
    let acquired = timeout(SOON, acquire()).await.expect("a permit waits for a stopped server");
    assert_eq!(acquired.unwrap_err().kind(), StoreErrorKind::Unavailable);
    let in_flight = timeout(SOON, permits.in_flight(&holder())).await.expect("a count waits for a stopped server");
    assert_eq!(in_flight.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

async fn cuttable(store: &Store) -> (Proxy, String) {
    let target = store.address().unwrap();
    let proxy = Proxy::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target).await;
    let url = store.url().replace(&target.to_string(), &proxy.address.to_string());
    (proxy, url)
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_for_a_stopped_postgresql() {
    let store = tokio::task::spawn_blocking(|| Store::start(Kind::Postgres)).await.unwrap();
    let (proxy, url) = cuttable(&store).await;
    // Tables are created without the short time-outs.
    postgres::store(&store.url()).await;
    let options = PostgresOptions::default().statement_timeout(TIMEOUT).connect_timeout(TIMEOUT);
    let connected = in_time(async || options.clone().connect(&url).await).await;
    assert_ends(&proxy, PostgresPermits::new(&connected), PostgresRates::new(&connected, default_limit())).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_for_a_stopped_valkey() {
    let store = tokio::task::spawn_blocking(|| Store::start(Kind::Valkey)).await.unwrap();
    let (proxy, url) = cuttable(&store).await;
    let connected = in_time(async || ValkeyOptions::default().timeout(TIMEOUT).connect(&url).await).await;
    assert_ends(&proxy, ValkeyPermits::new(&connected), ValkeyRates::new(&connected, default_limit())).await;
}
