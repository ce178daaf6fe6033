//! Timestamps and clocks.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use keyward::clock::ManualClock;
//! use keyward::{Keys, MemoryStore};
//!
//! let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse()?));
//! let keys = Keys::new(MemoryStore::new()).with_clock(clock.clone());
//! clock.advance(Duration::from_secs(3_600));
//! # let _ = keys;
//! # Ok::<(), keyward::clock::TimestampError>(())
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Serialize};

/// A wall-clock time in milliseconds since the Unix epoch, from 1970 to 9999, written as RFC 3339.
///
/// Smaller fractions are cut off. A leap second is read as the second before.
///
/// # Examples
/// ```
/// use keyward::Timestamp;
///
/// let at: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// assert_eq!(at.as_millis(), 1_772_366_400_000);
/// assert_eq!(at.to_string(), "2026-03-01T12:00:00Z");
/// # Ok::<(), keyward::clock::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

const MAX_MILLIS: i64 = 253_402_300_799_999;
const FRACTION_DIGITS: usize = 9;
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Timestamp {
    /// The end of 9999. As the end of a key, it means never.
    pub const MAX: Self = Self(MAX_MILLIS);

    /// Creates a time, clamped to 1970 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MAX_MILLIS))
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the time as the end of a key: `None`, for never, on the last day of 9999.
    ///
    /// # Examples
    /// ```
    /// use keyward::Timestamp;
    ///
    /// assert_eq!("9999-12-31T23:59:59Z".parse::<Timestamp>()?.as_end(), None);
    /// # Ok::<(), keyward::clock::TimestampError>(())
    /// ```
    #[must_use]
    pub fn as_end(self) -> Option<Self> {
        const DAY: i64 = 24 * 3_600 * 1_000;
        Some(self).filter(|end| end.0 < MAX_MILLIS.saturating_sub(DAY.saturating_sub(1)))
    }

    /// Adds a duration, up to the end of 9999.
    #[must_use]
    pub fn saturating_add(self, later: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the time since `earlier`, or zero.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

/// Why a text is not a [`Timestamp`].
///
/// # Examples
/// ```
/// use keyward::Timestamp;
///
/// let error = "2026-03-01T12:00:00".parse::<Timestamp>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid time \"2026-03-01T12:00:00\": add the offset from UTC, such as Z or +01:00");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid time {text:?}: {fault}")]
pub struct TimestampError {
    text: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("expected RFC 3339, such as 2026-03-01T12:00:00Z")]
    Form,
    #[error("add the offset from UTC, such as Z or +01:00")]
    Offset,
    #[error("expected a time from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z")]
    Range,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read(text).map_err(|fault| TimestampError { text: text.chars().take(64).collect(), fault })
    }
}

fn read(text: &str) -> Result<Timestamp, Fault> {
    if has_long_year(text) {
        return Err(Fault::Range);
    }
    let text = with_short_fraction(text);
    let pieces = Pieces::parse(&*text).map_err(|_| Fault::Form)?;
    let time = pieces.time().filter(|_| pieces.time_zone_annotation().is_none()).ok_or(Fault::Form)?;
    let offset = pieces.to_numeric_offset().ok_or(Fault::Offset)?;
    // jiff's timestamps end a day before RFC 3339's, so that every offset can be added to them.
    let local = pieces.date().to_datetime(time).duration_since(EPOCH);
    let since = local.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok_or(Fault::Range)?;
    match i64::try_from(since.as_millis()) {
        Ok(millis) if !since.is_negative() && millis <= MAX_MILLIS => Ok(Timestamp(millis)),
        _ => Err(Fault::Range),
    }
}

/// RFC 3339 ends with 9999. Programs write later years with more digits, often behind a sign.
fn has_long_year(text: &str) -> bool {
    let (year, rest) = text.trim_start_matches(['+', '-']).split_once('-').unwrap_or_default();
    year.len() > 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains(['T', 't', ' '])
}

/// jiff reads nine digits, RFC 3339 allows more.
fn with_short_fraction(text: &str) -> Cow<'_, str> {
    let Some(point) = text.find(['.', ',']) else { return Cow::Borrowed(text) };
    let (before, fraction) = text.split_at(point.saturating_add(1));
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= FRACTION_DIGITS {
        return Cow::Borrowed(text);
    }
    let kept = fraction.get(..FRACTION_DIGITS).unwrap_or_default();
    Cow::Owned([before, kept, fraction.get(digits..).unwrap_or_default()].concat())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = EPOCH.checked_add(SignedDuration::from_millis(self.0)).map_err(|_| fmt::Error)?;
        write!(f, "{at}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A source of time.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::clock::{Clock, ManualClock};
/// use keyward::Timestamp;
///
/// let clock = ManualClock::at("2026-03-01T12:00:00Z".parse::<Timestamp>()?);
/// let before = clock.boottime();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.boottime() - before, Duration::from_secs(5));
/// # Ok::<(), keyward::clock::TimestampError>(())
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the wall clock's time, which may jump. Only dates depend on it.
    fn now(&self) -> Timestamp;

    /// Returns the time since a fixed start. It never goes back, and counts suspension.
    fn boottime(&self) -> Duration;
}

