//! The promises of the cache.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Behaviour, TestStore, account, eventually, identity, is_cached, warm};
use keyward_core::adapter::{Check, Target};
use keyward_core::clock::{Clock, ManualClock, SystemClock};
use keyward_core::key::{Hasher, KeyFormat, KeyKind, Pepper};
use keyward_core::{AccountRecord, Authenticator, KeyUpdate, Keys, Mode, NewKey, PeerAddress, Rejection, Timestamp};

fn forged(mode: Mode) -> String {
    format!("Bearer {}", *KeyFormat::default().generate(KeyKind::Secret, mode).unwrap().expose_once())
}

#[tokio::test]
async fn forged_keys_cost_no_read_of_the_store() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::new(store.clone());
    for at in "Bearer ".len()..field.len() {
        for byte in [b'a', b'Z', b'0', b'_', b'-'] {
            let mut changed = field.clone().into_bytes();
            if changed[at] == byte {
                continue;
            }
            changed[at] = byte;
            let refused = authenticator.authenticate([changed.as_slice()]).await.unwrap_err();
            assert_eq!(refused.code(), "INVALID_API_KEY", "byte {byte} at {at}");
        }
    }
    assert_eq!(store.reads(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_with_a_cold_key_share_one_read() {
    let store = TestStore::new().await;
    let (warm_up, _) = store.issue().await;
    let (field, id) = store.issue().await;
    let authenticator = Authenticator::builder(store.clone()).store_timeout(Duration::from_secs(30)).build().unwrap();
    warm(&authenticator, &warm_up).await;
    let before = store.reads();
    store.behave(Behaviour::Hang);
    let requests: Vec<_> = (0..1_000)
        .map(|_| {
            let (authenticator, field) = (authenticator.clone(), field.clone());
            tokio::spawn(async move { identity(&authenticator, &field).await })
        })
        .collect();
    eventually("the read is under way", async || store.reads() > before).await;
    store.behave(Behaviour::Normal);
    for request in requests {
        assert_eq!(*request.await.unwrap().unwrap().id(), id);
    }
    assert_eq!(store.reads() - before, 1);
}

#[tokio::test]
async fn unknown_keys_are_cached_in_bounds_and_evict_no_real_key() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator =
        Authenticator::builder(store.clone()).cache_capacity(100).negative_capacity(500).build().unwrap();
    warm(&authenticator, &field).await;
    for _ in 0..20_000 {
        assert_eq!(identity(&authenticator, &forged(Mode::Live)).await, Err(Rejection::UnknownKey));
    }
    assert!(is_cached(&authenticator, &field), "a flood of unknown keys pushed a real one out");
    assert_eq!(authenticator.cached_keys(), 1);

    let unknown = forged(Mode::Test);
    let before = store.reads();
    for _ in 0..100 {
        assert_eq!(identity(&authenticator, &unknown).await, Err(Rejection::UnknownKey));
    }
    // A full moka cache admits a new key only after several requests for it.
    assert!(store.reads() - before < 20, "{} reads", store.reads() - before);
}

#[tokio::test]
async fn a_new_or_enabled_key_ends_its_negative_answer() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::new(store.clone());
    let (warm_up, _) = store.issue().await;
    warm(&authenticator, &warm_up).await;
    for _ in 0..50 {
        let (field, id) = store.issue().await;
        let disabled = KeyUpdate { disabled_at: Some(Some(SystemClock.now())), ..KeyUpdate::default() };
        store.keys.update(&id, &disabled).await.unwrap();
        assert_eq!(identity(&authenticator, &field).await, Err(Rejection::KeyDisabled));
        let enabled = KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() };
        store.keys.update(&id, &enabled).await.unwrap();
        assert_eq!(*identity(&authenticator, &field).await.unwrap().id(), id);
    }
}

