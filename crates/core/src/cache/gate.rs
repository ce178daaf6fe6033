//! Whether this node may answer from its cache.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Gate {
    open_until: AtomicU64,
    applied: AtomicU64,
}

/// Nanoseconds of [`Clock::boottime`](crate::clock::Clock::boottime).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(crate) u64);

impl Instant {
    pub(crate) fn after(self, duration: Duration) -> Self {
        let nanos = duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }

    pub(crate) fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0 / 1_000_000_000).unwrap_or(u32::MAX)
    }
}

impl From<Duration> for Instant {
    fn from(since_boot: Duration) -> Self {
        Self(0).after(since_boot)
    }
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self { open_until: AtomicU64::new(0), applied: AtomicU64::new(0) }
    }

    pub(crate) fn open() -> Self {
        Self { open_until: AtomicU64::new(u64::MAX), applied: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        now.0 < self.open_until.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) -> Instant {
        Instant(self.open_until.load(Ordering::SeqCst))
    }

    pub(crate) fn is_open_for_ever(&self) -> bool {
        self.open_until.load(Ordering::SeqCst) == u64::MAX
    }

    pub(crate) fn has_ended(&self, now: Instant) -> bool {
        let end = self.open_until.load(Ordering::SeqCst);
        end != 0 && end <= now.0
    }

    pub(crate) fn open_until(&self, end: Instant) {
        self.open_until.store(end.0, Ordering::SeqCst);
    }

    pub(crate) fn close(&self) {
        self.open_until.store(0, Ordering::SeqCst);
    }

    /// The last log entry whose invalidations are done or in progress.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    pub(crate) fn set_applied(&self, number: u64) {
        self.applied.store(number, Ordering::SeqCst);
    }
}
