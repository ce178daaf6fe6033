//! Counts of how keys were used.

use keyward_core::Timestamp;

/// A number of events of a key within an hour, to add to the stored counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewCount {
    /// The key's account.
    pub account: String,
    /// The key.
    pub key: String,
    /// The hour, counted from 1 January 1970 (UTC).
    pub hour: i64,
    /// The outcome: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// The number of events.
    pub times: u64,
}

impl NewCount {
    /// Returns the day of the hour.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.hour.div_euclid(24)
    }
}

/// The number of events of a key on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The key's account.
    pub account: String,
    /// The key.
    pub key: String,
    /// The day, counted from 1 January 1970 (UTC).
    pub day: i64,
    /// The outcome: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// The number of events.
    pub times: u64,
}

/// Returns the oldest hour that a sweep at `before` keeps.
pub(super) fn oldest_hour(before: Timestamp) -> i64 {
    before.as_millis().div_euclid(3_600_000) - 24
}