#[tokio::test]
async fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
    let store = TestStore::new().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let authenticator = Authenticator::builder(store.clone().with_bounded_age(Duration::from_secs(3_600)))
        .cache_capacity(1_000)
        .clock(clock.clone())
        .build()
        .unwrap();
    let (hot, _) = store.issue().await;
    warm(&authenticator, &hot).await;
    for _ in 0..6 {
        clock.advance(Duration::from_secs(1));
        identity(&authenticator, &hot).await.unwrap();
        for _ in 0..500 {
            let (field, _) = store.issue().await;
            identity(&authenticator, &field).await.unwrap();
        }
        assert!(is_cached(&authenticator, &hot), "the most recently used key was pushed out");
    }
    eventually("the cache is within its bound", async || authenticator.cached_keys() <= 1_000).await;
    assert!(authenticator.cached_keys() >= 900);
    // A single key over the capacity is evicted, too.
    while authenticator.cached_keys() <= 1_000 {
        let (field, _) = store.issue().await;
        identity(&authenticator, &field).await.unwrap();
    }
    eventually("the cache is within its bound again", async || authenticator.cached_keys() <= 1_000).await;
}

#[tokio::test]
async fn every_hit_checks_expiry_and_prolongs_no_entry() {
    let store = TestStore::new().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let authenticator = Authenticator::builder(store.clone().with_bounded_age(Duration::from_secs(60)))
        .clock(clock.clone())
        .build()
        .unwrap();
    let end = clock.now().saturating_add(Duration::from_secs(30));
    let (field, _) = store.issue_new(NewKey { expires_at: Some(end), ..NewKey::secret(account(), "ends") }).await;
    let (hot, _) = store.issue().await;
    warm(&authenticator, &field).await;
    warm(&authenticator, &hot).await;
    clock.advance(Duration::from_millis(29_999));
    assert!(identity(&authenticator, &field).await.is_ok());
    clock.advance(Duration::from_millis(1));
    let before = store.reads();
    assert_eq!(identity(&authenticator, &field).await, Err(Rejection::KeyExpired));
    assert_eq!(store.reads(), before, "an expired key was read from the store");
    for _ in 0..30 {
        assert!(is_cached(&authenticator, &hot) || clock.now() >= end.saturating_add(Duration::from_secs(29)));
        clock.advance(Duration::from_secs(1));
    }
    assert!(!is_cached(&authenticator, &hot), "a hot key outlived its age");
}

#[tokio::test]
async fn a_key_is_refused_before_its_start_time() {
    let store = TestStore::new().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let authenticator = Authenticator::builder(store.clone()).clock(clock.clone()).build().unwrap();
    let begin = clock.now().saturating_add(Duration::from_secs(10));
    let (field, _) = store.issue_new(NewKey { not_before: Some(begin), ..NewKey::secret(account(), "later") }).await;
    assert_eq!(identity(&authenticator, &field).await, Err(Rejection::KeyNotYetValid));
    clock.advance(Duration::from_secs(10));
    assert!(identity(&authenticator, &field).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_node_accepts_a_key_once_its_revocation_has_returned() {
    let store = TestStore::new().await;
    let nodes: Vec<Authenticator> = (0..3).map(|_| Authenticator::new(store.clone())).collect();
    let mut confirmed = 0;
    for _ in 0..200 {
        let (field, id) = store.issue().await;
        for node in &nodes {
            warm(node, &field).await;
        }
        let revoked = store.keys.revoke(&id).await.unwrap();
        for node in &nodes {
            assert_eq!(identity(node, &field).await, Err(Rejection::KeyRevoked));
        }
        confirmed += usize::from(revoked.propagation.confirmed.len() == 3);
    }
    // A node that gets no processor for the time of its lease is waited out.
    assert!(confirmed >= 180, "only {confirmed} of 200 revocations were confirmed by all nodes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_races_a_revocation_caches_nothing_stale() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::new(store.clone());
    let (warm_up, _) = store.issue().await;
    warm(&authenticator, &warm_up).await;
    for _ in 0..300 {
        let (field, id) = store.issue().await;
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let (authenticator, field) = (authenticator.clone(), field.clone());
                tokio::spawn(async move {
                    let _ = identity(&authenticator, &field).await;
                })
            })
            .collect();
        store.keys.revoke(&id).await.unwrap();
        assert_eq!(identity(&authenticator, &field).await, Err(Rejection::KeyRevoked));
        for asker in askers {
            asker.await.unwrap();
        }
        assert_eq!(identity(&authenticator, &field).await, Err(Rejection::KeyRevoked));
    }
}

#[tokio::test]
async fn account_changes_hold_at_the_next_request() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::new(store.clone());
    let (field, _) = store.issue().await;
    warm(&authenticator, &field).await;
    let mut record = AccountRecord::new(account(), "Example Ltd").with_plan("Pro");
    store.keys.put_account(&record).await.unwrap();
    assert_eq!(identity(&authenticator, &field).await.unwrap().plan(), Some("Pro"));
    record.suspended_at = Some(Timestamp::from_millis(1));
    store.keys.put_account(&record).await.unwrap();
    assert_eq!(identity(&authenticator, &field).await, Err(Rejection::AccountSuspended));
    record.suspended_at = None;
    store.keys.put_account(&record).await.unwrap();
    assert!(identity(&authenticator, &field).await.is_ok());
}

