use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use keyward::adapter::{Admission, AuthenticatorBuilder, Check, Target, UnknownConnection};
use keyward::store::KeyStore;
use keyward::{Authenticator, Rejection};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

pub struct Watched {
    authenticator: Authenticator,
    snapshotter: Snapshotter,
    seen: Mutex<HashMap<String, f64>>,
}

impl Watched {
    pub fn new(store: impl KeyStore) -> Self {
        Self::built(Authenticator::builder(store))
    }

    pub fn built(builder: AuthenticatorBuilder) -> Self {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let authenticator = metrics::with_local_recorder(&recorder, || builder.metrics().build().unwrap());
        Self { authenticator, snapshotter, seen: Mutex::default() }
    }

    pub async fn ask(&self, field: &str) -> Result<(), Rejection> {
        self.authenticator.authenticate([field.as_bytes()]).await.map(|admission| match admission {
            Admission::Identity(_) => (),
            Admission::Anonymous => panic!("anonymous, with a credential"),
        })
    }

    /// Asks until the store has answered. A node that reads too late, or has lost its lease, refuses.
    pub async fn decide(&self, field: &str) -> Result<(), Rejection> {
        let mut verdict = Ok(());
        within("the store answers", async || {
            verdict = self.ask(field).await;
            verdict != Err(Rejection::StoreUnavailable)
        })
        .await;
        verdict
    }

    pub fn has_cached(&self, field: &str) -> bool {
        let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
        !matches!(self.authenticator.check(target, [field.as_bytes()]), Check::Pending(_))
    }

    pub async fn warm(&self, field: &str) {
        within("the key is cached", async || {
            let _ = self.ask(field).await;
            self.has_cached(field)
        })
        .await;
    }

    /// Pass an empty outcome for a metric without one.
    pub fn counted(&self, name: &str, outcome: &str) -> f64 {
        let mut seen = self.seen.lock().unwrap();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let key = key.key();
            let label = key.labels().map(|label| label.value()).next().unwrap_or_default();
            let total = seen.entry(format!("{} {label}", key.name())).or_default();
            // Counters and histograms restart at each snapshot; a gauge keeps its level.
            match value {
                DebugValue::Counter(count) => *total += count as f64,
                DebugValue::Gauge(level) => *total = level.0,
                DebugValue::Histogram(values) => *total += values.len() as f64,
            }
        }
        seen.get(&format!("{name} {outcome}")).copied().unwrap_or_default()
    }
}

pub async fn within(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < crate::program::SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}
