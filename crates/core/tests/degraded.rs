//! A node with faulty clocks, leases and registers.

#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{TestStore, account, eventually, identity, is_cached, warm};
use keyward_core::clock::{Clock, ManualClock};
use keyward_core::lease::{Lease, LeaseError};
use keyward_core::store::KeyStore;
use keyward_core::{Authenticator, Keys, NewKey, Rejection, Timestamp};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

fn counted(snapshotter: &Snapshotter, name: &str) -> u64 {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.filter(|(key, ..)| key.key().name() == name)
        .map(|(.., value)| if let DebugValue::Counter(count) = value { count } else { 0 })
        .sum()
}

#[tokio::test]
async fn changed_wall_clock_moves_expiry_but_ends_no_lease() {
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
        assert!(is_cached(&authenticator, &field), "{wall}: a changed wall clock ended the lease");
        assert_eq!(identity(&authenticator, &field).await.map(drop), expected, "{wall}");
    }
    assert_eq!(store.reads(), reads);
    eventually("the change of the clock is counted", async || {
        clock.set_wall(Timestamp::from_millis(clock.now().as_millis() + 60_000));
        counted(&snapshotter, "keyward_clock_steps_total") > 0
    })
    .await;
}

#[tokio::test]
async fn suspended_node_reads_the_store_until_it_has_a_new_lease() {
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
    assert!(!is_cached(&authenticator, &field), "the lease was used after its end");
    let _ = store.keys.revoke(&id).await.unwrap();
    assert_eq!(identity(&authenticator, &field).await.unwrap_err(), Rejection::KeyRevoked);
    eventually("the end of the lease is counted", async || counted(&snapshotter, "keyward_lease_lapses_total") > 0)
        .await;
}

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
async fn revocation_waits_at_most_the_longest_allowed_lease() {
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
    assert!(log.nodes().await.unwrap().nodes.is_empty(), "the expired node is still registered");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_revocation_can_be_retried() {
    let store = TestStore::new().await;
    let (_, id) = store.issue().await;
    let keyward_core::store::Freshness::ChangeLog(log) = store.freshness() else {
        panic!("the store has no change log")
    };
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
async fn nodes_with_the_same_label_have_different_ids() {
    let store = TestStore::new().await;
    let node = || Authenticator::builder(store.clone()).node_label("web").build().unwrap();
    let (one, other) = (node(), node());
    assert_ne!(one.node(), other.node());
    eventually("both nodes are registered", async || {
        let nodes = store.keys.nodes().await.unwrap().unwrap().nodes;
        nodes.len() == 2 && nodes.iter().all(|node| node.node.as_str().starts_with("web."))
    })
    .await;
}

#[test]
fn lease_and_margin_out_of_range_are_refused() {
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
