//! The time that the usage page shows.

use keyward_core::Timestamp;

use crate::dashboard::words;
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
    range(1, words::shared::HOURS_24, words::usage::THE_LAST_24_HOURS, CountUnit::Hour, 24),
    range(7, words::shared::DAYS_7, words::usage::THE_LAST_7_DAYS, CountUnit::Day, 7),
    range(30, words::shared::DAYS_30, words::usage::THE_LAST_30_DAYS, CountUnit::Day, 30),
    range(90, words::usage::DAYS_90, words::usage::THE_LAST_90_DAYS, CountUnit::Day, 90),
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
        if self.days == 1 { words::usage::YESTERDAY_AND_TODAY_UTC } else { self.words }
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
