//! The time that the usage page shows.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::Timestamp;

use crate::dashboard::days;
use crate::dashboard::error::FormErrors;
use crate::dashboard::form::{self, Form};
use crate::dashboard::words;
use crate::service::{Days, UsageTotal};
use crate::store::{CountUnit, ModeCount};

const HOUR: i64 = 3_600 * 1_000;
const DAY: i64 = 24 * HOUR;

/// The most days of a free range.
const MOST_DAYS: i64 = 366;

/// A range that ends now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Preset {
    pub(super) days: u32,
    pub(super) label: &'static str,
    /// After "in".
    words: &'static str,
    unit: CountUnit,
    slots: i64,
}

const fn preset(days: u32, label: &'static str, words: &'static str, unit: CountUnit, slots: i64) -> Preset {
    Preset { days, label, words, unit, slots }
}

pub(super) static PRESETS: [Preset; 4] = [
    preset(1, words::shared::HOURS_24, words::usage::THE_LAST_24_HOURS, CountUnit::Hour, 24),
    preset(7, words::shared::DAYS_7, words::usage::THE_LAST_7_DAYS, CountUnit::Day, 7),
    preset(30, words::shared::DAYS_30, words::usage::THE_LAST_30_DAYS, CountUnit::Day, 30),
    preset(90, words::usage::DAYS_90, words::usage::THE_LAST_90_DAYS, CountUnit::Day, 90),
];

pub(super) struct Range {
    /// `None` for days that the reader chose.
    preset: Option<&'static Preset>,
    pub(super) unit: CountUnit,
    /// The first hour or day of the chart since 1970 (UTC).
    pub(super) first: i64,
    /// The last hour or day of the chart.
    pub(super) last: i64,
    /// Keys are counted by day: 24 hours are of yesterday and today.
    pub(super) days: Days,
    /// After "in".
    pub(super) words: String,
    pub(super) words_of_keys: String,
}

impl Range {
    /// Reads the fields `from`, `to` and `days`. A free range goes before a preset.
    pub(super) fn read(form: &Form, now: Timestamp) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        let (from, to) = days::read(form, &mut errors);
        let today = now.as_millis().div_euclid(DAY);
        let day = |at: Timestamp| at.as_millis().div_euclid(DAY);
        // Nothing is counted in the future, so a range such as this month ends today.
        let (from, to) = (from.map(day), to.map_or(today, |to| day(to).min(today)));
        match from {
            Some(from) if from > today => errors.note("from", words::usage::THE_FIRST_DAY_IS_IN_THE_FUTURE),
            Some(from) if to.saturating_sub(from) >= MOST_DAYS => {
                errors.note("from", words::usage::too_many_days(MOST_DAYS));
            }
            None if !form.get("to").trim().is_empty() => {
                errors.note("from", words::usage::THE_FIRST_DAY_IS_MISSING);
            }
            _ => {}
        }
        errors.none()?;
        Ok(match from {
            Some(from) => Self::of_days(Days { from, to }),
            None => Self::of_preset(form.get("days"), now),
        })
    }

    /// Returns the preset of this many days. Defaults to 30.
    pub(super) fn of_preset(days: &str, now: Timestamp) -> Self {
        let known = PRESETS.iter().find(|preset| preset.days.to_string() == days);
        let [_, _, default, _] = &PRESETS;
        let preset = known.unwrap_or(default);
        let last = now.as_millis().div_euclid(length(preset.unit));
        let today = now.as_millis().div_euclid(DAY);
        let is_day = preset.unit == CountUnit::Hour;
        Self {
            preset: Some(preset),
            unit: preset.unit,
            first: last.saturating_sub(preset.slots).saturating_add(1),
            last,
            days: Days { from: today.saturating_sub(i64::from(preset.days.max(2))).saturating_add(1), to: today },
            words: preset.words.to_owned(),
            words_of_keys: if is_day { words::usage::YESTERDAY_AND_TODAY_UTC } else { preset.words }.to_owned(),
        }
    }

    fn of_days(days: Days) -> Self {
        let words = words::usage::the_days(&date(days.from), &date(days.to));
        let (first, last) = (days.from, days.to);
        Self { preset: None, unit: CountUnit::Day, first, last, days, words_of_keys: words.clone(), words }
    }

    pub(super) fn is(&self, preset: &Preset) -> bool {
        self.preset == Some(preset)
    }

    /// The query that leads here.
    pub(super) fn query(&self) -> String {
        match self.preset {
            Some(preset) => form::query("days", &preset.days.to_string()),
            None => form::joined(&form::query("from", &date(self.days.from)), &form::query("to", &date(self.days.to))),
        }
    }

    /// The end of a file's name. The files of keys have whole days.
    pub(super) fn name_of_file(&self, by_day: bool, now: Timestamp) -> String {
        match self.preset {
            Some(preset) => {
                let days = if by_day { preset.days.max(2) } else { preset.days };
                format!("{days}d-{}", date(now.as_millis().div_euclid(DAY)))
            }
            None => format!("{}-to-{}", date(self.days.from), date(self.days.to)),
        }
    }

    /// Returns `true` if the time is in the range.
    pub(super) fn has(&self, at: Timestamp) -> bool {
        (self.first..=self.last).contains(&at.as_millis().div_euclid(length(self.unit)))
    }

    pub(super) fn total(&self, count: &ModeCount) -> UsageTotal {
        let day = Timestamp::from_millis(count.start.saturating_mul(length(self.unit)));
        UsageTotal { day, outcome: count.outcome.clone(), times: count.times }
    }
}

