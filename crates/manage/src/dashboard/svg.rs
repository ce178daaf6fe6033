//! Charts as SVG, styled by attributes only, as the CSP requires.

use std::collections::{BTreeMap, HashMap};

use keyward_core::{CredentialId, Timestamp};

use super::text::{When, number};
use super::words;
use crate::service::{UsageDay, UsageTotal};
use crate::store::CountUnit;

const HOUR: i64 = 3_600 * 1_000;
const DAY: i64 = 24 * HOUR;

pub(super) const SPARK_DAYS: u32 = 30;
const SPARK_HEIGHT: u64 = 22;
const SHARE_WIDTH: u64 = 160;

pub(super) struct Bar {
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) class: String,
    pub(super) pattern: Option<&'static str>,
}

pub(super) struct Spark {
    /// Each with its place.
    pub(super) bars: Vec<(u64, Bar)>,
    pub(super) label: String,
}

pub(super) fn sparks(days: &[UsageDay], now: Timestamp) -> HashMap<CredentialId, Spark> {
    let first = now.as_millis() / DAY - i64::from(SPARK_DAYS) + 1;
    let mut counts: HashMap<&CredentialId, Vec<(u64, u64)>> = HashMap::new();
    for day in days {
        let days = counts.entry(&day.key).or_insert_with(|| vec![(0, 0); SPARK_DAYS as usize]);
        let place = usize::try_from(day.day.as_millis() / DAY - first).ok();
        if let Some((accepted, refused)) = place.and_then(|place| days.get_mut(place)) {
            *(if day.outcome == "accepted" { accepted } else { refused }) += day.times;
        }
    }
    counts.into_iter().map(|(key, days)| (key.clone(), spark(&days))).collect()
}

fn spark(days: &[(u64, u64)]) -> Spark {
    let most = days.iter().map(|(accepted, refused)| accepted + refused).max().unwrap_or(0).max(1);
    let mut bars = Vec::new();
    for (x, (accepted, refused)) in (0..).step_by(4).zip(days) {
        let mut top = SPARK_HEIGHT;
        for (times, class, pattern) in [(*accepted, "accepted", None), (*refused, "refused", Some(HATCH))] {
            // A single request is visible.
            let height = if times == 0 { 0 } else { (times.saturating_mul(SPARK_HEIGHT) / most).max(1).min(top) };
            if height > 0 {
                top -= height;
                bars.push((x, Bar { y: top, height, class: class.to_owned(), pattern }));
            }
        }
    }
    let accepted: u64 = days.iter().map(|(accepted, _)| accepted).sum();
    let refused: u64 = days.iter().map(|(_, refused)| refused).sum();
    Spark { bars, label: words::charts::spark(&number(accepted), &number(refused)) }
}

/// The requests of a row in a table, beside those of the row with the most.
pub(super) struct Share {
    pub(super) bars: Vec<ShareBar>,
    pub(super) label: String,
}

pub(super) struct ShareBar {
    pub(super) x: u64,
    pub(super) width: u64,
    pub(super) class: &'static str,
    pub(super) pattern: Option<&'static str>,
}

pub(super) fn share(accepted: u64, refused: u64, most: u64) -> Share {
    let (mut bars, mut end) = (Vec::new(), 0);
    for (times, class, pattern) in [(accepted, "accepted", None), (refused, "refused", Some(HATCH))] {
        let width = u128::from(times) * u128::from(SHARE_WIDTH) / u128::from(most.max(1));
        // A single request is visible.
        let width = u64::try_from(width).unwrap_or(SHARE_WIDTH).clamp(1, SHARE_WIDTH);
        if times > 0 {
            // Both fit, also if one of them is widened.
            let x = end.min(SHARE_WIDTH - width);
            bars.push(ShareBar { x, width, class, pattern });
            end = x + width;
        }
    }
    Share { bars, label: words::charts::share(&number(accepted), &number(refused)) }
}

