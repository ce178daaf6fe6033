//! No key reaches this module.

use std::time::Duration;

use crate::rejection::Rejection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOutcome {
    Found,
    Unknown,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Granted,
    Behind,
    Failed,
}

/// `Keys` has no setting for metrics, so this reports to any recorder.
pub(crate) fn change_applied(took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("keyward_change_applied_seconds").record(took);
    tracing::trace!(?took, "every node has applied a change");
}

#[derive(Clone, Default)]
pub(crate) struct Metrics {
    #[cfg(feature = "metrics")]
    handles: Option<std::sync::Arc<Handles>>,
}

#[cfg(feature = "metrics")]
struct Handles {
    hits: metrics::Counter,
    /// Hits since the last report. One counter for all threads would cost each hit a contended cache line.
    recent_hits: crate::per_thread::PerThread<std::sync::atomic::AtomicU64>,
    negative_hits: metrics::Counter,
    rejections: crate::rejection::PerRejection<std::sync::OnceLock<metrics::Counter>>,
    misses: metrics::Counter,
    store_reads: [metrics::Histogram; 3],
    read_through: metrics::Counter,
    renewals: [metrics::Counter; 3],
    lapses: metrics::Counter,
    gaps: metrics::Counter,
    untold: metrics::Counter,
    clock_steps: metrics::Counter,
    lease_held: metrics::Gauge,
    log_position: metrics::Gauge,
    cached_keys: metrics::Gauge,
}

#[cfg_attr(
    not(feature = "metrics"),
    allow(clippy::unused_self, reason = "without the feature there is nothing to count")
)]
impl Metrics {
    #[cfg(feature = "metrics")]
    pub(crate) fn registered() -> Self {
        use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

        describe_counter!("keyward_cache_hits_total", "Requests answered from the cache");
        describe_counter!("keyward_cache_negative_hits_total", "Requests refused from the cache");
        describe_counter!("keyward_cache_misses_total", "Requests that the cache could not answer");
        describe_counter!("keyward_rejections_total", "Requests refused, by reason");
        describe_histogram!("keyward_store_read_seconds", Unit::Seconds, "Reads of the store, by outcome");
        let applied = "Time until every node had applied a change, such as a revocation";
        describe_histogram!("keyward_change_applied_seconds", Unit::Seconds, applied);
        describe_gauge!("keyward_cached_keys", "Keys in the cache");
        describe_counter!("keyward_read_through_total", "Requests that read the store because the node had no lease");
        describe_counter!("keyward_lease_renewals_total", "Attempts to renew the lease, by outcome");
        describe_counter!("keyward_lease_lapses_total", "Leases that ended before they were renewed");
        describe_gauge!("keyward_lease_held", "1 while this node may answer from its cache, 0 while it may not");
        describe_gauge!("keyward_log_position", "The last entry of the change log that this node has applied");
        describe_counter!("keyward_log_gaps_total", "Times that a gap in the change log cleared the cache");
        describe_counter!("keyward_log_untold_total", "New log entries found without a notification");
        describe_counter!("keyward_clock_steps_total", "Changes of the wall clock");
        let reads = |outcome| metrics::histogram!("keyward_store_read_seconds", "outcome" => outcome);
        let renewals = |outcome| metrics::counter!("keyward_lease_renewals_total", "outcome" => outcome);
        Self {
            handles: Some(std::sync::Arc::new(Handles {
                hits: metrics::counter!("keyward_cache_hits_total"),
                recent_hits: crate::per_thread::PerThread::of(std::sync::atomic::AtomicU64::default),
                negative_hits: metrics::counter!("keyward_cache_negative_hits_total"),
                rejections: crate::rejection::PerRejection::new(|_| std::sync::OnceLock::new()),
                misses: metrics::counter!("keyward_cache_misses_total"),
                read_through: metrics::counter!("keyward_read_through_total"),
                store_reads: ["found", "unknown", "failed"].map(reads),
                renewals: ["granted", "behind", "failed"].map(renewals),
                lapses: metrics::counter!("keyward_lease_lapses_total"),
                gaps: metrics::counter!("keyward_log_gaps_total"),
                untold: metrics::counter!("keyward_log_untold_total"),
                clock_steps: metrics::counter!("keyward_clock_steps_total"),
                lease_held: metrics::gauge!("keyward_lease_held"),
                log_position: metrics::gauge!("keyward_log_position"),
                cached_keys: metrics::gauge!("keyward_cached_keys"),
            })),
        }
    }

    #[inline]
    pub(crate) fn hit(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.recent_hits.local().fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Adds the hits of all threads to the metric.
    pub(crate) fn report_hits(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            let taken = |hits: &std::sync::atomic::AtomicU64| hits.swap(0, std::sync::atomic::Ordering::Relaxed);
            handles.hits.increment(handles.recent_hits.iter().map(taken).sum());
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
        if let Some(handles) = &self.handles {
            let [found, unknown, failed] = &handles.store_reads;
            match outcome {
                StoreOutcome::Found => found.record(took),
                StoreOutcome::Unknown => unknown.record(took),
                StoreOutcome::Failed => failed.record(took),
            }
        }
        tracing::trace!(?outcome, ?took, "read the key store");
    }

    pub(crate) fn rejected(&self, rejection: &Rejection, request_id: &str) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            let counter = || metrics::counter!("keyward_rejections_total", "reason" => rejection.reason());
            match handles.rejections.get(rejection) {
                Some(registered) => registered.get_or_init(counter).increment(1),
                None => counter().increment(1),
            }
        }
        if rejection.is_fault_of_service() {
            let (code, reason) = (rejection.code(), rejection.reason());
            // Two rate limits, so that an outage does not hide a misconfiguration.
            if *rejection == Rejection::StoreUnavailable {
                crate::log_limited!(error, code, reason, request_id, "request refused: the key store did not answer");
            } else {
                crate::log_limited!(
                    error,
                    code,
                    reason,
                    request_id,
                    "request refused because of an error in the service"
                );
            }
        } else {
            tracing::debug!(code = rejection.code(), reason = rejection.reason(), request_id, "request refused");
        }
    }

    pub(crate) fn read_through(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.read_through.increment(1);
        }
    }

    pub(crate) fn renewal(&self, outcome: Renewal) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            let [granted, behind, failed] = &handles.renewals;
            match outcome {
                Renewal::Granted => granted.increment(1),
                Renewal::Behind => behind.increment(1),
                Renewal::Failed => failed.increment(1),
            }
        }
        let _ = outcome;
    }

    pub(crate) fn lapse(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.lapses.increment(1);
        }
    }

    pub(crate) fn gap(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.gaps.increment(1);
        }
    }

    pub(crate) fn untold(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.untold.increment(1);
        }
    }

    pub(crate) fn clock_step(&self) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.clock_steps.increment(1);
        }
    }

    pub(crate) fn state(&self, cached_keys: usize, lease_held: bool, log_position: u64) {
        #[cfg(feature = "metrics")]
        if let Some(handles) = &self.handles {
            handles.cached_keys.set(cached_keys as f64);
            handles.lease_held.set(f64::from(u8::from(lease_held)));
            handles.log_position.set(log_position as f64);
        }
        let _ = (cached_keys, lease_held, log_position);
    }
}
