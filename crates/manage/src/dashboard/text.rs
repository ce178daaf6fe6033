use std::time::Duration;

use keyward_core::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[derive(Clone)]
pub(super) struct When {
    pub(super) iso: String,
    pub(super) full: String,
    pub(super) near: String,
}

impl When {
    pub(super) fn at(at: Timestamp, now: Timestamp) -> Self {
        let iso = at.to_string();
        let (date, rest) = iso.split_at_checked(10).unwrap_or((&iso, ""));
        let time = rest.get(1..6).unwrap_or_default();
        let full = format!("{date} {time} UTC");
        let near = if at <= now {
            match span(now.saturating_since(at)) {
                None => "just now".to_owned(),
                Some(span) => format!("{span} ago"),
            }
        } else {
            span(at.saturating_since(now)).map_or_else(|| "in a moment".to_owned(), |span| format!("in {span}"))
        };
        Self { near, full, iso }
    }

    pub(super) fn maybe(at: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        at.map(|at| Self::at(at, now))
    }
}

pub(super) fn span(length: Duration) -> Option<String> {
    let seconds = length.as_secs();
    let (count, unit) = match seconds {
        0..MINUTE => return None,
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    Some(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
}

pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_readable() {
        for (plain, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(plain), text);
        }
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (at, near) in [
            ("2026-03-01T11:59:30Z", "just now"),
            ("2026-03-01T11:58:00Z", "2 minutes ago"),
            ("2026-02-28T11:00:00Z", "1 day ago"),
            ("2026-03-01T13:30:00Z", "in 1 hour"),
            ("2026-03-01T12:00:20Z", "in a moment"),
        ] {
            let when = When::at(at.parse().unwrap(), now);
            assert_eq!(when.near, near);
            assert!(when.full.ends_with(" UTC"), "{}", when.full);
        }
    }
}
