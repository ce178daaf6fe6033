use std::time::Duration;

use http::HeaderValue;
use smol_str::SmolStr;

/// An exhausted rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit's name.
    pub name: SmolStr,
    /// The units per window.
    pub quota: u32,
    /// The window's length.
    pub window: Duration,
    /// The units left.
    pub remaining: u32,
    /// The time until it can succeed.
    pub retry_after: Duration,
}

/// A budget of credits, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The credits of one period.
    pub credits: u64,
    /// The credits left.
    pub remaining: u64,
    /// The period's length, or `None` if the budget is never refilled.
    pub period: Option<Duration>,
    /// The time until the refill, if any.
    pub resets_in: Option<Duration>,
}

impl RateLimit {
    /// Returns `Retry-After` in seconds, rounded up.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        whole_seconds(self.retry_after)
    }

    /// Returns `RateLimit-Policy`, such as `"default";q=100;w=60` (draft-ietf-httpapi-ratelimit-headers-10).
    #[must_use]
    pub fn policy_field(&self) -> HeaderValue {
        field(format!("\"{}\";q={};w={}", self.name, self.quota, self.window.as_secs()))
    }

    /// Returns `RateLimit`, such as `"default";r=50;t=30`.
    #[must_use]
    pub fn state_field(&self) -> HeaderValue {
        field(format!("\"{}\";r={};t={}", self.name, self.remaining, self.retry_after_seconds()))
    }
}

impl Budget {
    /// Returns the seconds until the refill, rounded up, if any.
    #[must_use]
    pub fn resets_in_seconds(&self) -> Option<u64> {
        self.resets_in.map(whole_seconds)
    }

    /// Returns the item of `RateLimit-Policy`, such as `"credits";q=10000;w=86400`.
    #[must_use]
    pub fn policy_field(&self) -> HeaderValue {
        let window = self.period.map(|period| format!(";w={}", period.as_secs())).unwrap_or_default();
        field(format!("\"credits\";q={}{window}", self.credits))
    }

    /// Returns the item of `RateLimit`, such as `"credits";r=9000;t=3600`.
    #[must_use]
    pub fn state_field(&self) -> HeaderValue {
        let reset = self.resets_in_seconds().map(|seconds| format!(";t={seconds}")).unwrap_or_default();
        field(format!("\"credits\";r={}{reset}", self.remaining))
    }
}

fn field(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"limit\""))
}

/// Rounds up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
