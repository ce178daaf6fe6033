use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::failure::refused;

/// The holder of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Each key has a quota.
    Key,
    /// An account's keys share a quota.
    Account,
}

/// An invalid definition of a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// A name is not 1 to 32 of `a-z A-Z 0-9 _ -`.
    #[error("invalid rate limit name {0:?}: expected 1 to 32 of `a-z A-Z 0-9 _ -`")]
    Name(SmolStr),
    /// Two limits have this name.
    #[error("two rate limits have the name {0:?}: give each limit its own name")]
    Twice(SmolStr),
    /// A quota is zero, or its window is not 1 second to 24 hours.
    #[error("invalid rate limit {0:?}: expected a quota of at least 1 and a window of 1 s to 24 h in whole seconds")]
    Quota(SmolStr),
}

/// A builder of [`RateLimits`](crate::RateLimits) or [`NamedLimits`].
#[derive(Debug, Default)]
#[must_use = "nothing is built before build() or named()"]
pub struct RateLimitsBuilder(Vec<(SmolStr, Each, u32, Duration)>);

impl RateLimitsBuilder {
    /// Adds a limit: each key or account may spend `quota` in any period of length `window`.
    pub fn limit(mut self, name: impl Into<SmolStr>, each: Each, quota: u32, window: Duration) -> Self {
        self.0.push((name.into(), each, quota, window));
        self
    }

    /// Returns the limits, for a store.
    ///
    /// # Errors
    /// [`RateLimitError`].
    pub fn named(self) -> Result<NamedLimits, RateLimitError> {
        let mut limits: Vec<NamedLimit> = Vec::new();
        for (name, each, quota, window) in self.0 {
            if limits.iter().any(|limit| limit.name == name) {
                return Err(RateLimitError::Twice(name));
            }
            limits.push(NamedLimit::checked(name, each, quota, window)?);
        }
        Ok(NamedLimits(limits.into()))
    }
}

/// Named limits. Clones share them.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimits};
///
/// let limits = RateLimits::builder().limit("exports", Each::Account, 5, Duration::from_secs(3_600)).named()?;
/// assert_eq!(limits.get("exports").unwrap().quota().get(), 5);
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamedLimits(Arc<[NamedLimit]>);

impl NamedLimits {
    /// Returns a limit.
    ///
    /// # Errors
    /// [`Rejection::NotConfigured`] without one.
    pub fn get(&self, name: &str) -> Result<&NamedLimit, Rejection> {
        self.0.iter().find(|known| known.name == name).ok_or_else(|| unknown(name))
    }

    /// Iterates over the limits in order.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLimit> {
        self.0.iter()
    }
}

pub(crate) fn unknown(name: &str) -> Rejection {
    tracing::error!(limit = name, "no rate limit has this name: add it to the RateLimitsBuilder");
    Rejection::NotConfigured
}

/// A limit for the generic cell rate algorithm.
///
/// A caller is *ahead* by the time until all it spent has come back. A call that would put it ahead by more than
/// [`most`](Self::most) is refused.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimits};
///
/// let limits = RateLimits::builder().limit("default", Each::Key, 60, Duration::from_secs(60)).named()?;
/// let limit = limits.get("default").unwrap();
/// let (cost, most) = (limit.time_of(NonZeroU32::new(5).unwrap()).unwrap(), limit.most());
/// assert_eq!((cost.as_secs(), most.as_secs()), (5, 60));
/// // This call was accepted. The caller is now ahead by 15 seconds.
/// assert_eq!(limit.verdict(Ok(15_000_000_000)).unwrap().remaining, 45);
/// // This call was refused. It can be retried in 2 seconds.
/// assert_eq!(limit.verdict(Ok(-2_000_000_000)).unwrap_err().code(), "RATE_LIMIT_EXCEEDED");
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamedLimit {
    name: SmolStr,
    each: Each,
    quota: NonZeroU32,
    window: Duration,
    interval: Duration,
}

impl NamedLimit {
    fn checked(name: SmolStr, each: Each, quota: u32, window: Duration) -> Result<Self, RateLimitError> {
        let is_name = (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !is_name {
            return Err(RateLimitError::Name(name));
        }
        let fits = (1..=86_400).contains(&window.as_secs()) && window.subsec_nanos() == 0;
        match NonZeroU32::new(quota).filter(|_| fits).map(|quota| (quota, window / quota.get())) {
            Some((quota, interval)) if !interval.is_zero() => Ok(Self { name, each, quota, window, interval }),
            _ => Err(RateLimitError::Quota(name)),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns each quota's holder.
    #[must_use]
    pub fn each(&self) -> Each {
        self.each
    }

    /// Returns the units per window.
    #[must_use]
    pub fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// Returns the window's length.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Returns one unit's time to come back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns how far ahead a caller can be.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.interval * self.quota.get()
    }

    /// Returns the caller's key or account.
    #[must_use]
    pub fn whose<'a>(&self, caller: &'a Identity) -> &'a str {
        match self.each {
            Each::Key => caller.id().as_str(),
            Each::Account => caller.account().as_str(),
        }
    }

    /// Returns the time in which `cost` comes back.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] above the quota.
    pub fn time_of(&self, cost: NonZeroU32) -> Result<Duration, Rejection> {
        if cost > self.quota { Err(self.too_dear(cost)) } else { Ok(self.interval * cost.get()) }
    }

    /// Converts a store's count to a verdict.
    ///
    /// It is how far ahead the caller is, in nanoseconds. Below zero, the call is refused, and may be retried after the absolute value.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] or [`Rejection::StoreUnavailable`].
    pub fn verdict(&self, counted: Result<i64, StoreError>) -> Result<RateLimit, Rejection> {
        let nanos = counted.map_err(|error| refused(&error, "count a call against its rate limit"))?;
        let time = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            return Err(self.exceeded(time));
        }
        let remaining = self.most().saturating_sub(time).as_nanos() / self.interval.as_nanos();
        Ok(self.left(u32::try_from(remaining).unwrap_or(u32::MAX)))
    }

    pub(crate) fn left(&self, remaining: u32) -> RateLimit {
        // Spent units come back evenly, so the missing share of the quota takes that share of the window.
        let missing = self.quota.get().saturating_sub(remaining);
        self.state(remaining, self.window * missing / self.quota.get())
    }

    pub(crate) fn too_dear(&self, cost: NonZeroU32) -> Rejection {
        tracing::error!(limit = %self.name, cost, quota = self.quota, "a call costs more than the quota of its rate limit, so it can never pass: raise the quota");
        self.exceeded(self.window)
    }

    pub(crate) fn exceeded(&self, retry_after: Duration) -> Rejection {
        Rejection::RateLimitExceeded(Box::new(self.state(0, retry_after)))
    }

    fn state(&self, remaining: u32, retry_after: Duration) -> RateLimit {
        let (name, quota, window) = (self.name.clone(), self.quota.get(), self.window);
        RateLimit { name, quota, window, remaining, retry_after }
    }
}