fn length(unit: CountUnit) -> i64 {
    match unit {
        CountUnit::Hour => HOUR,
        CountUnit::Day => DAY,
    }
}

fn date(day: i64) -> String {
    let text = Timestamp::from_millis(day.saturating_mul(DAY)).to_string();
    text.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_range_has_both_days_and_its_own_links() {
        let now: Timestamp = "2026-03-30T12:00:00Z".parse().unwrap();
        let read = |query: &str| match Range::read(&Form::parse(query.as_bytes()), now) {
            Ok(range) => Ok((range.query(), range.last - range.first + 1, range.name_of_file(true, now))),
            Err(errors) => Err(errors.fields().collect::<Vec<_>>()),
        };
        let found = |query: &str, slots, file: &str| Ok((query.to_owned(), slots, file.to_owned()));
        for (query, expected) in [
            ("", found("days=30", 30, "30d-2026-03-30")),
            ("days=1", found("days=1", 24, "2d-2026-03-30")),
            ("days=x&from=&to=", found("days=30", 30, "30d-2026-03-30")),
            (
                "days=7&from=2026-03-01&to=2026-03-03",
                found("from=2026-03-01&to=2026-03-03", 3, "2026-03-01-to-2026-03-03"),
            ),
            ("from=2026-03-29", found("from=2026-03-29&to=2026-03-30", 2, "2026-03-29-to-2026-03-30")),
            ("from=2026-03-30&to=2026-12-31", found("from=2026-03-30&to=2026-03-30", 1, "2026-03-30-to-2026-03-30")),
            ("from=2025-03-30&to=2026-03-30", found("from=2025-03-30&to=2026-03-30", 366, "2025-03-30-to-2026-03-30")),
            ("from=2025-03-29&to=2026-03-30", Err(vec!["from"])),
            ("from=2026-03-03&to=2026-03-01", Err(vec!["from"])),
            ("from=2026-03-31", Err(vec!["from"])),
            ("to=2026-03-01", Err(vec!["from"])),
            ("from=2026-02-30&to=soon", Err(vec!["from", "to"])),
            ("from=2026-03-01&to=soon", Err(vec!["to"])),
        ] {
            assert_eq!(read(query), expected, "{query}");
        }
    }
}
