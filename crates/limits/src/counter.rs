//! The stored state of a rate or a budget, and the taking of units.
//!
//! Everything here is pure: a state, the store's time and a wish give a new state and a grant.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::rules::{BudgetRule, RateRule, Refill};

/// A strict window is counted in this many parts. A node spends what it took within one part.
const PARTS: i64 = 16;
/// The window, the part in which a node may spend what it took before, and the current part.
const COUNTED: usize = 18;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Rate(RateRule),
    Budget(BudgetRule),
}

/// Takes `least` units or none, and at most `most`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) units: u64,
    /// In the store, after this grant.
    pub(crate) left: u64,
    /// The units are void after this time, if it is some.
    pub(crate) valid: Option<Duration>,
    /// The time until `least` units can be had, if none were granted and it is known.
    pub(crate) wait: Option<Duration>,
    /// The period, for [`give_back`].
    pub(crate) period: i64,
    /// Everything that the period granted or will grant, and its length.
    pub(crate) total: u64,
    pub(crate) length: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum State {
    Budget {
        refill: Refill,
        period: i64,
        spent: u64,
        carried: u64,
    },
    /// The generic cell rate algorithm: the last time in microseconds, and how far ahead the holder was.
    Even {
        at: i64,
        ahead: u64,
    },
    /// Units by part of the window, the newest first.
    Strict {
        width: i64,
        newest: i64,
        parts: Vec<u64>,
    },
}

/// Takes units at the time `now`, in microseconds since 1970.
pub(crate) fn take(state: Option<&State>, rule: &Rule, now: i64, wish: Wish) -> (State, Grant) {
    match rule {
        Rule::Budget(budget) => take_credits(state, budget, now, wish),
        Rule::Rate(rate) if rate.strict => take_strictly(state, rate, now, wish),
        Rule::Rate(rate) => take_evenly(state, rate, now, wish),
    }
}

/// Gives credits of this period back, unless it is over.
pub(crate) fn give_back(state: &State, of_period: i64, credits: u64) -> Option<State> {
    match *state {
        State::Budget { refill, period, spent, carried } if period == of_period => {
            Some(State::Budget { refill, period, spent: spent.saturating_sub(credits), carried })
        }
        _ => None,
    }
}

/// Returns `true` if the clock was set back since the state was written.
pub(crate) fn is_ahead(state: &State, now: i64) -> bool {
    match *state {
        State::Even { at, .. } => at > now,
        State::Strict { width, newest, .. } => is_set_back(newest, now.div_euclid(width.max(1))),
        State::Budget { .. } => false,
    }
}

/// Returns `true` if no unit of a strict window counts any more.
pub(crate) fn is_over(state: &State, now: i64) -> bool {
    matches!(*state, State::Strict { width, newest, .. } if newest + COUNTED as i64 <= now.div_euclid(width.max(1)))
}

/// A step of less than a part only delays units.
fn is_set_back(newest: i64, current: i64) -> bool {
    current < newest - 1
}

fn take_credits(state: Option<&State>, budget: &BudgetRule, now: i64, wish: Wish) -> (State, Grant) {
    let current = period_of(budget.refill, now);
    let (mut period, mut spent, mut carried) = (current, 0, 0);
    if let Some(&State::Budget { refill, period: known, spent: known_spent, carried: known_carried }) = state
        && refill == budget.refill
    {
        // A clock that was set back stays in the known period: a period is never granted twice.
        period = current.max(known);
        if period == known {
            (spent, carried) = (known_spent, known_carried);
        } else {
            let unspent = budget.credits.saturating_add(known_carried).saturating_sub(known_spent);
            let idle = u64::try_from(period - known - 1).unwrap_or(0).saturating_mul(budget.credits);
            carried = unspent.saturating_add(idle).min(budget.rollover);
        }
    }
    // A smaller budget also bounds what was carried over before.
    let total = budget.credits.saturating_add(carried.min(budget.rollover));
    let left = total.saturating_sub(spent);
    let units = share(left, wish, 16);
    let ends = end_of(budget.refill, period).map(|end| micros(end - now));
    let length =
        end_of(budget.refill, period).zip(end_of(budget.refill, period - 1)).map(|(end, begin)| micros(end - begin));
    let grant = Grant {
        units,
        left: left - units,
        valid: ends,
        wait: ends.filter(|_| units < wish.least),
        period,
        total,
        length,
    };
    (State::Budget { refill: budget.refill, period, spent: spent + units, carried }, grant)
}

fn take_evenly(state: Option<&State>, rate: &RateRule, now: i64, wish: Wish) -> (State, Grant) {
    let interval = (rate.window() / rate.quota).as_nanos() as u64;
    let most = interval * u64::from(rate.quota);
    let ahead = match state {
        Some(&State::Even { at, ahead }) => {
            ahead.saturating_sub(u64::try_from(now - at).unwrap_or(0).saturating_mul(1_000)).min(most)
        }
        _ => 0,
    };
    let left = (most - ahead) / interval;
    let units = share(left, wish, 4);
    let ahead = ahead + units * interval;
    let wait = (units < wish.least).then(|| Duration::from_nanos((ahead + wish.least * interval).saturating_sub(most)));
    (State::Even { at: now, ahead }, of_rate(rate, units, left - units, wait))
}