#[tokio::test]
async fn a_failing_store_admits_no_request_and_is_asked_again() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::builder(store.clone()).store_timeout(Duration::from_secs(1)).build().unwrap();
    for (behaviour, rejection) in [
        (Behaviour::Unavailable, Rejection::StoreUnavailable),
        (Behaviour::Hang, Rejection::StoreUnavailable),
        (Behaviour::Corrupt, Rejection::StoreCorrupt),
    ] {
        store.behave(behaviour);
        assert_eq!(identity(&authenticator, &field).await, Err(rejection.clone()), "{behaviour:?}");
        assert_eq!(identity(&authenticator, &forged(Mode::Live)).await, Err(rejection), "{behaviour:?}");
    }
    store.behave(Behaviour::Normal);
    assert!(identity(&authenticator, &field).await.is_ok(), "an outage was remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_lookups_never_mix_up_identities() {
    let store = TestStore::new().await;
    let authenticator = Authenticator::builder(store.clone().with_bounded_age(Duration::from_millis(1)))
        .store_timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let mut keys = Vec::new();
    for _ in 0..16 {
        keys.push(store.issue().await);
    }
    for round in 0..100_000_usize {
        let (field, id) = &keys[round % keys.len()];
        let lookup = identity(&authenticator, field);
        tokio::pin!(lookup);
        // Poll a few times, then drop the lookup during its read.
        let mut answer = None;
        for _ in 0..round % 4 {
            tokio::select! {
                biased;
                verdict = &mut lookup => { answer = Some(verdict); break; }
                () = std::future::ready(()) => {}
            }
        }
        if let Some(verdict) = answer {
            assert_eq!(verdict.unwrap().id(), id);
        }
    }
    for (field, id) in &keys {
        assert_eq!(identity(&authenticator, field).await.unwrap().id(), id);
    }
}

#[tokio::test]
async fn without_a_lease_every_request_reads_the_store() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::new(store.clone());
    warm(&authenticator, &field).await;
    authenticator.shutdown().await;
    let before = store.reads();
    for _ in 0..10 {
        assert!(identity(&authenticator, &field).await.is_ok());
    }
    assert_eq!(store.reads() - before, 10);
    assert!(store.keys.nodes().await.unwrap().unwrap().nodes.is_empty(), "a node that has left is still registered");
}

#[tokio::test]
async fn the_last_use_is_recorded_in_batches_and_at_shutdown() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator = Authenticator::new(store.clone());
    let before = SystemClock.now();
    for _ in 0..100 {
        identity(&authenticator, &field).await.unwrap();
    }
    authenticator.shutdown().await;
    let used = store.keys.get(&id).await.unwrap().unwrap().last_used_at.expect("no use was recorded");
    assert!(used >= before && used <= SystemClock.now());
}

#[tokio::test]
async fn a_use_before_the_first_lease_is_recorded_too() {
    let store = TestStore::new().await;
    for _ in 0..30 {
        let (field, id) = store.issue().await;
        let authenticator = Authenticator::new(store.clone());
        identity(&authenticator, &field).await.unwrap();
        authenticator.shutdown().await;
        assert!(store.keys.get(&id).await.unwrap().unwrap().last_used_at.is_some(), "a use was not recorded");
    }
}

