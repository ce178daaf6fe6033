//! A node with faulty clocks, leases and registers, on the store in memory.

#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{TestStore, account, eventually, identity, is_cached, warm};
use keyward_core::clock::{Clock, ManualClock};
use keyward_core::lease::{Lease, LeaseError};
use keyward_core::store::KeyStore;
use keyward_core::{Authenticator, Keys, NewKey, Rejection, Timestamp};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Returns the count of this name since the last call.
fn counted(snapshotter: &Snapshotter, name: &str) -> u64 {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.filter(|(key, ..)| key.key().name() == name)
        .map(|(.., value)| if let DebugValue::Counter(count) = value { count } else { 0 })
        .sum()
}

#[tokio::test]
async fn a_wall_clock_that_is_set_ends_no_lease_and_keys_expire_by_the_new_time() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    let store = TestStore::new().await;
    let keys = Keys::new(store.inner.clone()).with_clock(clock.clone());
    let end: Timestamp = "2026-03-01T13:00:00Z".parse().unwrap();
    let new = NewKey { expires_at: Some(end), ..NewKey::secret(account(), "for an hour") };
    let issued = keys.issue(new).await.unwrap();
    let field = format!("Bearer {}", *issued.key.expose_once());
    let authenticator = metrics::with_local_recorder(&recorder, || {
        Authenticator::builder(store.clone()).clock(clock.clone()).metrics().build().unwrap()
    });
    warm(&authenticator, &field).await;
    let reads = store.reads();
    for (wall, expected) in [
        ("2020-01-01T00:00:00Z", Ok(())),
        ("2026-03-01T12:59:59Z", Ok(())),
        ("2026-03-01T13:00:00Z", Err(Rejection::KeyExpired)),
        ("2026-03-01T12:00:01Z", Ok(())),
    ] {
        clock.set_wall(wall.parse().unwrap());
        assert!(is_cached(&authenticator, &field), "{wall}: a lease does not hang on the wall clock");
        assert_eq!(identity(&authenticator, &field).await.map(drop), expected, "{wall}");
    }
    assert_eq!(store.reads(), reads);
    eventually("it is counted that the clock was set", async || {
        clock.set_wall(Timestamp::from_millis(clock.now().as_millis() + 60_000));
        counted(&snapshotter, "keyward_clock_steps_total") > 0
    })
    .await;
}

#[tokio::test]
async fn a_node_that_slept_through_its_lease_reads_the_store_until_it_has_another() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator = metrics::with_local_recorder(&recorder, || {
        Authenticator::builder(store.clone()).clock(clock.clone()).metrics().build().unwrap()
    });
    warm(&authenticator, &field).await;
    // The clock that never stops runs on while the machine sleeps.
    clock.advance(Duration::from_secs(1_900) / 1_000);
    assert!(!is_cached(&authenticator, &field), "the lease has ended, less its margin");
    let _ = store.keys.revoke(&id).await.unwrap();
    assert_eq!(identity(&authenticator, &field).await.unwrap_err(), Rejection::KeyRevoked);
    eventually("it is counted that the lease had ended", async || {
        counted(&snapshotter, "keyward_lease_lapses_total") > 0
    })
    .await;
}

/// A clock on tokio's paused time.
#[derive(Debug)]
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_772_366_400_000).saturating_add(self.0.elapsed())
    }

    fn boottime(&self) -> Duration {
        self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_waits_for_no_lease_longer_than_the_longest() {
    let store = TestStore::new().await;
    let (_, id) = store.issue().await;
    let keyward_core::store::Freshness::ChangeLog(log) = store.freshness() else { panic!("there is a log") };
    // keyward never writes such a long lease.
    let hour = Duration::from_secs(3_600);
    let position = log.newest().await.unwrap();
    let _ = log.renew(&"odd".parse().unwrap(), position, hour).await.unwrap();
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    let revoked = Keys::new(store.inner.clone()).with_clock(clock).revoke(&id).await.unwrap();
    let took = revoked.propagation.took;
    assert!((Lease::MAX..Lease::MAX + Duration::from_secs(1)).contains(&took), "{took:?}");
    assert_eq!(revoked.propagation.waited_out, ["odd".parse().unwrap()]);
    assert!(log.nodes().await.unwrap().nodes.is_empty(), "it is waited for once");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_revocation_can_be_retried() {
    let store = TestStore::new().await;
    let (_, id) = store.issue().await;
    let keyward_core::store::Freshness::ChangeLog(log) = store.freshness() else { panic!("there is a log") };
    let position = log.newest().await.unwrap();
    let _ = log.renew(&"slow".parse().unwrap(), position, Duration::from_secs(2)).await.unwrap();
    let keys = Keys::new(store.inner.clone()).with_clock(Arc::new(PausedClock(tokio::time::Instant::now())));
    // A revocation that never ran does nothing.
    drop(keys.revoke(&id));
    assert!(keys.get(&id).await.unwrap().unwrap().revoked_at.is_none());
    // Cancelled while it waits for a node, it is written, but has not returned.
    let given_up = tokio::time::timeout(Duration::from_millis(100), keys.revoke(&id)).await;
    assert!(given_up.is_err());
    let first = keys.get(&id).await.unwrap().unwrap().revoked_at;
    assert!(first.is_some());
    // A retry waits for the same node, and keeps the first time.
    let again = keys.revoke(&id).await.unwrap();
    assert_eq!(again.record.revoked_at, first);
    assert_eq!(again.propagation.waited_out, ["slow".parse().unwrap()]);
    assert!(again.propagation.took >= Duration::from_secs(2));
    let once_more = keys.revoke(&id).await.unwrap();
    assert_eq!(once_more.propagation.took, Duration::ZERO, "no node is left to wait for");
}

#[tokio::test]
async fn two_nodes_with_one_label_have_two_identities() {
    let store = TestStore::new().await;
    let node = || Authenticator::builder(store.clone()).node_label("web").build().unwrap();
    let (one, other) = (node(), node());
    assert_ne!(one.node(), other.node());
    eventually("both are on the register", async || {
        let nodes = store.keys.nodes().await.unwrap().unwrap().nodes;
        nodes.len() == 2 && nodes.iter().all(|node| node.node.as_str().starts_with("web."))
    })
    .await;
}

#[test]
fn a_lease_and_its_margin_have_bounds() {
    let millis = Duration::from_millis;
    for (length, margin, expected) in [
        (millis(199), millis(20), Err(LeaseError::Length)),
        (millis(200), millis(2), Ok(())),
        (millis(200), millis(1), Err(LeaseError::Margin)),
        (millis(10_000), millis(5_000), Ok(())),
        (millis(10_000), millis(5_001), Err(LeaseError::Margin)),
        (millis(10_001), millis(500), Err(LeaseError::Length)),
    ] {
        let lease = Lease::new(length).and_then(|lease| lease.with_margin(margin));
        assert_eq!(lease.map(drop), expected, "{length:?} {margin:?}");
    }
    assert_eq!(Lease::default().margin(), millis(100));
}
