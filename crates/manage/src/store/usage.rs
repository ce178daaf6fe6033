use keyward_core::Mode;

/// Events of a key within an hour, to add.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewCount {
    /// The key's account.
    pub account: String,
    /// The key.
    pub key: String,
    /// The hour since 1970 (UTC).
    pub hour: i64,
    /// The key's mode.
    pub mode: Mode,
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

/// Events of a key on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The key's account.
    pub account: String,
    /// The key.
    pub key: String,
    /// The day since 1970 (UTC).
    pub day: i64,
    /// The outcome: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// The number of events.
    pub times: u64,
}

/// The most scopes that a store counts for a key on a day. Further ones count as [`OTHER_SCOPES`].
///
/// A service requires few. A caller of `/v1/verify` may name any.
pub const MOST_SCOPES: usize = 64;

/// The most scopes that a store counts for an account on a day.
pub const MOST_SCOPES_OF_ACCOUNT: usize = 256;

/// The name of the scopes beyond [`MOST_SCOPES`]. It is no scope.
pub const OTHER_SCOPES: &str = "other";

/// Checks of a key for a scope on a day, to add.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewScopeCount {
    /// The key's account.
    pub account: String,
    /// The key. Empty to add to the sum of the account only.
    pub key: String,
    /// The day since 1970 (UTC).
    pub day: i64,
    /// The required scope, or [`OTHER_SCOPES`].
    pub scope: String,
    /// The outcome: `accepted` or `insufficient_scope`.
    pub outcome: String,
    /// The number of requests.
    pub times: u64,
    /// `true` if the provider's catalogue or the key names the scope. A caller of `/v1/verify` may name any.
    pub is_listed: bool,
}

/// Checks of a key for a scope on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeCount {
    /// The key's account.
    pub account: String,
    /// The key. Empty for the sum of an account's keys.
    pub key: String,
    /// The day since 1970 (UTC).
    pub day: i64,
    /// The required scope, or [`OTHER_SCOPES`].
    pub scope: String,
    /// The outcome: `accepted` or `insufficient_scope`.
    pub outcome: String,
    /// The number of requests.
    pub times: u64,
}

/// The unit of a list of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountUnit {
    /// Hours since 1970 (UTC). The store keeps them for at least a day.
    Hour,
    /// Days since 1970 (UTC).
    Day,
}

impl CountUnit {
    /// Returns the name in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// Events of an account's keys of one mode in an hour or on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeCount {
    /// The hour or day since 1970 (UTC).
    pub start: i64,
    /// The mode of the keys.
    pub mode: Mode,
    /// The outcome: `accepted`, or the reason of a rejection.
    pub outcome: String,
    /// The number of events.
    pub times: u64,
}

/// A removal keeps the store's lock for this many rows.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const SCOPES_AT_ONCE: i64 = 5_000;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn oldest_hour(before: keyward_core::Timestamp) -> i64 {
    before.as_millis().div_euclid(3_600_000) - 24
}
