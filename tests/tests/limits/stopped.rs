//! Limits beside a server that has stopped: each call returns an error in time.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use keyward::Rejection;
use keyward::limits::{PermitStore, RateLimiter};
use keyward::postgres::{PostgresOptions, PostgresPermits, PostgresRates, PostgresStore};
use keyward::store::StoreErrorKind;
use keyward::valkey::{ValkeyOptions, ValkeyPermits, ValkeyRates};
use keyward_needs::needs;
use keyward_tests::faults::proxy::Proxy;
use keyward_tests::faults::store::{Kind, Store};
use tokio::time::timeout;

use crate::{LEASE, caller, default_limit, holder};

const TIMEOUT: Duration = Duration::from_secs(2);

async fn assert_ends(proxy: &Proxy, permits: impl PermitStore, rates: impl RateLimiter) {
    let spend = async || rates.spend(&caller(), "default", NonZeroU32::MIN).await;
    let acquire = async || permits.acquire(&holder(), 10, LEASE).await;
    spend().await.unwrap();
    acquire().await.unwrap();
    proxy.cut(true);
    let soon = 10 * TIMEOUT;
    let spent = timeout(soon, spend()).await.expect("a rate limit waits for a stopped server");
    assert_eq!(spent.unwrap_err(), Rejection::StoreUnavailable);
    let acquired = timeout(soon, acquire()).await.expect("a permit waits for a stopped server");
    assert_eq!(acquired.unwrap_err().kind(), StoreErrorKind::Unavailable);
    let in_flight = timeout(soon, permits.in_flight(&holder())).await.expect("a count waits for a stopped server");
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
    PostgresStore::connect(&store.url()).await.unwrap();
    let options = PostgresOptions::default().statement_timeout(TIMEOUT).connect_timeout(TIMEOUT);
    let connected = options.connect(&url).await.unwrap();
    assert_ends(&proxy, PostgresPermits::new(&connected), PostgresRates::new(&connected, default_limit())).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_for_a_stopped_valkey() {
    let store = tokio::task::spawn_blocking(|| Store::start(Kind::Valkey)).await.unwrap();
    let (proxy, url) = cuttable(&store).await;
    let connected = ValkeyOptions::default().timeout(TIMEOUT).connect(&url).await.unwrap();
    assert_ends(&proxy, ValkeyPermits::new(&connected), ValkeyRates::new(&connected, default_limit())).await;
}