pub(super) struct Rule {
    pub(super) y: u64,
    pub(super) label: String,
}

/// An hour or a day of a chart. Places are in percent of the width, heights in pixels, so that texts have the same size everywhere.
pub(super) struct Slot {
    pub(super) label: String,
    /// The beginning of an hour, which a script shows in the reader's time zone.
    pub(super) hour: Option<When>,
    pub(super) tick: Option<Tick>,
    pub(super) x: String,
    pub(super) parts: Vec<Bar>,
    pub(super) times: Vec<String>,
    pub(super) title: String,
    pub(super) tip: Vec<String>,
    /// The text is on the side where it hides fewer bars.
    pub(super) is_right: bool,
    /// The slot is not over.
    pub(super) is_partial: bool,
}

/// The name of a slot below the chart.
pub(super) struct Tick {
    pub(super) text: String,
    pub(super) x: String,
    /// A phone has no place for it.
    pub(super) is_minor: bool,
}

pub(super) struct Legend {
    pub(super) outcome: String,
    pub(super) words: String,
    pub(super) meaning: &'static str,
    pub(super) class: String,
    pub(super) pattern: Option<&'static str>,
    pub(super) times: u64,
    pub(super) total: String,
}

pub(super) struct Chart {
    pub(super) height: u64,
    pub(super) bar: String,
    pub(super) rules: Vec<Rule>,
    pub(super) slots: Vec<Slot>,
    pub(super) legend: Vec<Legend>,
    pub(super) total: u64,
    pub(super) unit: &'static str,
    /// The title of the slots in a table.
    pub(super) column: &'static str,
}

const CHART_HEIGHT: u64 = 200;
/// The width of a bar, in percent of its slot.
const BAR: u64 = 82;

const HATCH: &str = "url(#p0)";
/// So that no outcome depends on its colour alone. The classes `refused-0` and `refused-1` never meet.
const PATTERNS: [&str; 7] = ["url(#p1)", "url(#p1)", "url(#p2)", "url(#p3)", "url(#p4)", "url(#p5)", "url(#p6)"];

