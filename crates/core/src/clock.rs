//! Time: wall-clock instants for dates, and a clock that never stops for leases.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A wall-clock instant in milliseconds since the Unix epoch. Written as RFC 3339.
///
/// # Examples
/// ```
/// use keyward::Timestamp;
///
/// let at: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// assert_eq!(at.as_millis(), 1_772_366_400_000);
/// assert_eq!(at.to_string(), "2026-03-01T12:00:00Z");
/// # Ok::<(), keyward::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// The last instant that RFC 3339 can write, 9999-12-31T23:59:59.999Z, less the days that time zones need.
const MAX_MILLIS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// The instant `millis` milliseconds after the Unix epoch, held within the years that RFC 3339 can write.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MAX_MILLIS))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant `later` after this one; the last that can be written, if that is later still.
    #[must_use]
    pub fn saturating_add(self, later: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
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

/// The text is not an RFC 3339 date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as RFC 3339 says, such as 2026-03-01T12:00:00Z")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let at: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let millis = at.as_millisecond();
        if (0..=MAX_MILLIS).contains(&millis) { Ok(Self(millis)) } else { Err(TimestampError) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where keyward reads time from; replaced in tests.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::at("2026-03-01T12:00:00Z".parse::<Timestamp>()?);
/// let before = clock.boottime();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.boottime() - before, Duration::from_secs(5));
/// # Ok::<(), keyward::TimestampError>(())
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock. It may be set, forwards and backwards: it decides on dates, never on freshness.
    fn now(&self) -> Timestamp;

    /// Time since some fixed start. It never goes back, and goes on while the process or the machine is stopped.
    fn boottime(&self) -> Duration;
}

/// The operating system's clocks.
///
/// On Linux and Android [`Clock::boottime`] is `CLOCK_BOOTTIME`, which counts suspension too; on other Unix systems
/// `CLOCK_MONOTONIC`; elsewhere [`std::time::Instant`].
///
/// # Examples
/// ```
/// use keyward::{Clock, SystemClock};
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

/// A clock that a test moves by hand: its wall clock may jump, its boottime only goes on.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::{Clock, ManualClock, Timestamp};
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
    /// A clock that stands at `now`, one second after boot.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { wall_millis: AtomicI64::new(now.as_millis()), boot_nanos: AtomicU64::new(1_000_000_000) }
    }

    /// Moves both clocks on by `by`.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.boot_nanos.fetch_add(nanos, Ordering::SeqCst);
        self.wall_millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an administrator or a time server does.
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
