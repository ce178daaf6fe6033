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

/// More periods than a budget remembers, and then back and on from each.
#[test]
fn a_clock_that_steps_often_grants_no_period_twice() {
    let budget = Rule::Budget(BudgetRule::new(10, Refill::Day));
    let (mut state, mut spent) = (None, 0);
    let mut spend_all = |day: i64| {
        loop {
            let (next, grant) = take(state.as_ref(), &budget, day * DAY + SECOND, wish(1, 3));
            state = Some(next);
            spent += grant.units;
            if grant.units == 0 {
                return spent;
            }
        }
    };
    for day in 0..9 {
        assert_eq!(spend_all(day), 10 * (u64::try_from(day).unwrap() + 1));
    }
    for begin in (0..8).rev() {
        for day in begin..9 {
            assert_eq!(spend_all(day), 90, "day {day} after {begin}");
        }
    }
    // Years ahead and back: the next days are granted, once.
    assert_eq!(spend_all(9_000), 100);
    spend_all(8);
    assert_eq!(spend_all(9), 110);
    assert_eq!(spend_all(10), 120);
    let text = serde_json::to_string(&state).unwrap();
    assert!(text.matches("day").count() <= 6, "the state grows: {text}");
}

#[test]
fn credits_come_back_only_to_their_period() {
    let budget = Rule::Budget(BudgetRule::new(10, Refill::Day));
    let (state, grant) = take(None, &budget, 0, wish(5, 5));
    let returned = give_back(&state, grant.taken, 3).unwrap();
    assert_eq!(take(Some(&returned), &budget, 1, wish(8, 8)).1.units, 8);
    let (tomorrow, _) = take(Some(&state), &budget, DAY, wish(1, 1));
    let returned = give_back(&tomorrow, grant.taken, 3).unwrap();
    assert_eq!(take(Some(&returned), &budget, DAY, wish(9, 9)).1.left, 0, "they belong to yesterday");
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

/// Takes one unit at a time, up to `most`.
fn spend(state: &mut Option<State>, rule: &Rule, now: i64, most: u64) -> u64 {
    let mut spent = 0;
    while spent < most {
        let (next, grant) = take(state.as_ref(), rule, now, wish(1, 1));
        // As a meter does.
        if grant.units > 0 || state.as_ref().is_some_and(|state| is_ahead(state, now)) {
            *state = Some(next);
        }
        if grant.units == 0 {
            break;
        }
        spent += grant.units;
    }
    spent
}

#[test]
fn another_refill_grants_nothing_twice() {
    let rule = |refill| Rule::Budget(BudgetRule::new(10, refill));
    let (month, day, never) = (rule(Refill::Month), rule(Refill::Day), rule(Refill::Never));
    let now = at("2026-11-10T12:00:00Z");
    for (first, second) in [(&month, &day), (&day, &month), (&month, &never), (&never, &day)] {
        let mut state = None;
        let mut spent = 0;
        for rule in [first, second, first, second] {
            spent += spend(&mut state, rule, now, 100);
        }
        assert_eq!(spent, 10, "{first:?} {second:?}");
    }
    let mut state = None;
    assert_eq!(spend(&mut state, &day, now, 7), 7);
    assert_eq!(spend(&mut state, &month, now, 100), 3, "the month has spent 7");
    assert_eq!(spend(&mut state, &day, now + DAY, 100), 10);
    assert_eq!(spend(&mut state, &month, now + DAY, 100), 0, "the month has spent 20");
    assert_eq!(spend(&mut state, &month, now + 30 * DAY, 100), 10);
}

#[test]
fn credits_come_back_after_another_refill() {
    let (day, month) = (BudgetRule::new(10, Refill::Day), BudgetRule::new(10, Refill::Month));
    let now = at("2026-11-10T12:00:00Z");
    let (state, grant) = take(None, &Rule::Budget(day.clone()), now, wish(8, 8));
    let (state, refused) = take(Some(&state), &Rule::Budget(month.clone()), now, wish(8, 8));
    assert_eq!((refused.units, refused.left), (0, 2));
    let state = give_back(&state, grant.taken, 6).unwrap();
    assert_eq!(take(Some(&state), &Rule::Budget(month), now, wish(8, 8)).1.units, 8);
    assert_eq!(take(Some(&state), &Rule::Budget(day), now, wish(8, 8)).1.units, 8);
}

#[test]
fn a_state_of_an_older_version_counts() {
    let text = r#"{"kind":"budget","refill":"month","period":24322,"spent":9,"carried":0}"#;
    let mut state = Some(serde_json::from_str::<State>(text).unwrap());
    let day = Rule::Budget(BudgetRule::new(10, Refill::Day));
    let now = at("2026-11-10T12:00:00Z");
    assert_eq!(spend(&mut state, &day, now, 100), 1);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Option<State>>(&text).unwrap(), state);
}

