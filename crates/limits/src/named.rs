//! Limits as they are defined: checked once, whoever counts them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::rejection::RateLimit;
use keyward_core::store::StoreError;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::failure::refused;

/// Whom a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Each key has a quota of its own.
    Key,
    /// All keys of an account share one.
    Account,
}

/// Why limits cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// A name is not 1 to 32 of `a-z A-Z 0-9 _ -`.
    #[error("the name {0:?} of a rate limit has to be 1 to 32 letters, digits, '_' or '-'")]
    Name(SmolStr),
    /// Two limits have one name.
    #[error("there are two rate limits with the name {0:?}")]
    Twice(SmolStr),
    /// A quota is zero, or its window is not 1 second to 24 hours.
    #[error("the rate limit {0:?} needs a quota of at least 1, and a window of 1 s to 24 h in whole seconds")]
    Quota(SmolStr),
}

/// Puts limits together: [`RateLimits`](crate::RateLimits) that this process counts, or [`NamedLimits`] for a store that does.
#[derive(Debug, Default)]
#[must_use = "nothing is built before build() or named()"]
pub struct RateLimitsBuilder(Vec<(SmolStr, Each, u32, Duration)>);

impl RateLimitsBuilder {
    /// A limit with this name: each key or account may spend so much in any window of this length.
    pub fn limit(mut self, name: impl Into<SmolStr>, each: Each, quota: u32, window: Duration) -> Self {
        self.0.push((name.into(), each, quota, window));
        self
    }

    /// The limits, for who counts them elsewhere than in this process.
    ///
    /// # Errors
    /// [`RateLimitError`] if a name or a quota cannot be.
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

/// Limits with names, checked. Clones share them.
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
    /// The limit with this name.
    ///
    /// # Errors
    /// [`Rejection::NotConfigured`] if there is none.
    pub fn get(&self, name: &str) -> Result<&NamedLimit, Rejection> {
        self.0.iter().find(|known| known.name == name).ok_or_else(|| unknown(name))
    }

    /// All of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLimit> {
        self.0.iter()
    }
}

/// A service asks for a limit that it has not defined.
pub(crate) fn unknown(name: &str) -> Rejection {
    tracing::error!(limit = name, "there is no rate limit with this name");
    Rejection::NotConfigured
}

/// A limit with a name, and what whoever counts it has to know of the generic cell rate algorithm.
///
/// A caller is *ahead* by the time after which all that was spent has come back: by nothing at first. A call moves it
/// [ahead by its cost](Self::time_of), and is refused if that were more than the [window](Self::most). Time takes it back.
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
    /// In which one comes back: above zero, and in whole nanoseconds.
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

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Whom it is for.
    #[must_use]
    pub fn each(&self) -> Each {
        self.each
    }

    /// What may be spent in a window.
    #[must_use]
    pub fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// The window's length.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// The time in which one that was spent comes back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How far ahead a caller can be: the time in which a whole quota comes back.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.interval * self.quota.get()
    }

    /// Whose quota this caller spends: the id of its key or of its account.
    #[must_use]
    pub fn whose<'a>(&self, caller: &'a Identity) -> &'a str {
        match self.each {
            Each::Key => caller.id().as_str(),
            Each::Account => caller.account().as_str(),
        }
    }

    /// The time in which so much comes back.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] if it is more than there ever is.
    pub fn time_of(&self, cost: NonZeroU32) -> Result<Duration, Rejection> {
        if cost > self.quota { Err(self.too_dear(cost)) } else { Ok(self.interval * cost.get()) }
    }

    /// What a store's count means, in nanoseconds: how far ahead the caller is now; or if it is below zero, the call is refused, and to be
    /// made again so much later.
    ///
    /// # Errors
    /// [`Rejection::RateLimitExceeded`] if the call is refused, [`Rejection::StoreUnavailable`] if the store did not answer.
    pub fn verdict(&self, counted: Result<i64, StoreError>) -> Result<RateLimit, Rejection> {
        let nanos = counted.map_err(|error| refused(&error, "no rate is counted"))?;
        let time = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            return Err(self.exceeded(time));
        }
        let remaining = self.most().saturating_sub(time).as_nanos() / self.interval.as_nanos();
        Ok(self.left(u32::try_from(remaining).unwrap_or(u32::MAX)))
    }

    /// So much is left.
    pub(crate) fn left(&self, remaining: u32) -> RateLimit {
        // What is spent comes back evenly: until all of it has.
        let missing = self.quota.get().saturating_sub(remaining);
        self.state(remaining, self.window * missing / self.quota.get())
    }

    /// There is never as much.
    pub(crate) fn too_dear(&self, cost: NonZeroU32) -> Rejection {
        tracing::error!(limit = %self.name, cost, "a call costs more than the rate limit ever has");
        self.exceeded(self.window)
    }

    /// Less is left than the call costs.
    pub(crate) fn exceeded(&self, retry_after: Duration) -> Rejection {
        Rejection::RateLimitExceeded(Box::new(self.state(0, retry_after)))
    }

    fn state(&self, remaining: u32, retry_after: Duration) -> RateLimit {
        let (name, quota, window) = (self.name.clone(), self.quota.get(), self.window);
        RateLimit { name, quota, window, remaining, retry_after }
    }
}
