//! The time that the usage page shows.

use keyward_core::Timestamp;

use crate::service::UsageTotal;
use crate::store::{CountUnit, ModeCount};

const HOUR: i64 = 3_600 * 1_000;

pub(super) struct Range {
    pub(super) days: u32,
    pub(super) label: &'static str,
    /// After "in".
    pub(super) words: &'static str,
    pub(super) unit: CountUnit,
    pub(super) slots: u32,
}

const fn range(days: u32, label: &'static str, words: &'static str, unit: CountUnit, slots: u32) -> Range {
    Range { days, label, words, unit, slots }
}

pub(super) const RANGES: [Range; 4] = [
    range(1, "24 hours", "the last 24 hours", CountUnit::Hour, 24),
    range(7, "7 days", "the last 7 days", CountUnit::Day, 7),
    range(30, "30 days", "the last 30 days", CountUnit::Day, 30),
    range(90, "90 days", "the last 90 days", CountUnit::Day, 90),
];

static DEFAULT: &Range = &RANGES[2];

impl Range {
    pub(super) fn read(days: &str) -> &'static Self {
        static ALL: [Range; 4] = RANGES;
        ALL.iter().find(|range| range.days.to_string() == days).unwrap_or(DEFAULT)
    }

    /// Keys are counted by day: 24 hours are of yesterday and today.
    pub(super) fn days_of_keys(&self) -> u32 {
        self.days.max(2)
    }

    pub(super) fn words_of_keys(&self) -> &'static str {
        if self.days == 1 { "yesterday and today (UTC)" } else { self.words }
    }

    pub(super) fn total(&self, count: &ModeCount) -> UsageTotal {
        let length = match self.unit {
            CountUnit::Hour => HOUR,
            CountUnit::Day => 24 * HOUR,
        };
        let day = Timestamp::from_millis(count.start.saturating_mul(length));
        UsageTotal { day, outcome: count.outcome.clone(), times: count.times }
    }
}