fn take_strictly(state: Option<&State>, rate: &RateRule, now: i64, wish: Wish) -> (State, Grant) {
    let width = part_of(rate);
    let current = now.div_euclid(width);
    let mut newest = current;
    let mut parts = vec![0; COUNTED];
    match state {
        Some(State::Strict { width: known, newest: last, parts: counted })
            if *known == width && !is_set_back(*last, current) =>
        {
            // A clock that was set back a little counts into the newest part, so no unit comes back early.
            newest = newest.max(*last);
            let shift = usize::try_from(newest - last).unwrap_or(COUNTED).min(COUNTED);
            for (new, old) in parts[shift..].iter_mut().zip(counted) {
                *new = *old;
            }
        }
        // Another window, or a clock that was set back: spent units count as spent now.
        Some(State::Strict { parts: counted, .. }) => parts[0] = counted.iter().sum(),
        _ => {}
    }
    let left = u64::from(rate.quota).saturating_sub(parts.iter().sum());
    let units = share(left, wish, 4);
    parts[0] += units;
    let wait = (units < wish.least).then(|| {
        let mut free = left;
        let leaves = (0..COUNTED).rev().find(|age| {
            free += parts[*age];
            free >= wish.least
        });
        let age = i64::try_from(leaves.unwrap_or(0)).unwrap_or(0);
        micros((newest - age + COUNTED as i64) * width - now)
    });
    (State::Strict { width, newest, parts }, of_rate(rate, units, left - units, wait))
}

fn of_rate(rate: &RateRule, units: u64, left: u64, wait: Option<Duration>) -> Grant {
    let valid = Some(micros(part_of(rate)));
    Grant { units, left, valid, wait, period: 0, total: rate.quota.into(), length: Some(rate.window()) }
}

/// In microseconds.
fn part_of(rate: &RateRule) -> i64 {
    i64::from(rate.window_seconds) * 1_000_000 / PARTS
}

/// The less is left, the less a node takes, so that others get some. Near the end, it takes what it needs.
fn share(left: u64, wish: Wish, nodes: u64) -> u64 {
    if left < wish.least { 0 } else { wish.most.min(left / nodes).max(wish.least) }
}

fn micros(time: i64) -> Duration {
    Duration::from_micros(u64::try_from(time).unwrap_or(0))
}

/// Days and weeks since 1970, or months since the year 0.
fn period_of(refill: Refill, now: i64) -> i64 {
    let date = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH)).date();
    match refill {
        Refill::Never => 0,
        Refill::Day => days(date),
        Refill::Week => (days(date) + 3).div_euclid(7),
        Refill::Month => i64::from(date.year()) * 12 + i64::from(date.month()) - 1,
    }
}

/// In microseconds since 1970.
fn end_of(refill: Refill, period: i64) -> Option<i64> {
    const DAY: i64 = 86_400_000_000;
    match refill {
        Refill::Never => None,
        Refill::Day => Some((period + 1) * DAY),
        Refill::Week => Some(((period + 1) * 7 - 3) * DAY),
        Refill::Month => {
            let (year, month) = ((period + 1).div_euclid(12), (period + 1).rem_euclid(12) + 1);
            let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
            Some(days(first) * DAY)
        }
    }
}

