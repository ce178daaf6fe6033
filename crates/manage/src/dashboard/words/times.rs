//! Times and spans.

use std::time::Duration;

use super::numbers::plural;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(in crate::dashboard) fn in_utc(date: &str, time: &str) -> String {
    format!("{date} {time} UTC")
}

pub(in crate::dashboard) fn ago(length: Duration) -> String {
    span(length).map_or_else(|| "just now".to_owned(), |span| format!("{span} ago"))
}

pub(in crate::dashboard) fn ahead(length: Duration) -> String {
    rounded(length).map_or_else(|| "in a moment".to_owned(), |span| format!("in {span}"))
}

/// The nearest unit: what is chosen as 30 days is not shown as 29 a second later.
fn rounded(length: Duration) -> Option<String> {
    let seconds = length.as_secs();
    let nearest = |unit: u64| (seconds + (unit - 1) / 2) / unit * unit;
    let seconds = match seconds {
        0..MINUTE => seconds,
        _ if nearest(MINUTE) < HOUR => nearest(MINUTE),
        _ if nearest(HOUR) < DAY => nearest(HOUR).max(HOUR),
        _ => nearest(DAY).max(DAY),
    };
    span(Duration::from_secs(seconds))
}

pub(in crate::dashboard) fn seconds(count: u64) -> String {
    let count = count.to_string();
    format!("{count} {}", plural(&count, "second", "seconds"))
}

/// Returns `None` for less than a minute.
pub(in crate::dashboard) fn span(length: Duration) -> Option<String> {
    let seconds = length.as_secs();
    let (count, one, many) = match seconds {
        0..MINUTE => return None,
        MINUTE..HOUR => (seconds / MINUTE, "minute", "minutes"),
        HOUR..DAY => (seconds / HOUR, "hour", "hours"),
        _ => (seconds / DAY, "day", "days"),
    };
    let count = count.to_string();
    Some(format!("{count} {}", plural(&count, one, many)))
}
