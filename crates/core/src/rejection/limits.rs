use std::io::Write;
use std::time::Duration;

use http::HeaderValue;
use smol_str::SmolStr;

use self::Part::{Number, Text};

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
        let (quota, window) = (self.quota.into(), self.window.as_secs());
        field(&[Text("\""), Text(&self.name), Text("\";q="), Number(quota), Text(";w="), Number(window)])
    }

    /// Returns `RateLimit`, such as `"default";r=50;t=30`.
    #[must_use]
    pub fn state_field(&self) -> HeaderValue {
        let (remaining, reset) = (self.remaining.into(), self.retry_after_seconds());
        field(&[Text("\""), Text(&self.name), Text("\";r="), Number(remaining), Text(";t="), Number(reset)])
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
        let credits = [Text("\"credits\";q="), Number(self.credits)];
        with_time(credits, ";w=", self.period.map(|period| period.as_secs()))
    }

    /// Returns the item of `RateLimit`, such as `"credits";r=9000;t=3600`.
    #[must_use]
    pub fn state_field(&self) -> HeaderValue {
        let remaining = [Text("\"credits\";r="), Number(self.remaining)];
        with_time(remaining, ";t=", self.resets_in_seconds())
    }
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Number(u64),
}

fn with_time([text, number]: [Part<'_>; 2], label: &str, seconds: Option<u64>) -> HeaderValue {
    match seconds {
        Some(seconds) => field(&[text, number, Text(label), Number(seconds)]),
        None => field(&[text, number]),
    }
}

/// Writes each response's fields, so it avoids `format!`, which is several times slower. Names of limits have at most 32 characters.
fn field(parts: &[Part<'_>]) -> HeaderValue {
    const LONGEST: usize = 128;
    let mut buffer = [0; LONGEST];
    let mut rest = buffer.as_mut_slice();
    let mut digits = itoa::Buffer::new();
    let fits = parts.iter().all(|part| {
        let text = match *part {
            Text(text) => text,
            Number(number) => digits.format(number),
        };
        rest.write_all(text.as_bytes()).is_ok()
    });
    let length = LONGEST - rest.len();
    let written = buffer.get(..length).filter(|_| fits).and_then(|text| HeaderValue::from_bytes(text).ok());
    written.unwrap_or_else(|| HeaderValue::from_static("\"limit\""))
}

/// Rounds up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_state_every_number() {
        let window = Duration::from_secs(86_400);
        for (name, quota, remaining, retry_after, policy, state) in [
            ("default", 100, 7, Duration::from_millis(1_001), r#""default";q=100;w=86400"#, r#""default";r=7;t=2"#),
            ("a", u32::MAX, 0, Duration::ZERO, r#""a";q=4294967295;w=86400"#, r#""a";r=0;t=0"#),
            ("ä", 1, 1, window, "\"ä\";q=1;w=86400", "\"ä\";r=1;t=86400"),
            (&"x".repeat(200), 1, 1, window, "\"limit\"", "\"limit\""),
        ] {
            let limit = RateLimit { name: name.into(), quota, window, remaining, retry_after };
            assert_eq!(limit.policy_field().as_bytes(), policy.as_bytes());
            assert_eq!(limit.state_field().as_bytes(), state.as_bytes());
        }
        for (period, resets_in, policy, state) in [
            (None, None, r#""credits";q=18446744073709551615"#, r#""credits";r=9"#),
            (Some(window), Some(window), r#""credits";q=18446744073709551615;w=86400"#, r#""credits";r=9;t=86400"#),
        ] {
            let budget = Budget { credits: u64::MAX, remaining: 9, period, resets_in };
            assert_eq!(
                (budget.policy_field(), budget.state_field()),
                (policy.parse().unwrap(), state.parse().unwrap())
            );
        }
    }
}