/// From the hour or day `first` to `last` since 1970 (UTC), with both ends.
pub(super) fn chart(usage: &[UsageTotal], unit: CountUnit, first: i64, last: i64, now: Timestamp) -> Chart {
    let (length, unit_name, now_name, column) = match unit {
        CountUnit::Hour => (HOUR, words::charts::HOUR, words::charts::THIS_HOUR, words::charts::HOUR_COLUMN),
        CountUnit::Day => (DAY, words::charts::DAY, words::charts::TODAY, words::charts::DAY_UTC),
    };
    let slots = u64::try_from(last - first + 1).unwrap_or(1);
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_slot: HashMap<(i64, &str), u64> = HashMap::new();
    for one in usage {
        *totals.entry(&one.outcome).or_default() += one.times;
        *by_slot.entry((one.day.as_millis() / length, &one.outcome)).or_default() += one.times;
    }
    let mut outcomes: Vec<(&str, u64)> = totals.into_iter().collect();
    // Accepted requests are at the bottom, then the refusals, the most frequent first.
    outcomes.sort_by_key(|(outcome, times)| (*outcome != "accepted", u64::MAX - times));
    let class = |place: usize, outcome: &str| {
        if outcome == "accepted" { "accepted".to_owned() } else { format!("refused-{}", place.min(6)) }
    };
    let pattern = |place: usize, outcome: &str| {
        if outcome == "accepted" { None } else { PATTERNS.get(place.min(6)).copied() }
    };
    let most_of = |slot| outcomes.iter().map(|(outcome, _)| by_slot.get(&(slot, *outcome)).copied().unwrap_or(0)).sum();
    let most = round_up((first..=last).map(most_of).max().unwrap_or(0_u64).max(1));
    let whole = 100 * slots;
    let drawn = (first..=last).zip(0_u64..).map(|(slot, place)| {
        let start = When::at(Timestamp::from_millis(slot * length), now);
        let date = start.iso.get(..10).unwrap_or_default();
        let (label, short) = match unit {
            CountUnit::Hour => (start.full.clone(), start.iso.get(11..16).unwrap_or_default()),
            CountUnit::Day => (date.to_owned(), date.get(5..).unwrap_or_default()),
        };
        let short = short.to_owned();
        let (mut top, mut parts, mut times, mut words) = (CHART_HEIGHT, Vec::new(), Vec::new(), Vec::new());
        for (place, (outcome, _)) in outcomes.iter().enumerate() {
            let count = by_slot.get(&(slot, *outcome)).copied().unwrap_or(0);
            times.push(number(count));
            if count > 0 {
                let height = (count.saturating_mul(CHART_HEIGHT) / most).max(1).min(top);
                top -= height;
                let pattern = pattern(place, outcome);
                parts.push(Bar { y: top, height, class: class(place, outcome), pattern });
                words.push(format!("{} {}", number(count), outcome.replace('_', " ")));
            }
        }
        let is_partial = slot == now.as_millis() / length;
        let label = if is_partial { words::charts::so_far(&label) } else { label };
        if words.is_empty() {
            words.push(words::charts::NONE.to_owned());
        }
        let title = format!("{label}: {}", words.join(", "));
        words.insert(0, label.clone());
        let every = tick_every(unit, slots);
        let tick = ((last - slot) % every == 0).then(|| Tick {
            text: if is_partial { now_name.to_owned() } else { short },
            x: percent(100 * place + BAR / 2, whole),
            is_minor: (last - slot) / every % 2 == 1,
        });
        Slot {
            hour: (unit == CountUnit::Hour).then_some(start),
            tick,
            x: percent(100 * place, whole),
            parts,
            times,
            title,
            tip: words,
            is_right: 200 * place > whole,
            is_partial,
            label,
        }
    });
    Chart {
        height: CHART_HEIGHT,
        bar: percent(BAR, whole),
        rules: [0, most / 2, most]
            .into_iter()
            .map(|times| Rule { y: CHART_HEIGHT - times * CHART_HEIGHT / most, label: words::charts::short(times) })
            .collect(),
        slots: drawn.collect(),
        total: outcomes.iter().map(|(_, times)| times).sum(),
        unit: unit_name,
        column,
        legend: outcomes
            .iter()
            .enumerate()
            .map(|(place, (outcome, times))| Legend {
                outcome: (*outcome).to_owned(),
                words: outcome.replace('_', " "),
                meaning: words::charts::meaning(outcome),
                class: class(place, outcome),
                pattern: pattern(place, outcome),
                times: *times,
                total: number(*times),
            })
            .collect(),
    }
}

/// With two decimals.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(10_000) / whole.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn tick_every(unit: CountUnit, slots: u64) -> i64 {
    match (unit, slots) {
        (CountUnit::Hour, _) => 6,
        (CountUnit::Day, 0..=7) => 1,
        (CountUnit::Day, 8..=31) => 7,
        (CountUnit::Day, 32..=105) => 21,
        (CountUnit::Day, _) => 70,
    }
}

