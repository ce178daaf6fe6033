//! Charts as SVG, styled by attributes only, as the CSP requires.

use std::collections::{BTreeMap, HashMap};

use keyward_core::{CredentialId, Timestamp};

use super::text::number;
use crate::service::{UsageDay, UsageTotal};

const DAY: i64 = 24 * 3_600 * 1_000;

pub(super) const SPARK_DAYS: u32 = 30;
const SPARK_HEIGHT: u64 = 22;

pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) class: String,
}

pub(super) struct Spark {
    pub(super) bars: Vec<Bar>,
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
        for (times, class) in [(*accepted, "accepted"), (*refused, "refused")] {
            // A single request is visible.
            let height = if times == 0 { 0 } else { (times.saturating_mul(SPARK_HEIGHT) / most).max(1).min(top) };
            if height > 0 {
                top -= height;
                bars.push(Bar { x, y: top, height, class: class.to_owned() });
            }
        }
    }
    let accepted: u64 = days.iter().map(|(accepted, _)| accepted).sum();
    let refused: u64 = days.iter().map(|(_, refused)| refused).sum();
    Spark { bars, label: format!("Last 30 days: {} accepted, {} refused", number(accepted), number(refused)) }
}

pub(super) struct Rule {
    pub(super) y: u64,
    pub(super) label: String,
}

pub(super) struct Day {
    pub(super) date: String,
    pub(super) x: u64,
    pub(super) parts: Vec<Bar>,
    pub(super) times: Vec<String>,
    pub(super) title: String,
    pub(super) has_label: bool,
}

pub(super) struct Legend {
    pub(super) outcome: String,
    pub(super) meaning: &'static str,
    pub(super) class: String,
    pub(super) total: String,
}

pub(super) struct Chart {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) bar: u64,
    pub(super) rules: Vec<Rule>,
    pub(super) days: Vec<Day>,
    pub(super) legend: Vec<Legend>,
    pub(super) total: u64,
}

const CHART_WIDTH: u64 = 720;
const CHART_HEIGHT: u64 = 200;
const LEFT: u64 = 44;

pub(super) fn chart(usage: &[UsageTotal], days: u32, now: Timestamp) -> Chart {
    let today = now.as_millis() / DAY;
    let first = today - i64::from(days) + 1;
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_day: HashMap<(i64, &str), u64> = HashMap::new();
    for day in usage {
        *totals.entry(&day.outcome).or_default() += day.times;
        *by_day.entry((day.day.as_millis() / DAY, &day.outcome)).or_default() += day.times;
    }
    let mut outcomes: Vec<(&str, u64)> = totals.into_iter().collect();
    // Accepted requests are at the bottom, then the refusals, the most frequent first.
    outcomes.sort_by_key(|(outcome, times)| (*outcome != "accepted", u64::MAX - times));
    let class = |place: usize, outcome: &str| {
        if outcome == "accepted" { "accepted".to_owned() } else { format!("refused-{}", place.min(6)) }
    };
    let most_of = |day| outcomes.iter().map(|(outcome, _)| by_day.get(&(day, *outcome)).copied().unwrap_or(0)).sum();
    let most = round_up((first..=today).map(most_of).max().unwrap_or(0_u64).max(1));
    let step = (CHART_WIDTH - LEFT) / u64::from(days.max(1));
    let drawn = (first..=today).zip((LEFT..).step_by(step.max(1) as usize)).map(|(day, x)| {
        let date = Timestamp::from_millis(day * DAY).to_string().chars().take(10).collect::<String>();
        let (mut top, mut parts, mut times, mut words) = (CHART_HEIGHT, Vec::new(), Vec::new(), Vec::new());
        for (place, (outcome, _)) in outcomes.iter().enumerate() {
            let count = by_day.get(&(day, *outcome)).copied().unwrap_or(0);
            times.push(number(count));
            if count > 0 {
                let height = (count.saturating_mul(CHART_HEIGHT) / most).max(1).min(top);
                top -= height;
                parts.push(Bar { x, y: top, height, class: class(place, outcome) });
                words.push(format!("{} {outcome}", number(count)));
            }
        }
        // The day is not over.
        let date_so_far = if day == today { format!("{date}, so far") } else { date.clone() };
        let title = if words.is_empty() {
            format!("{date_so_far}: none")
        } else {
            format!("{date_so_far}: {}", words.join(", "))
        };
        Day { x, parts, times, title, has_label: (today - day) % label_every(days) == 0, date }
    });
    Chart {
        width: LEFT + step.max(1) * u64::from(days),
        height: CHART_HEIGHT,
        bar: step.saturating_sub(2).max(1),
        rules: [0, most / 2, most]
            .into_iter()
            .map(|times| Rule { y: CHART_HEIGHT - times * CHART_HEIGHT / most, label: number(times) })
            .collect(),
        days: drawn.collect(),
        total: outcomes.iter().map(|(_, times)| times).sum(),
        legend: outcomes
            .iter()
            .enumerate()
            .map(|(place, (outcome, times))| Legend {
                outcome: (*outcome).to_owned(),
                meaning: meaning(outcome),
                class: class(place, outcome),
                total: number(*times),
            })
            .collect(),
    }
}

