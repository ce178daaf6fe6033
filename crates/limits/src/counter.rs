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
/// A budget remembers what was spent in this many periods of each refill.
const PERIODS: usize = 4;
/// Of earlier periods it remembers that many ranges, so that a clock that jumps grants none of them twice.
const RANGES: usize = 2;
/// Whatever refill is in force, these are counted, so that another refill grants nothing twice.
const RECURRING: [Refill; 3] = [Refill::Day, Refill::Week, Refill::Month];

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
    /// When and in which period the units were taken, for [`give_back`].
    pub(crate) taken: Taken,
    /// Everything that the period granted or will grant, and its length.
    pub(crate) total: u64,
    pub(crate) length: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) refill: Refill,
    pub(crate) period: i64,
    /// In microseconds since 1970.
    pub(crate) at: i64,
}

/// The credits that were spent in a period of a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Refill, i64, u64)", into = "(Refill, i64, u64)")]
pub(crate) struct Spending {
    refill: Refill,
    period: i64,
    spent: u64,
}

impl From<(Refill, i64, u64)> for Spending {
    fn from((refill, period, spent): (Refill, i64, u64)) -> Self {
        Self { refill, period, spent }
    }
}

impl From<Spending> for (Refill, i64, u64) {
    fn from(Spending { refill, period, spent }: Spending) -> Self {
        (refill, period, spent)
    }
}

/// A refill, and its first and last period of a range.
pub(crate) type Over = (Refill, i64, i64);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum State {
    Budget {
        refill: Refill,
        period: i64,
        spent: u64,
        carried: u64,
        /// Other periods and refills. The first one of each refill is the latest.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Spending>,
        /// Earlier periods, which grant nothing again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        over: Vec<Over>,
    },
    /// The generic cell rate algorithm: the last time in microseconds, and how far ahead the holder was.
    Even { at: i64, ahead: u64 },
    /// Units by part of the window, the newest first.
    Strict { width: i64, newest: i64, parts: Vec<u64> },
}

/// Takes units at the time `now`, in microseconds since 1970.
pub(crate) fn take(state: Option<&State>, rule: &Rule, now: i64, wish: Wish) -> (State, Grant) {
    match rule {
        Rule::Budget(budget) => take_credits(state, budget, now, wish),
        Rule::Rate(rate) if rate.strict => take_strictly(state, rate, now, wish),
        Rule::Rate(rate) => take_evenly(state, rate, now, wish),
    }
}

/// Gives credits back to every period in which they count as spent, and that is not over.
pub(crate) fn give_back(state: &State, taken: Taken, credits: u64) -> Option<State> {
    let State::Budget { refill, period, spent, carried, others, over } = state else { return None };
    let mut all = vec![Spending { refill: *refill, period: *period, spent: *spent }];
    all.extend(others);
    let mut is_changed = false;
    for spending in &mut all {
        let of = if spending.refill == taken.refill { taken.period } else { period_of(spending.refill, taken.at) };
        if spending.period == of {
            spending.spent = spending.spent.saturating_sub(credits);
            is_changed = true;
        }
    }
    is_changed.then(|| budget_state(all.remove(0), *carried, all, over.clone()))
}

/// Returns `true` if the clock was set back since the state was written.
pub(crate) fn is_ahead(state: &State, now: i64) -> bool {
    match *state {
        State::Even { at, .. } => at > now,
        State::Strict { width, newest, .. } => is_set_back(newest, now.div_euclid(width.max(1))),
        State::Budget { refill, period, .. } => is_set_back(period, period_of(refill, now)),
    }
}

/// Returns `true` if no unit of a strict window counts any more.
pub(crate) fn is_over(state: &State, now: i64) -> bool {
    matches!(*state, State::Strict { width, newest, .. } if newest + COUNTED as i64 <= now.div_euclid(width.max(1)))
}

/// A step into the part or period before the newest only delays units.
fn is_set_back(newest: i64, current: i64) -> bool {
    current < newest - 1
}

fn take_credits(state: Option<&State>, budget: &BudgetRule, now: i64, wish: Wish) -> (State, Grant) {
    let (mut all, mut ended) = (Vec::new(), Vec::new());
    let (mut known, mut carried) = (None, 0);
    if let Some(State::Budget { refill, period, spent, carried: known_carried, others, over }) = state {
        ended.clone_from(over);
        let latest = Spending { refill: *refill, period: *period, spent: *spent };
        all.push(latest);
        all.extend(others);
        (known, carried) = (Some(latest), *known_carried);
    }
    // A period that begins in the middle of another one counts what that one has spent.
    let running = known.filter(|known| known.period >= period_of(known.refill, now)).map_or(0, |known| known.spent);
    let current = period_of(budget.refill, now);
    if known.is_none_or(|known| known.refill != budget.refill) {
        carried = 0;
    } else if let Some(known) = known.filter(|known| known.period != current && known.period != current + 1) {
        let is_new = known.period < current && !all.iter().any(|other| other.is_of(budget.refill, current));
        let unspent = budget.credits.saturating_add(carried).saturating_sub(known.spent);
        let idle = u64::try_from(current - known.period - 1).unwrap_or(0).saturating_mul(budget.credits);
        carried = if is_new { unspent.saturating_add(idle).min(budget.rollover) } else { 0 };
    }
    let also_never = all.iter().any(|other| other.refill == Refill::Never);
    let others = RECURRING.into_iter().chain(also_never.then_some(Refill::Never));
    let others: Vec<_> = others.filter(|refill| *refill != budget.refill).collect();
    for refill in others.iter().copied().chain([budget.refill]) {
        settle(&mut all, &mut ended, refill, period_of(refill, now), running, budget.credits);
    }
    // A smaller budget also bounds what was carried over before.
    let total = budget.credits.saturating_add(carried.min(budget.rollover));
    let mut main = all
        .iter()
        .position(|spending| spending.refill == budget.refill)
        .map_or(Spending { refill: budget.refill, period: current, spent: 0 }, |place| all.remove(place));
    let left = total.saturating_sub(main.spent);
    let units = share(left, wish, 16);
    main.spent = main.spent.saturating_add(units);
    for refill in others {
        if let Some(other) = all.iter_mut().find(|other| other.refill == refill) {
            other.spent = other.spent.saturating_add(units);
        }
    }
    let period = main.period;
    let ends = end_of(budget.refill, period).map(|end| micros(end - now));
    let length =
        end_of(budget.refill, period).zip(end_of(budget.refill, period - 1)).map(|(end, begin)| micros(end - begin));
    let grant = Grant {
        units,
        left: left - units,
        valid: ends,
        wait: ends.filter(|_| units < wish.least),
        taken: Taken { refill: budget.refill, period, at: now },
        total,
        length,
    };
    (budget_state(main, carried, all, ended), grant)
}