fn round_up(number: u64) -> u64 {
    let unit = 10_u64.pow(number.max(1).ilog10());
    let rounded = number.div_ceil(unit) * unit;
    if rounded.is_multiple_of(2) { rounded } else { rounded + unit }.max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_of_the_last_day() {
        let now: Timestamp = "2026-03-30T12:20:00Z".parse().unwrap();
        let hour = now.as_millis() / HOUR;
        let day = "2026-03-29T13:00:00Z".parse().unwrap();
        let chart = chart(
            &[UsageTotal { day, outcome: "accepted".to_owned(), times: 3 }],
            CountUnit::Hour,
            hour - 23,
            hour,
            now,
        );
        let (first, last) = (&chart.slots[0], &chart.slots[23]);
        assert_eq!(
            (first.title.as_str(), last.title.as_str()),
            ("2026-03-29 13:00 UTC: 3 accepted", "2026-03-30 12:00 UTC, so far: none")
        );
        assert_eq!(last.tick.as_ref().unwrap().text, "this hour");
        assert_eq!(first.hour.as_ref().unwrap().iso, "2026-03-29T13:00:00Z");
        let ticks: Vec<_> = chart.slots.iter().filter_map(|slot| slot.tick.as_ref()).collect();
        let ticks: Vec<_> = ticks.iter().map(|tick| (tick.text.as_str(), tick.x.as_str(), tick.is_minor)).collect();
        assert_eq!(
            ticks,
            [
                ("18:00", "22.54", true),
                ("00:00", "47.54", false),
                ("06:00", "72.54", true),
                ("this hour", "97.54", false)
            ]
        );
    }

    fn day(date: &str, outcome: &str, times: u64) -> UsageDay {
        let day = format!("{date}T00:00:00Z").parse().unwrap();
        UsageDay { key: "key_1".parse().unwrap(), day, outcome: outcome.to_owned(), times }
    }

    #[test]
    fn single_request_is_visible() {
        let now = "2026-03-30T12:00:00Z".parse().unwrap();
        let days = [
            day("2026-03-01", "accepted", 1_000_000),
            day("2026-03-30", "key_revoked", 1),
            day("2026-02-01", "accepted", 9),
        ];
        let spark = sparks(&days, now).remove(&"key_1".parse().unwrap()).unwrap();
        assert_eq!(spark.label, "Last 30 days: 1,000,000 accepted, 1 refused");
        let drawn =
            spark.bars.iter().map(|(x, bar)| (*x, bar.y, bar.height, bar.class.as_str(), bar.pattern.is_some()));
        assert_eq!(drawn.collect::<Vec<_>>(), [(0, 0, 22, "accepted", false), (116, 21, 1, "refused", true)]);
    }

    #[test]
    fn chart_has_every_day_and_every_outcome() {
        let now: Timestamp = "2026-03-30T12:00:00Z".parse().unwrap();
        let usage =
            [day("2026-03-29", "key_expired", 5), day("2026-03-29", "accepted", 30), day("2026-03-30", "accepted", 1)];
        let usage = usage.map(UsageTotal::from);
        let last = now.as_millis() / DAY;
        let drawn = chart(&usage, CountUnit::Day, last - 8, last - 1, now);
        assert!(drawn.slots.iter().all(|slot| !slot.is_partial), "the days are over");
        assert_eq!(drawn.slots[7].tick.as_ref().unwrap().text, "03-29");
        let chart = chart(&usage, CountUnit::Day, last - 6, last, now);
        assert_eq!((chart.slots.len(), chart.total), (7, 36));
        assert_eq!(
            chart.legend.iter().map(|legend| legend.outcome.as_str()).collect::<Vec<_>>(),
            ["accepted", "key_expired"]
        );
        assert_eq!(chart.slots[5].title, "2026-03-29: 30 accepted, 5 key expired");
        assert_eq!(chart.slots[0].title, "2026-03-24: none");
        let text = |slot: &Slot| slot.tick.as_ref().map(|tick| tick.text.clone());
        let today = &chart.slots[6];
        assert_eq!(
            (today.is_partial, text(today).as_deref(), today.title.as_str()),
            (true, Some("today"), "2026-03-30, so far: 1 accepted")
        );
        assert_eq!((chart.slots[5].is_partial, text(&chart.slots[5]).as_deref()), (false, Some("03-29")));
        // The colour is not the only difference.
        assert_eq!(chart.legend.iter().map(|one| one.pattern.is_some()).collect::<Vec<_>>(), [false, true]);
        for (number, rounded) in [(0, 2), (1, 2), (7, 8), (35, 40), (51, 60), (90, 90), (1_001, 2_000), (250, 300)] {
            assert_eq!(round_up(number), rounded, "{number}");
        }
    }
}
