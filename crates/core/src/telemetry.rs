//! What keyward counts and reports. Nothing here ever sees a key.

use std::time::Duration;

use crate::rejection::Rejection;

/// How a read of the store ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOutcome {
    Found,
    Unknown,
    Failed,
}

impl StoreOutcome {
    #[cfg(feature = "metrics")]
    fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// Counters and histograms, through the `metrics` facade where the feature is on and the builder was told so.
///
/// The handles are registered once; a warm hit then costs one atomic addition, and without metrics a branch.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    #[cfg(feature = "metrics")]
    handles: Option<std::sync::Arc<Handles>>,
}

#[cfg(feature = "metrics")]
struct Handles {
    hits: metrics::Counter,
    negative_hits: metrics::Counter,
    misses: metrics::Counter,
}

#[cfg_attr(
    not(feature = "metrics"),
    allow(clippy::unused_self, reason = "without the feature there is nothing to count")
)]
impl Metrics {
    /// Registers with the recorder that is installed at this moment.
    #[cfg(feature = "metrics")]
    pub(crate) fn registered() -> Self {
        use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

        describe_counter!("keyward_cache_hits_total", "Requests answered from the cache");
        describe_counter!("keyward_cache_negative_hits_total", "Requests refused from the cache");
        describe_counter!("keyward_cache_misses_total", "Requests that the cache could not answer");
        describe_counter!("keyward_rejections_total", "Requests refused, by reason");
        describe_histogram!("keyward_store_read_seconds", Unit::Seconds, "Reads of the store, by outcome");
        describe_gauge!("keyward_cached_keys", "Keys in the cache");
        Self {
            handles: Some(std::sync::Arc::new(Handles {
                hits: metrics::counter!("keyward_cache_hits_total"),
                negative_hits: metrics::counter!("keyward_cache_negative_hits_total"),
                misses: metrics::counter!("keyward_cache_misses_total"),
            })),
        }
    }

    #[inline]
    pub(crate) fn hit(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.hits.increment(1);
        }
    }

    pub(crate) fn negative_hit(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.negative_hits.increment(1);
        }
    }

    pub(crate) fn miss(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.misses.increment(1);
        }
    }

    pub(crate) fn store_read(&self, outcome: StoreOutcome, took: Duration) {
        #[cfg(feature = "metrics")]
        if self.handles.is_some() {
            metrics::histogram!("keyward_store_read_seconds", "outcome" => outcome.as_str()).record(took.as_secs_f64());
        }
        tracing::trace!(?outcome, ?took, "read the key store");
    }

    pub(crate) fn rejected(&self, rejection: &Rejection) {
        #[cfg(feature = "metrics")]
        if self.handles.is_some() {
            metrics::counter!("keyward_rejections_total", "reason" => rejection.reason()).increment(1);
        }
        if rejection.is_fault_of_service() {
            tracing::error!(reason = rejection.reason(), "request refused");
        } else {
            tracing::debug!(reason = rejection.reason(), "request refused");
        }
    }

    pub(crate) fn cached_keys(&self, count: usize) {
        #[cfg(feature = "metrics")]
        if self.handles.is_some() {
            metrics::gauge!("keyward_cached_keys").set(count as f64);
        }
        let _ = count;
    }
}
