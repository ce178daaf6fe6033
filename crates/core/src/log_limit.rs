use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const MINUTE: u64 = 60_000;

/// One event a minute, for [`log_limited!`](crate::log_limited).
///
/// # Examples
/// ```
/// static LIMIT: keyward::adapter::LogLimit = keyward::adapter::LogLimit::new();
/// assert_eq!(LIMIT.admit(), Some(0), "the first line is written at once");
/// assert_eq!(LIMIT.admit(), None, "the next one of this minute is counted");
/// ```
#[derive(Debug)]
pub struct LogLimit {
    /// Milliseconds, or 0 before the first event.
    next: AtomicU64,
    left_out: AtomicU64,
}

impl LogLimit {
    /// Creates a limit.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Returns how many events were left out since the last admitted one, or `None` if this event is left out too.
    #[must_use]
    pub fn admit(&self) -> Option<u64> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.admit_at(u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn admit_at(&self, now: u64) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let is_due = now >= next;
        // Of several threads, one writes the event.
        if is_due
            && self
                .next
                .compare_exchange(next, now.saturating_add(MINUTE), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a `tracing` event at most once a minute for each place in the code.
///
/// `left_out` counts the others. The calling crate needs `tracing`.
///
/// # Examples
/// ```
/// for path in ["/a", "/b"] {
///     keyward::log_limited!(warn, path, "a request has no method");
/// }
/// ```
#[macro_export]
macro_rules! log_limited {
    ($level:ident, $($line:tt)+) => {{
        static LIMIT: $crate::log_limit::LogLimit = $crate::log_limit::LogLimit::new();
        if let Some(left_out) = LIMIT.admit() {
            ::tracing::$level!(left_out, $($line)+);
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_is_written_and_the_others_are_counted() {
        let limit = LogLimit::new();
        for (now, expected) in
            [(5, Some(0)), (6, None), (60_004, None), (60_005, Some(2)), (60_006, None), (200_000, Some(1))]
        {
            assert_eq!(limit.admit_at(now), expected, "{now}");
        }
    }
}