fn label_every(days: u32) -> i64 {
    match days {
        0..=7 => 1,
        8..=31 => 7,
        _ => 21,
    }
}

fn round_up(number: u64) -> u64 {
    let unit = 10_u64.pow(number.max(1).ilog10());
    let rounded = number.div_ceil(unit) * unit;
    if rounded.is_multiple_of(2) { rounded } else { rounded + unit }.max(2)
}

fn meaning(outcome: &str) -> &'static str {
    match outcome {
        "accepted" => "The key was accepted",
        "key_revoked" => "The key was revoked",
        "key_compromised" => "The key was reported as compromised",
        "key_expired" => "The key had expired",
        "key_disabled" => "The key was disabled",
        "key_not_yet_valid" => "The key was not valid yet",
        "account_suspended" => "The account was suspended",
        "insufficient_scope" => "The key lacked a scope",
        "rate_limited" | "rate_limit_exceeded" => "Too many requests",
        "network_not_allowed" => "The key does not allow this network",
        "endpoint_not_allowed" => "The key does not allow this endpoint",
        "secret_key_in_browser" => "A browser sent a key that is not publishable",
        "kind_not_allowed" => "The key's kind does not allow this",
        "mode_not_allowed" => "The key's mode does not allow this",
        "plan_required" => "The account's plan does not include this",
        "https_required" => "The request was not sent over HTTPS",
        _ => "The request was refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let drawn: Vec<_> = spark.bars.iter().map(|bar| (bar.x, bar.y, bar.height, bar.class.as_str())).collect();
        assert_eq!(drawn, [(0, 0, 22, "accepted"), (116, 21, 1, "refused")]);
    }

    #[test]
    fn chart_has_every_day_and_every_outcome() {
        let now = "2026-03-30T12:00:00Z".parse().unwrap();
        let usage =
            [day("2026-03-29", "key_expired", 5), day("2026-03-29", "accepted", 30), day("2026-03-30", "accepted", 1)];
        let usage = usage.map(UsageTotal::from);
        let chart = chart(&usage, 7, now);
        assert_eq!((chart.days.len(), chart.total), (7, 36));
        assert_eq!(
            chart.legend.iter().map(|legend| legend.outcome.as_str()).collect::<Vec<_>>(),
            ["accepted", "key_expired"]
        );
        assert_eq!(chart.days[5].title, "2026-03-29: 30 accepted, 5 key_expired");
        assert_eq!(chart.days[0].title, "2026-03-24: none");
        for (number, rounded) in [(0, 2), (1, 2), (7, 8), (35, 40), (51, 60), (90, 90), (1_001, 2_000), (250, 300)] {
            assert_eq!(round_up(number), rounded, "{number}");
        }
    }
}