/// The operating system's clocks.
///
/// [`Clock::boottime`] is `CLOCK_BOOTTIME` on Linux and Android, `CLOCK_MONOTONIC` on other Unix systems, and
/// [`std::time::Instant`] elsewhere.
///
/// # Examples
/// ```
/// use keyward::clock::{Clock, SystemClock};
///
/// let first = SystemClock.boottime();
/// assert!(SystemClock.boottime() >= first);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    #[cfg(unix)]
    fn boottime(&self) -> Duration {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let at = rustix::time::clock_gettime(CLOCK);
        Duration::new(u64::try_from(at.tv_sec).unwrap_or(0), u32::try_from(at.tv_nsec).unwrap_or(0))
    }

    #[cfg(not(unix))]
    fn boottime(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

/// A clock that a test moves.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::clock::{Clock, ManualClock};
/// use keyward::Timestamp;
///
/// let clock = ManualClock::at(Timestamp::from_millis(1_000));
/// clock.set_wall(Timestamp::from_millis(0));
/// assert_eq!(clock.now(), Timestamp::from_millis(0));
/// assert_eq!(clock.boottime(), Duration::from_secs(1));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    wall_millis: AtomicI64,
    boot_nanos: AtomicU64,
}

impl ManualClock {
    /// Creates a clock at `now`, one second after boot.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { wall_millis: AtomicI64::new(now.as_millis()), boot_nanos: AtomicU64::new(1_000_000_000) }
    }

    /// Moves both clocks forwards.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.boot_nanos.fetch_add(nanos, Ordering::SeqCst);
        self.wall_millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets only the wall clock.
    pub fn set_wall(&self, now: Timestamp) {
        self.wall_millis.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall_millis.load(Ordering::SeqCst))
    }

    fn boottime(&self) -> Duration {
        Duration::from_nanos(self.boot_nanos.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_3339_writes_them() {
        for (text, expected) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01t12:00:00z", "2026-03-01T12:00:00Z"),
            ("2026-03-01 12:00:00+00:00", "2026-03-01T12:00:00Z"),
            ("2026-03-01T12:00:00.5+01:00", "2026-03-01T11:00:00.5Z"),
            ("2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00Z"),
            // Digits beyond a millisecond are cut off, never rounded.
            ("2026-03-01T12:00:00.123456789999Z", "2026-03-01T12:00:00.123Z"),
            ("2026-03-01T12:00:00.9999999999999999999999+00:00", "2026-03-01T12:00:00.999Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59.999999999999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00Z"),
            // A leap second becomes the second before it.
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59Z"),
            ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59Z"),
        ] {
            let at: Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(at.to_string(), expected, "{text}");
            assert_eq!(at.to_string().parse(), Ok(at), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_value_and_reason() {
        for (text, fault) in [
            ("", Fault::Form),
            ("tomorrow", Fault::Form),
            ("2026-03-01", Fault::Form),
            ("2026-02-30T12:00:00Z", Fault::Form),
            ("2026-03-01T25:00:00Z", Fault::Form),
            ("2026-03-01T12:00:61Z", Fault::Form),
            ("2026-03-01T12:00:00.Z", Fault::Form),
            ("10000-01-01T00:00:00Z", Fault::Range),
            ("+010000-01-01T00:00:00Z", Fault::Range),
            ("-000001-01-01T00:00:00Z", Fault::Range),
            ("10000-soon", Fault::Form),
            ("2026-03-01T12:00:00Z[Europe/Paris]", Fault::Form),
            ("2026-03-01T12:00:00Z ", Fault::Form),
            ("1772366400", Fault::Form),
            ("2026-03-01T12:00:00", Fault::Offset),
            ("1969-12-31T23:59:59.999Z", Fault::Range),
            ("1969-12-31T23:59:59.9999999Z", Fault::Range),
            ("1970-01-01T00:00:00+00:01", Fault::Range),
            ("9999-12-31T23:59:59-00:01", Fault::Range),
        ] {
            let error = text.parse::<Timestamp>().expect_err(text);
            assert_eq!(error.fault, fault, "{text}");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn only_the_last_day_of_9999_means_never() {
        for (end, is_never) in [
            ("9999-12-31T23:59:59.999Z", true),
            ("9999-12-31T00:00:00Z", true),
            ("9999-12-30T23:59:59.999Z", false),
            ("2030-01-01T00:00:00Z", false),
        ] {
            assert_eq!(end.parse::<Timestamp>().unwrap().as_end().is_none(), is_never, "{end}");
        }
    }

    #[test]
    fn instants_are_held_within_what_can_be_written() {
        for (millis, expected) in [(i64::MIN, "1970-01-01T00:00:00Z"), (i64::MAX, "9999-12-31T23:59:59.999Z")] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
        }
    }
}
