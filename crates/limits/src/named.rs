//! Definitions of limits, checked once, whether a process or a store counts them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::failure::refused;

/// The owner of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Each key has a quota.
    Key,
    /// All keys of an account share a quota.
    Account,
}

/// Why limits are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// A name is not 1 to 32 of `a-z A-Z 0-9 _ -`.
    #[error("invalid name {0:?} of a rate limit: expected 1 to 32 letters, digits, '_' or '-'")]
    Name(SmolStr),
    /// Two limits have the same name.
    #[error("several rate limits have the name {0:?}: choose different names")]
    Twice(SmolStr),
    /// A quota is zero, or its window is not 1 second to 24 hours.
    #[error("invalid rate limit {0:?}: expected a quota of at least 1 and a window of 1 s to 24 h in whole seconds")]
    Quota(SmolStr),
}

/// A builder of [`RateLimits`](crate::RateLimits), which this process counts, or of [`NamedLimits`] for a store.
#[derive(Debug, Default)]
#[must_use = "call build() or named() to get the limits"]
pub struct RateLimitsBuilder(Vec<(SmolStr, Each, u32, Duration)>);

impl RateLimitsBuilder {
    /// Adds a limit: each key or account may spend `quota` in any window of this length.
    pub fn limit(mut self, name: impl Into<SmolStr>, each: Each, quota: u32, window: Duration) -> Self {
        self.0.push((name.into(), each, quota, window));
        self
    }

    /// Returns the limits, for a store that counts them.
    ///
    /// # Errors
    /// [`RateLimitError`] if a name, a quota or a window is invalid.
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

/// Valid limits with names. Clones share them.
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
    /// Returns the limit with this name.
    ///
    /// # Errors
    /// [`Rejection::NotConfigured`] if there is no such limit.
    pub fn get(&self, name: &str) -> Result<&NamedLimit, Rejection> {
        self.0.iter().find(|known| known.name == name).ok_or_else(|| unknown(name))
    }

    /// Returns all limits in the order of their definition.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLimit> {
        self.0.iter()
    }
}

/// Returns the rejection of an undefined limit, and logs the mistake.
pub(crate) fn unknown(name: &str) -> Rejection {
    tracing::error!(limit = name, "no rate limit has this name: define it in the service");
    Rejection::NotConfigured
}

/// A limit with a name, and the parameters of the generic cell rate algorithm that counts it.
///
/// A caller is *ahead* by the time after which everything that it spent has come back, at first zero. A call moves it
/// ahead by [its cost](Self::time_of), and is refused if that exceeds the [maximum](Self::most). Time moves it back.
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
/// // The caller is ahead by 15 seconds, with this call.
/// assert_eq!(limit.verdict(Ok(15_000_000_000)).unwrap().remaining, 45);
/// // The call is to be made in 2 seconds again.
/// assert_eq!(limit.verdict(Ok(-2_000_000_000)).unwrap_err().code(), "RATE_LIMIT_EXCEEDED");
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamedLimit {
    name: SmolStr,
    each: Each,
    quota: NonZeroU32,
    window: Duration,
    /// The time in which one unit comes back: above zero, in whole nanoseconds.
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

    /// Returns the owner of each quota.
    #[must_use]
    pub fn each(&self) -> Each {
        self.each
    }

    /// Returns the units that may be spent in a window.
    #[must_use]
    pub fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// Returns the length of the window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Returns the time in which one unit comes back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns how far ahead a caller can be: the time in which a whole quota comes back.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.interval * self.quota.get()
    }

    /// Returns the id of the key or the account whose quota this caller spends.
    #[must_use]
    pub fn whose<'a>(&self, caller: &'a Identity) -> &'a str {
        match self.each {
            Each::Key => caller.id().as_str(),
            Each::Account => caller.account().as_str(),
        }
    }

    /// Returns the time in which `cost` units come back.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] if `cost` exceeds the quota.
    pub fn time_of(&self, cost: NonZeroU32) -> Result<Duration, Rejection> {
        if cost > self.quota { Err(self.too_dear(cost)) } else { Ok(self.interval * cost.get()) }
    }

    /// Converts the count of a store, in nanoseconds, into a verdict.
    ///
    /// A count of zero or more is how far ahead the caller is now. A negative count refuses the call, which can be
    /// retried after that time.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] if the call is refused; [`Rejection::StoreUnavailable`] if the store did not
    /// answer.
    pub fn verdict(&self, counted: Result<i64, StoreError>) -> Result<RateLimit, Rejection> {
        let nanos = counted.map_err(|error| refused(&error, "counting a rate failed"))?;
        let time = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            return Err(self.exceeded(time));
        }
        let remaining = self.most().saturating_sub(time).as_nanos() / self.interval.as_nanos();
        Ok(self.left(u32::try_from(remaining).unwrap_or(u32::MAX)))
    }

    /// Returns the state with `remaining` units left.
    pub(crate) fn left(&self, remaining: u32) -> RateLimit {
        // Spent units come back evenly. This is the time until all of them have.
        let missing = self.quota.get().saturating_sub(remaining);
        self.state(remaining, self.window * missing / self.quota.get())
    }

    /// Returns the rejection of a cost that exceeds the quota, and logs the mistake.
    pub(crate) fn too_dear(&self, cost: NonZeroU32) -> Rejection {
        tracing::error!(limit = %self.name, cost, "a call costs more than the quota of its rate limit: raise the quota or lower the cost");
        self.exceeded(self.window)
    }

    /// Returns the rejection of a call that costs more than is left.
    pub(crate) fn exceeded(&self, retry_after: Duration) -> Rejection {
        Rejection::RateLimitExceeded(Box::new(self.state(0, retry_after)))
    }

    fn state(&self, remaining: u32, retry_after: Duration) -> RateLimit {
        let (name, quota, window) = (self.name.clone(), self.quota.get(), self.window);
        RateLimit { name, quota, window, remaining, retry_after }
    }
}
