//! Metrics through the `metrics` facade.

#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::collections::HashMap;

use common::{TestStore, eventually, identity, warm};
use keyward_core::{AccountRecord, Authenticator, Keys, MemoryStore, NewKey};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

#[tokio::test]
async fn metrics_count_requests_and_contain_no_key() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let (unknown, _) = TestStore::new().await.issue().await;
    let authenticator = Authenticator::builder(store).metrics().build().unwrap();
    warm(&authenticator, &field).await;
    for _ in 0..10 {
        identity(&authenticator, &field).await.unwrap();
    }
    for _ in 0..5 {
        let refused = authenticator.authenticate([unknown.as_bytes()]).await.unwrap_err();
        let request = keyward_core::render::Refusal::new(refused, &http::Method::GET, &http::HeaderMap::new());
        drop(authenticator.refuse(&request));
    }
    let keys = Keys::new(MemoryStore::new());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.insert_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id, "to revoke")).await.unwrap();
    let _ = keys.revoke(&issued.record.id).await.unwrap();
    let mut seen: HashMap<String, f64> = HashMap::new();
    eventually("everything is counted", async || {
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let key = key.key();
            let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(level) => level.0,
                DebugValue::Histogram(values) => values.len() as f64,
            };
            // A snapshot resets counters, but not gauges.
            let total = seen.entry(format!("{} {}", key.name(), labels.join(","))).or_default();
            *total = if key.name() == "keyward_cached_keys" { value } else { *total + value };
        }
        seen.get("keyward_cached_keys ").is_some_and(|keys| *keys == 1.0)
    })
    .await;
    for (name, least) in [
        ("keyward_cache_hits_total ", 10.0),
        ("keyward_cache_misses_total ", 2.0),
        ("keyward_cache_negative_hits_total ", 4.0),
        ("keyward_rejections_total reason=unknown_key", 5.0),
        ("keyward_store_read_seconds outcome=found", 1.0),
        ("keyward_change_applied_seconds ", 1.0),
        ("keyward_store_read_seconds outcome=unknown", 1.0),
    ] {
        assert!(seen.get(name).is_some_and(|count| *count >= least), "{name}: {seen:?}");
    }
    let secret = &field["Bearer kw_live_".len()..];
    assert!(!format!("{seen:?}").contains(secret));
}
