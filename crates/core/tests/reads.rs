//! Reads of a store that is slower than its requests can wait.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::identity;
use keyward_core::key::{Digest, KeyFormat, KeyKind};
use keyward_core::store::{Found, Freshness, KeyStore, KeyUse, StoreError, async_trait};
use keyward_core::{Authenticator, Mode, Rejection};
use tokio::task::JoinSet;
use tokio::time::Instant;

const CONCURRENCY: usize = 8;
const TIMEOUT: Duration = Duration::from_millis(250);

/// Knows no key.
#[derive(Clone)]
struct SlowStore {
    read: Duration,
    begun: Arc<AtomicUsize>,
}

#[async_trait]
impl KeyStore for SlowStore {
    async fn find(&self, _: &Digest) -> Result<Found, StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.read).await;
        Ok(Found::unknown())
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::from_secs(60))
    }

    async fn record_use(&self, _: &[KeyUse]) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Node {
    store: SlowStore,
    authenticator: Authenticator,
}

#[derive(Debug)]
struct Burst {
    answered: usize,
    unavailable: usize,
    begun: usize,
    took: Duration,
}

impl Node {
    fn new(read: Duration) -> Self {
        let store = SlowStore { read, begun: Arc::default() };
        let builder = Authenticator::builder(store.clone()).store_concurrency(CONCURRENCY).store_timeout(TIMEOUT);
        Self { store, authenticator: builder.build().unwrap() }
    }

    /// Requests with different keys, all at once.
    async fn burst(&self, requests: usize) -> Burst {
        self.store.begun.store(0, Ordering::SeqCst);
        let begun = Instant::now();
        let mut asking = JoinSet::new();
        for _ in 0..requests {
            let key = KeyFormat::default().generate(KeyKind::Secret, Mode::Live).unwrap();
            let (authenticator, field) = (self.authenticator.clone(), format!("Bearer {}", *key.expose_once()));
            asking.spawn(async move { identity(&authenticator, &field).await });
        }
        let verdicts = asking.join_all().await;
        let count =
            |wanted: Rejection| verdicts.iter().filter(|verdict| verdict.as_ref().err() == Some(&wanted)).count();
        Burst {
            answered: count(Rejection::UnknownKey),
            unavailable: count(Rejection::StoreUnavailable),
            begun: self.store.begun.load(Ordering::SeqCst),
            took: begun.elapsed(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_read_begins_too_late_to_be_answered() {
    let node = Node::new(Duration::from_millis(7));
    for _ in 0..3 {
        let burst = node.burst(2_000).await;
        assert_eq!(burst.answered + burst.unavailable, 2_000, "{burst:?}");
        // 35 rounds of reads fit into the time-out.
        assert!(burst.answered >= 34 * CONCURRENCY, "{burst:?}");
        assert!(burst.begun - burst.answered <= CONCURRENCY, "reads without an answer: {burst:?}");
        assert!(burst.took <= TIMEOUT + Duration::from_millis(2), "{burst:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_gets_no_read_after_the_timeout() {
    let node = Node::new(Duration::from_secs(3_600));
    let burst = node.burst(2_000).await;
    assert_eq!((burst.answered, burst.unavailable, burst.begun), (0, 2_000, CONCURRENCY), "{burst:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_queue_is_always_read() {
    // Reads take longer than half of the time-out.
    let node = Node::new(Duration::from_millis(240));
    for _ in 0..20 {
        let burst = node.burst(CONCURRENCY).await;
        assert_eq!((burst.answered, burst.begun), (CONCURRENCY, CONCURRENCY), "{burst:?}");
    }
}
