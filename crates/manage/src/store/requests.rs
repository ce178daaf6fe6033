/// The most requests that are kept of a key.
pub(crate) const MOST_REQUESTS: usize = 200;

/// How long requests are kept, in milliseconds: 30 days.
pub(crate) const REQUEST_RETENTION: i64 = 30 * DAY;

const DAY: i64 = 24 * 3_600 * 1_000;

/// A request with a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestEntry {
    /// The key.
    pub key: String,
    /// The time, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// Tells requests of a key at the same time apart.
    pub number: i64,
    /// The key's account.
    pub account: String,
    /// The method, if it is known.
    pub method: Option<String>,
    /// The pattern of the route, if it is known.
    pub route: Option<String>,
    /// The client's network, if it is known.
    pub network: Option<String>,
    /// The outcome: `OK`, or the code of a rejection.
    pub outcome: String,
    /// The scopes that the key lacked, if any: with a space between, or with `|` if one is enough.
    pub missing: Option<String>,
}

/// Which requests of a key to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPage {
    /// Only requests at this time or later, in milliseconds since 1970 (UTC).
    pub since: i64,
    /// Only requests before this time and number.
    pub after: Option<(i64, i64)>,
    /// The most requests.
    pub limit: usize,
}

/// [`Management::maintain`](crate::Management::maintain) sweeps what expired a day ago.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn oldest_request(before: keyward_core::Timestamp) -> i64 {
    before.as_millis() - (REQUEST_RETENTION - DAY)
}
