use keyward_core::Timestamp;

use super::words;
pub(super) use super::words::numbers::number;
pub(super) use super::words::times::span;

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
        let full = words::times::in_utc(date, time);
        let near = if at <= now {
            words::times::ago(now.saturating_since(at))
        } else {
            words::times::ahead(at.saturating_since(now))
        };
        Self { near, full, iso }
    }

    pub(super) fn maybe(at: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        at.map(|at| Self::at(at, now))
    }
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
            ("2026-03-31T11:59:59Z", "in 30 days"),
            ("2026-03-08T11:59:30Z", "in 7 days"),
            ("2026-03-01T12:59:50Z", "in 1 hour"),
            ("2026-03-02T11:50:00Z", "in 1 day"),
            ("2026-03-03T00:30:00Z", "in 2 days"),
            ("2026-03-01T12:00:20Z", "in a moment"),
        ] {
            let when = When::at(at.parse().unwrap(), now);
            assert_eq!(when.near, near);
            assert!(when.full.ends_with(" UTC"), "{}", when.full);
        }
    }
}