#[test]
fn a_clock_far_ahead_and_back_freezes_no_budget() {
    for refill in [Refill::Day, Refill::Week, Refill::Month] {
        let budget = Rule::Budget(BudgetRule::new(10, refill));
        let now = at("2026-11-10T12:00:00Z");
        let mut state = None;
        assert_eq!(spend(&mut state, &budget, now, 4), 4);
        assert_eq!(spend(&mut state, &budget, now + 400 * DAY, 1), 1);
        assert_eq!(spend(&mut state, &budget, now, 100), 6, "{refill:?}: the period is remembered");
        assert_eq!(spend(&mut state, &budget, now + 400 * DAY, 100), 9, "{refill:?}: so is the far one");
        // Another period than the known ones: it may have been granted before.
        assert_eq!(spend(&mut state, &budget, now - 90 * DAY, 100), 0, "{refill:?}");
        assert_eq!(spend(&mut state, &budget, now - 59 * DAY, 100), 10, "{refill:?}: the next period");
    }
}

#[test]
fn strict_and_even_rates_count_each_others_units() {
    let even = Rule::Rate(RateRule::new("a", 10, 60));
    let strict = Rule::Rate(RateRule::new("a", 10, 60).strict());
    for rules in [[&even, &strict, &even, &strict], [&strict, &even, &strict, &even]] {
        let mut state = None;
        let spent: u64 = rules.into_iter().map(|rule| spend(&mut state, rule, DAY, 100)).sum();
        assert_eq!(spent, 10, "{rules:?}");
        let later = DAY + 2 * 60 * SECOND;
        assert_eq!(spend(&mut state, rules[0], later, 100), 10, "{rules:?}: everything is back");
    }
    // An hour after the last call, nothing counts in another window.
    let mut state = None;
    spend(&mut state, &strict, 0, 10);
    let other = Rule::Rate(RateRule::new("a", 10, 30).strict());
    assert_eq!(spend(&mut state, &other, 3_600 * SECOND, 100), 10);
}

proptest! {
    #[test]
    fn no_change_of_refill_grants_more_than_a_budget_in_its_period(
        steps in proptest::collection::vec((0_i64..40, 0_usize..4, 0_u64..30, 0_u64..12), 1..60),
    ) {
        // Hours pass, a rule is in force, up to some units are spent, and some come back.
        let rules = [
            BudgetRule::new(10, Refill::Day),
            BudgetRule::new(25, Refill::Week),
            BudgetRule::new(40, Refill::Month),
            BudgetRule::new(60, Refill::Never),
        ];
        let (mut now, mut state, mut spent) = (at("2026-11-10T12:00:00Z"), None::<State>, Vec::new());
        for (hours, rule, most, returned) in steps {
            now += hours * 3_600 * SECOND;
            let budget = &rules[rule];
            let (next, grant) = take(state.as_ref(), &Rule::Budget(budget.clone()), now, wish(1, most));
            if grant.units == 0 {
                continue;
            }
            let returned = returned.min(grant.units);
            state = Some(give_back(&next, grant.taken, returned).unwrap());
            spent.push((now, grant.units - returned));
            let of = |time: i64| period_of(budget.refill, time);
            let within: u64 = spent.iter().filter(|(time, _)| of(*time) == of(now)).map(|(_, units)| units).sum();
            if budget.refill != Refill::Never {
                prop_assert!(within + returned <= budget.credits, "{budget:?}: {within} in a period");
            }
        }
    }

    #[test]
    fn no_jump_of_the_clock_grants_a_period_twice_or_freezes_a_budget(
        refill in prop_oneof![Just(Refill::Day), Just(Refill::Week), Just(Refill::Month)],
        steps in proptest::collection::vec((any::<bool>(), 0_i64..24, 0_u64..8), 1..40),
    ) {
        let budget = Rule::Budget(BudgetRule::new(10, refill));
        let begin = at("2026-11-29T12:00:00Z");
        let (mut state, mut granted) = (None, std::collections::BTreeMap::new());
        for (far, hours, most) in steps {
            let now = begin + hours * 3_600 * SECOND + if far { 400 * DAY } else { 0 };
            let (next, grant) = take(state.as_ref(), &budget, now, wish(1, most));
            if grant.units > 0 || state.as_ref().is_some_and(|state| is_ahead(state, now)) {
                state = Some(next);
            }
            *granted.entry(grant.taken.period).or_insert(0) += grant.units;
        }
        prop_assert!(granted.values().all(|units| *units <= 10), "{granted:?}");
        // The clock is right again. The period after the next one is granted, whatever happened.
        spend(&mut state, &budget, begin, 100);
        let later = end_of(refill, period_of(refill, begin) + 2).unwrap();
        prop_assert_eq!(spend(&mut state, &budget, later, 100), 10);
    }

    #[test]
    fn switches_between_strict_and_even_admit_at_most_twice_the_quota(
        quota in 1_u32..20,
        steps in proptest::collection::vec((0_i64..4 * SECOND, any::<bool>(), 1_u64..20), 1..60),
    ) {
        let rules = [RateRule::new("a", quota, 10), RateRule::new("a", quota, 10).strict()].map(Rule::Rate);
        let (mut now, mut state, mut spent) = (0, None, Vec::new());
        for (pause, strict, most) in steps {
            now += pause;
            let units = spend(&mut state, &rules[usize::from(strict)], now, most);
            spent.extend((0..units).map(|_| now));
        }
        if !spent.is_empty() {
            prop_assert!(busiest(&spent, 10 * SECOND) <= 2 * quota as usize);
        }
    }

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