fn days(date: Date) -> i64 {
    let midnight = TimeZone::UTC.to_timestamp(DateTime::from(date));
    midnight.map_or(0, |midnight| midnight.as_second().div_euclid(86_400))
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn wish(least: u64, most: u64) -> Wish {
        Wish { least, most }
    }

    #[test]
    fn periods_end_at_midnight_utc() {
        for (refill, now, end) in [
            (Refill::Day, "2026-11-28T23:59:59.999999Z", "2026-11-29T00:00:00Z"),
            (Refill::Day, "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Refill::Week, "2026-11-29T23:00:00Z", "2026-11-30T00:00:00Z"),
            (Refill::Week, "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
            (Refill::Month, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            (Refill::Month, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            let now = at(now);
            assert_eq!(end_of(refill, period_of(refill, now)), Some(at(end)), "{refill:?} {end}");
        }
        assert_eq!(Date::new(2026, 11, 30).unwrap().weekday(), Weekday::Monday);
    }

    #[test]
    fn unspent_credits_roll_over_up_to_the_cap() {
        let budget = Rule::Budget(BudgetRule::new(10, Refill::Day).with_rollover(15));
        let (state, grant) = take(None, &budget, 0, wish(4, 4));
        assert_eq!((grant.units, grant.left, grant.total), (4, 6, 10));
        let (state, grant) = take(Some(&state), &budget, DAY, wish(1, 1));
        assert_eq!((grant.units, grant.left, grant.total), (1, 15, 16));
        // Three days without a request.
        let (_, grant) = take(Some(&state), &budget, 5 * DAY, wish(1, 1));
        assert_eq!((grant.left, grant.total), (24, 25));
    }

    #[test]
    fn a_clock_that_steps_grants_no_period_twice() {
        let budget = Rule::Budget(BudgetRule::new(10, Refill::Day));
        let (mut state, mut spent) = (None, 0);
        for now in [0, DAY - 1, DAY, DAY - 5, 0, DAY + 1, DAY - 1, DAY + 7] {
            loop {
                let (next, grant) = take(state.as_ref(), &budget, now, wish(1, 3));
                state = Some(next);
                spent += grant.units;
                if grant.units == 0 {
                    break;
                }
            }
        }
        assert_eq!(spent, 20, "two days began");
    }

    #[test]
    fn credits_come_back_only_to_their_period() {
        let budget = Rule::Budget(BudgetRule::new(10, Refill::Day));
        let (state, grant) = take(None, &budget, 0, wish(5, 5));
        let returned = give_back(&state, grant.period, 3).unwrap();
        assert_eq!(take(Some(&returned), &budget, 1, wish(8, 8)).1.units, 8);
        let (tomorrow, _) = take(Some(&state), &budget, DAY, wish(1, 1));
        assert_eq!(give_back(&tomorrow, grant.period, 3), None);
    }

    #[test]
    fn a_rate_recovers_within_its_window_after_a_clock_was_set_back() {
        for rate in [RateRule::new("a", 10, 60), RateRule::new("a", 10, 60).strict()] {
            let rule = Rule::Rate(rate);
            let (state, _) = take(None, &rule, DAY, wish(10, 10));
            for now in [DAY - SECOND, DAY - 3_600 * SECOND, 0] {
                let (set_back, refused) = take(Some(&state), &rule, now, wish(10, 10));
                assert_eq!(refused.units, 0, "{rule:?}: a unit came back early");
                let wait = refused.wait.unwrap();
                assert!(wait <= Duration::from_secs(60) * 20 / 16, "{rule:?}: {wait:?}");
                // A meter writes what it was refused for, if the clock was set back.
                let state = if is_ahead(&state, now) { &set_back } else { &state };
                let later = now + i64::try_from(wait.as_micros()).unwrap() + 1;
                assert_eq!(take(Some(state), &rule, later, wish(10, 10)).1.units, 10, "{rule:?}");
            }
        }
    }

    /// Ten calls in 5 seconds, tried every 100 milliseconds.
    fn admitted(rate: RateRule) -> Vec<i64> {
        let rule = Rule::Rate(rate);
        let (mut state, mut times) = (None, Vec::new());
        for now in (0..30 * SECOND).step_by(100_000) {
            loop {
                let (next, grant) = take(state.as_ref(), &rule, now, wish(1, 1));
                state = Some(next);
                if grant.units == 0 {
                    break;
                }
                times.push(now);
            }
        }
        times
    }

    fn busiest(times: &[i64], window: i64) -> usize {
        times.iter().map(|begin| times.iter().filter(|at| (*begin..begin + window).contains(at)).count()).max().unwrap()
    }

    #[test]
    fn even_rates_admit_twice_the_quota_and_strict_ones_never_more() {
        let even = admitted(RateRule::new("a", 10, 5));
        assert_eq!(busiest(&even, 5 * SECOND), 19);
        let strict = admitted(RateRule::new("a", 10, 5).strict());
        assert_eq!(busiest(&strict, 5 * SECOND), 10);
        assert!(strict.len() >= 50, "{} calls in 30 seconds", strict.len());
    }

    proptest! {
        #[test]
        fn no_window_exceeds_a_strict_quota_even_if_nodes_spend_late(
            quota in 1_u32..50,
            steps in proptest::collection::vec((0_i64..3 * SECOND, 1_u64..10, 0_i64..10), 1..200),
        ) {
            let rule = Rule::Rate(RateRule::new("a", quota, 10).strict());
            let (mut now, mut state, mut spent) = (0, None, Vec::new());
            for (pause, most, late) in steps {
                now += pause;
                let (next, grant) = take(state.as_ref(), &rule, now, wish(1, most));
                let valid = grant.valid.unwrap().as_micros() as i64;
                // A node may spend until the grant is void.
                spent.extend((0..grant.units).map(|_| now + valid * late / 10));
                state = Some(next);
            }
            spent.sort_unstable();
            if !spent.is_empty() {
                prop_assert!(busiest(&spent, 10 * SECOND) <= quota as usize);
            }
        }

        #[test]
        fn a_refused_call_passes_after_its_wait(quota in 1_u32..50, strict: bool, least in 1_u64..50) {
            let least = least.min(quota.into());
            let rate = RateRule { strict, ..RateRule::new("a", quota, 10) };
            let rule = Rule::Rate(rate);
            let (state, _) = take(None, &rule, 0, wish(quota.into(), quota.into()));
            let (state, refused) = take(Some(&state), &rule, 1, wish(least, least));
            prop_assert_eq!(refused.units, 0);
            let later = 1 + i64::try_from(refused.wait.unwrap().as_micros()).unwrap() + 1;
            prop_assert_eq!(take(Some(&state), &rule, later, wish(least, least)).1.units, least);
        }
    }
}