impl Spending {
    fn is_of(&self, refill: Refill, period: i64) -> bool {
        self.refill == refill && self.period == period
    }
}

/// Puts the spending of the current period before the others of this refill.
///
/// A clock that was set back by a step stays in the newest period. If it was set back further, it returns to the current period.
/// If that one is not remembered, all its credits count as spent, because it may have been granted before.
fn settle(all: &mut Vec<Spending>, ended: &mut Vec<Over>, refill: Refill, current: i64, running: u64, credits: u64) {
    let latest = all.iter().find(|spending| spending.refill == refill).copied();
    if latest.is_some_and(|latest| latest.period == current || latest.period == current + 1) {
        return;
    }
    let remembered = all.iter().position(|spending| spending.is_of(refill, current));
    let spending = match (remembered, latest) {
        (Some(place), _) => all.remove(place),
        (None, None) => Spending { refill, period: current, spent: running },
        (None, Some(latest)) if latest.period < current && !is_within(ended, refill, current) => {
            Spending { refill, period: current, spent: 0 }
        }
        (None, Some(latest)) => Spending { refill, period: current, spent: latest.spent.max(credits) },
    };
    all.insert(0, spending);
    let mut periods = 0;
    all.retain(|spending| {
        periods += usize::from(spending.refill == refill);
        let is_kept = spending.refill != refill || periods <= PERIODS;
        if !is_kept {
            end(ended, refill, spending.period);
        }
        is_kept
    });
}

fn is_within(ended: &[Over], refill: Refill, period: i64) -> bool {
    ended.iter().any(|(of, first, last)| *of == refill && (*first..=*last).contains(&period))
}

/// Adds a period to the ranges, and joins those with the smallest gap. Periods in the gap count as ended, too.
fn end(ended: &mut Vec<Over>, refill: Refill, period: i64) {
    if is_within(ended, refill, period) {
        return;
    }
    ended.push((refill, period, period));
    ended.sort_by_key(|(of, first, _)| (*of as u8, *first));
    loop {
        let gaps = ended.windows(2).enumerate().filter(|(_, pair)| pair[0].0 == refill && pair[1].0 == refill);
        let gaps = gaps.map(|(place, pair)| (pair[1].1.saturating_sub(pair[0].2), place));
        let Some((gap, place)) = gaps.min() else { return };
        let ranges = ended.iter().filter(|(of, ..)| *of == refill).count();
        if gap > 1 && ranges <= RANGES {
            return;
        }
        ended[place].2 = ended[place + 1].2;
        ended.remove(place + 1);
    }
}

fn budget_state(main: Spending, carried: u64, others: Vec<Spending>, over: Vec<Over>) -> State {
    State::Budget { refill: main.refill, period: main.period, spent: main.spent, carried, others, over }
}

fn take_evenly(state: Option<&State>, rate: &RateRule, now: i64, wish: Wish) -> (State, Grant) {
    let interval = interval_of(rate);
    let most = interval * u64::from(rate.quota);
    let ahead = match state {
        Some(&State::Even { at, ahead }) => decayed(at, ahead, now).min(most),
        // A strict rate became an even one: the calls that count stay spent.
        Some(strict @ State::Strict { .. }) => counted(strict, now).saturating_mul(interval).min(most),
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
        Some(other @ State::Strict { .. }) => parts[0] = counted(other, now),
        // An even rate became a strict one. Part of a unit counts as one.
        Some(&State::Even { at, ahead }) => {
            parts[0] = decayed(at, ahead, now).div_ceil(interval_of(rate)).min(rate.quota.into());
        }
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

/// In nanoseconds.
fn interval_of(rate: &RateRule) -> u64 {
    (rate.window() / rate.quota).as_nanos() as u64
}

/// In nanoseconds.
fn decayed(at: i64, ahead: u64, now: i64) -> u64 {
    ahead.saturating_sub(u64::try_from(now - at).unwrap_or(0).saturating_mul(1_000))
}

/// The units of a strict window that still count. After a clock was set back, all of them.
fn counted(state: &State, now: i64) -> u64 {
    let State::Strict { width, newest, parts } = state else { return 0 };
    let ended = usize::try_from(now.div_euclid((*width).max(1)) - newest).unwrap_or(0);
    parts.iter().take(COUNTED.saturating_sub(ended)).sum()
}

fn of_rate(rate: &RateRule, units: u64, left: u64, wait: Option<Duration>) -> Grant {
    let valid = Some(micros(part_of(rate)));
    let taken = Taken { refill: Refill::Never, period: 0, at: 0 };
    Grant { units, left, valid, wait, taken, total: rate.quota.into(), length: Some(rate.window()) }
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
#[path = "counter/tests.rs"]
mod tests;