#[tokio::test]
async fn last_use_records_the_network_but_not_the_address() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator =
        Authenticator::builder(store.clone()).last_used_interval(Duration::from_secs(1)).build().unwrap();
    // The first use reads the store, the others hit the cache.
    for (peer, network) in [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48")] {
        let peer: std::net::IpAddr = peer.parse().unwrap();
        let request = http::Request::get("/").extension(PeerAddress((peer, 1).into())).body(()).unwrap();
        let target = Target { method: "GET", path: "/", preflight: false, connection: &request };
        eventually("the use is recorded with its network", async || {
            match authenticator.check(target, [field.as_bytes()]) {
                Check::Done(verdict) => assert!(verdict.is_ok()),
                Check::Pending(pending) => assert!(authenticator.resolve(pending).await.is_ok()),
            }
            store.keys.get(&id).await.unwrap().unwrap().last_used_from == network.parse().ok()
        })
        .await;
    }
}

#[tokio::test]
async fn uses_that_failed_to_write_are_written_later() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let authenticator = Authenticator::new(store.clone());
    store.refuse_uses(true);
    identity(&authenticator, &field).await.unwrap();
    eventually("a write was refused", async || store.refused_uses() > 0).await;
    store.refuse_uses(false);
    eventually("the use is recorded", async || store.keys.get(&id).await.unwrap().unwrap().last_used_at.is_some())
        .await;
}

#[tokio::test]
async fn keys_of_every_pepper_are_found_while_peppers_are_rotated() {
    let store = TestStore::new().await;
    let (old, new) = (Pepper::new("old", [1; 32]).unwrap(), Pepper::new("new", [2; 32]).unwrap());
    let issue = async |hasher: Hasher| {
        let keys = Keys::new(store.inner.clone()).with_hasher(hasher);
        let issued = keys.issue(NewKey::secret(account(), "peppered")).await.unwrap();
        (format!("Bearer {}", *issued.key.expose_once()), issued.record)
    };
    let (first, first_record) = issue(Hasher::peppered([old.clone()]).unwrap()).await;
    let rotating = Hasher::peppered([new, old]).unwrap();
    let (second, second_record) = issue(rotating.clone()).await;
    assert_eq!((&*first_record.hashed_with, &*second_record.hashed_with), ("hmac-sha256:old", "hmac-sha256:new"));
    let authenticator = Authenticator::builder(store.clone()).hasher(rotating).build().unwrap();
    for (field, id) in [(&first, first_record.id), (&second, second_record.id)] {
        assert_eq!(*identity(&authenticator, field).await.unwrap().id(), id);
        warm(&authenticator, field).await;
    }
    let plain = Authenticator::new(store.clone());
    assert_eq!(identity(&plain, &first).await, Err(Rejection::UnknownKey), "a key was found without its pepper");
}

#[tokio::test]
async fn a_rotated_key_ends_after_the_overlap_or_earlier() {
    let store = TestStore::new().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let keys = Keys::new(store.inner.clone()).with_clock(clock.clone());
    let authenticator = Authenticator::builder(store.clone()).clock(clock.clone()).build().unwrap();
    let hour = Duration::from_secs(3_600);
    let end = clock.now().saturating_add(2 * hour);
    let issued = keys.issue(NewKey { expires_at: Some(end), ..NewKey::secret(account(), "a") }).await.unwrap();
    let old = format!("Bearer {}", *issued.key.expose_once());
    let rotated = keys.rotate(&issued.record.id, 24 * hour).await.unwrap();
    assert_eq!(rotated.predecessor.expires_at, Some(end), "the overlap moved the end later");
    let new = format!("Bearer {}", *rotated.key.expose_once());
    for field in [&old, &new] {
        identity(&authenticator, field).await.unwrap();
    }
    let again = keys.rotate(&rotated.record.id, hour).await.unwrap();
    clock.advance(hour);
    assert_eq!(identity(&authenticator, &new).await, Err(Rejection::KeyExpired));
    identity(&authenticator, &format!("Bearer {}", *again.key.expose_once())).await.unwrap();
    clock.advance(hour);
    assert_eq!(identity(&authenticator, &old).await, Err(Rejection::KeyExpired));
}
