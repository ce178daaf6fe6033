use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::history::{Event, Limit, Micros, Seen, Verdict};
use super::schedule::Fault;
use super::{NODES, STRICT_QUOTA};

/// How long a node may answer 503 after a fault was repaired.
pub const RECOVERY: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "violation", rename_all = "snake_case")]
pub enum Violation {
    /// The request began after the revocation had returned.
    AcceptedAfterRevoked {
        key: u32,
        node: usize,
        /// From the end of the revocation to the start of the request.
        micros_after: Micros,
    },
    /// Before its revocation had begun.
    RefusedThoughValid {
        key: u32,
        node: usize,
        /// Start of the request.
        at: Micros,
    },
    /// The store had been reachable for longer than [`RECOVERY`].
    UnavailableThoughReachable {
        key: u32,
        node: usize,
        /// Start of the request.
        at: Micros,
    },
    /// Or its revocation.
    Lost { key: u32 },
    /// More credits than the store has granted.
    Overspent { spent: u64, taken: u64 },
    /// More than the guide states for these faults.
    CreditsLost { lost: u64, at_most: u64 },
    /// More requests in a second than the strict rate admits.
    RateExceeded { from: Micros, admitted: usize },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    pub count: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub violations: usize,
    pub examples: Vec<Violation>,
    pub revocations: usize,
    pub cancelled: usize,
    pub failed_revocations: usize,
    pub faults: usize,
    pub faults_by_sort: HashMap<&'static str, usize>,
    pub accepted: usize,
    pub refused: usize,
    /// Answered requests that began after the revocation had returned.
    pub asked_after_revoked: usize,
    pub unavailable: usize,
    pub unanswered: usize,
    pub waited_out: usize,
    pub credits_spent: u64,
    /// By the store.
    pub credits_granted: u64,
    pub credits_lost: u64,
    pub credits_may_be_lost: u64,
    pub admitted_by_rate: usize,
    pub refused_by_limits: usize,
    pub busiest_second: usize,
    pub healthy: Latency,
    pub faulty: Latency,
}

pub fn check(events: &[Event]) -> Report {
    let mut report = Report::default();
    let mut violations = Vec::new();
    let (mut issued, mut revoking, mut revoked) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut faults = Vec::new();
    for event in events {
        match event.what {
            Seen::Issued { key } => {
                issued.insert(key, event.done);
            }
            Seen::Revoked { key, waited_out, .. } => {
                revoking.entry(key).and_modify(|at: &mut Micros| *at = event.begun.min(*at)).or_insert(event.begun);
                revoked.insert(key, event.done);
                report.revocations += 1;
                report.waited_out += usize::from(waited_out > 0);
            }
            Seen::Undecided { key, cancelled } => {
                revoking.entry(key).and_modify(|at: &mut Micros| *at = event.begun.min(*at)).or_insert(event.begun);
                if cancelled {
                    report.cancelled += 1;
                } else {
                    report.failed_revocations += 1;
                }
            }
            Seen::Fault(fault) => {
                faults.push((event.begun, event.done, fault));
                *report.faults_by_sort.entry(sort(fault)).or_default() += 1;
            }
            Seen::Asked { .. } | Seen::Limited { .. } | Seen::Credits { .. } | Seen::InTheEnd { .. } => {}
        }
    }
    report.faults = faults.len();
    let disturbed = |node: Option<usize>, begun: Micros, done: Micros| {
        let recovery = RECOVERY.as_micros() as Micros;
        faults.iter().any(|&(from, to, fault): &(Micros, Micros, Fault)| {
            let concerns = node.is_none() || fault.node().is_none() || fault.node() == node;
            concerns && from <= done && begun <= to + recovery
        })
    };
    let (mut healthy, mut faulty) = (Vec::new(), Vec::new());
    for event in events {
        match event.what {
            Seen::Asked { key, node, verdict } => {
                match verdict {
                    Verdict::Accepted => report.accepted += 1,
                    Verdict::Refused => report.refused += 1,
                    Verdict::Unavailable => report.unavailable += 1,
                    Verdict::Failed => report.unanswered += 1,
                }
                let after = revoked.get(&key).and_then(|&returned: &Micros| event.begun.checked_sub(returned));
                if let Some(micros_after) = after.filter(|&after| after > 0 && verdict != Verdict::Failed) {
                    report.asked_after_revoked += 1;
                    if verdict == Verdict::Accepted {
                        violations.push(Violation::AcceptedAfterRevoked { key, node, micros_after });
                    }
                }
                let is_valid = issued.get(&key).is_some_and(|&from| from <= event.begun)
                    && revoking.get(&key).is_none_or(|&from| event.done < from);
                if is_valid && verdict == Verdict::Refused {
                    violations.push(Violation::RefusedThoughValid { key, node, at: event.begun });
                }
                if verdict == Verdict::Unavailable && !disturbed(Some(node), event.begun, event.done) {
                    violations.push(Violation::UnavailableThoughReachable { key, node, at: event.begun });
                }
            }
            Seen::Limited { key, node, verdict: Verdict::Unavailable, .. }
                if !disturbed(Some(node), event.begun, event.done) =>
            {
                violations.push(Violation::UnavailableThoughReachable { key, node, at: event.begun });
            }
            Seen::Revoked { .. } => {
                let took = (event.done - event.begun) as f64 / 1_000.0;
                if disturbed(None, event.begun, event.done) { faulty.push(took) } else { healthy.push(took) }
            }
            Seen::InTheEnd { key, is_there, is_revoked } => {
                if !is_there || is_revoked != revoked.contains_key(&key) && !revoking.contains_key(&key) {
                    violations.push(Violation::Lost { key });
                }
                if revoked.contains_key(&key) && !is_revoked {
                    violations.push(Violation::Lost { key });
                }
            }
            _ => {}
        }
    }
    check_budget(events, &faults, &mut report, &mut violations);
    check_rate(events, &faults, &mut report, &mut violations);
    report.healthy = latency(healthy);
    report.faulty = latency(faulty);
    report.violations = violations.len();
    violations.truncate(20);
    report.examples = violations;
    report
}

type Faults = [(Micros, Micros, Fault)];

fn verdicts(events: &[Event], of: Limit, wanted: Verdict) -> impl Iterator<Item = &Event> {
    events.iter().filter(
        move |event| matches!(event.what, Seen::Limited { limit, verdict, .. } if limit == of && verdict == wanted),
    )
}

fn check_budget(events: &[Event], faults: &Faults, report: &mut Report, violations: &mut Vec<Violation>) {
    let count = |verdict| verdicts(events, Limit::Budget, verdict).count() as u64;
    report.credits_spent = count(Verdict::Accepted);
    report.refused_by_limits += count(Verdict::Refused) as usize;
    let in_the_end = events.iter().find_map(|event| match event.what {
        Seen::Credits { total, remaining } => Some((total, total - remaining)),
        _ => None,
    });
    let Some((total, taken)) = in_the_end else { return };
    report.credits_granted = taken;
    if report.credits_spent > taken {
        violations.push(Violation::Overspent { spent: report.credits_spent, taken });
    }
    // A fault of the store can lose an answer to every node. A request without an answer may have spent its credit.
    let answers = |fault: Fault| if fault.node().is_some() { 1 } else { NODES as u64 };
    let slices: u64 = faults.iter().map(|&(.., fault)| answers(fault)).sum();
    let at_most = slices * (total / 100).min(100) + count(Verdict::Failed);
    report.credits_lost = taken.saturating_sub(report.credits_spent);
    report.credits_may_be_lost = at_most;
    if report.credits_lost > at_most {
        violations.push(Violation::CreditsLost { lost: report.credits_lost, at_most });
    }
}

/// Counts the requests that began and ended within a second. A crash of the store may lose what a rate has admitted.
fn check_rate(events: &[Event], faults: &Faults, report: &mut Report, violations: &mut Vec<Violation>) {
    const SECOND: Micros = 1_000_000;
    let mut accepted: Vec<_> = verdicts(events, Limit::StrictRate, Verdict::Accepted).collect();
    accepted.sort_unstable_by_key(|event| event.begun);
    report.admitted_by_rate = accepted.len();
    report.refused_by_limits += verdicts(events, Limit::StrictRate, Verdict::Refused).count();
    for (first, event) in accepted.iter().enumerate() {
        let (from, to) = (event.begun, event.begun + SECOND);
        let within = accepted[first..].iter().take_while(|event| event.begun < to).filter(|event| event.done < to);
        let admitted = within.count();
        let is_crash = |&&(begun, done, fault): &&(Micros, Micros, Fault)| {
            fault == Fault::Crash && begun < to && from < done + SECOND
        };
        let crashes = faults.iter().filter(is_crash).count();
        if crashes == 0 {
            report.busiest_second = report.busiest_second.max(admitted);
        }
        if admitted > STRICT_QUOTA as usize * (1 + crashes) {
            violations.push(Violation::RateExceeded { from, admitted });
        }
    }
}

fn sort(fault: Fault) -> &'static str {
    match fault {
        Fault::Stop(_) => "node_stopped",
        Fault::Kill(_) => "node_killed",
        Fault::Cut(_) => "link_cut",
        Fault::Delay(..) => "link_slow",
        Fault::Crash => "store_crashed",
        Fault::Freeze => "store_stopped",
    }
}

fn latency(mut took: Vec<f64>) -> Latency {
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took.get((took.len() as f64 * part) as usize).or(took.last()).copied().unwrap_or_default();
    Latency { count: took.len(), p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn event(begun: Micros, done: Micros, what: Seen) -> Event {
        Event { begun, done, what }
    }

    fn asked(begun: Micros, verdict: Verdict) -> Event {
        event(begun, begun + 10, Seen::Asked { key: 1, node: 0, verdict })
    }

    fn issued() -> Event {
        event(0, 10, Seen::Issued { key: 1 })
    }

    fn revoked() -> Event {
        event(1_000, 2_000, Seen::Revoked { key: 1, confirmed: 3, waited_out: 0 })
    }

    fn violations(events: &[Event]) -> Vec<Violation> {
        check(events).examples
    }

    #[test]
    fn acceptance_after_a_revocation_is_a_violation() {
        for (begun, expected) in [(500, 0), (1_500, 0), (2_000, 0), (2_001, 1), (9 * SECOND, 1)] {
            let seen = violations(&[issued(), revoked(), asked(begun, Verdict::Accepted)]);
            assert_eq!(seen.len(), expected, "{begun}: {seen:?}");
        }
    }

    #[test]
    fn refusal_of_a_valid_key_is_a_violation() {
        for (begun, expected) in [(5, 0), (20, 1), (995, 0), (1_500, 0)] {
            let seen = violations(&[issued(), revoked(), asked(begun, Verdict::Refused)]);
            assert_eq!(seen.len(), expected, "{begun}: {seen:?}");
        }
    }

    #[test]
    fn unavailability_without_a_fault_is_a_violation() {
        let fault = |fault| event(SECOND, 2 * SECOND, Seen::Fault(fault));
        for (fault, begun, expected) in [
            (fault(Fault::Cut(0)), SECOND + 1, 0),
            (fault(Fault::Cut(0)), 4 * SECOND, 0),
            (fault(Fault::Crash), 4 * SECOND, 0),
            (fault(Fault::Cut(0)), 6 * SECOND, 1),
            (fault(Fault::Cut(1)), SECOND + 1, 1),
            (fault(Fault::Crash), SECOND / 2, 1),
        ] {
            let seen = violations(&[issued(), fault.clone(), asked(begun, Verdict::Unavailable)]);
            assert_eq!(seen.len(), expected, "{fault:?} {begun}: {seen:?}");
        }
    }

    fn limited(limit: Limit, begun: Micros, done: Micros, verdict: Verdict) -> Event {
        event(begun, done, Seen::Limited { key: 9, limit, node: 0, verdict })
    }

    #[test]
    fn credits_that_appear_or_vanish_are_violations() {
        let fault = |fault| event(0, SECOND, Seen::Fault(fault));
        // Of 1,000 credits, 10 are spent and one request has no answer.
        for (remaining, fault, expected) in [
            (990, None, 0),
            (989, None, 0),
            (991, None, 1),
            (988, None, 1),
            (979, Some(fault(Fault::Kill(1))), 0),
            (978, Some(fault(Fault::Kill(1))), 1),
            (959, Some(fault(Fault::Crash)), 0),
            (958, Some(fault(Fault::Crash)), 1),
        ] {
            let mut events = vec![limited(Limit::Budget, 1, 2, Verdict::Accepted); 10];
            events.push(limited(Limit::Budget, 1, 2, Verdict::Failed));
            events.push(limited(Limit::Budget, 1, 2, Verdict::Refused));
            events.extend(fault);
            events.push(event(SECOND, SECOND, Seen::Credits { total: 1_000, remaining }));
            let seen = violations(&events);
            assert_eq!(seen.len(), expected, "{remaining}: {seen:?}");
        }
    }

    #[test]
    fn more_than_the_quota_within_a_second_is_a_violation() {
        let quota = u64::from(STRICT_QUOTA);
        let calls = |number: u64, done: Micros| {
            (0..number).map(move |call| limited(Limit::StrictRate, call, call + done, Verdict::Accepted))
        };
        for (events, expected) in [
            (calls(quota, 10).collect(), 0),
            (calls(quota + 1, 10).collect(), 1),
            // The last of them may belong to the next second.
            (calls(quota + 1, SECOND).collect(), 0),
            (calls(quota + 1, 10).chain([event(0, 9, Seen::Fault(Fault::Crash))]).collect::<Vec<_>>(), 0),
        ] {
            let seen = violations(&events);
            assert_eq!(seen.len(), expected, "{seen:?}");
        }
    }

    #[test]
    fn lost_keys_and_revocations_are_violations() {
        for (is_there, is_revoked, expected) in [(true, true, 0), (true, false, 1), (false, false, 2)] {
            let end = event(SECOND, SECOND, Seen::InTheEnd { key: 1, is_there, is_revoked });
            assert_eq!(violations(&[issued(), revoked(), end]).len(), expected);
        }
        let revived = event(SECOND, SECOND, Seen::InTheEnd { key: 1, is_there: true, is_revoked: true });
        assert_eq!(violations(&[issued(), revived]).len(), 1, "the store holds a revocation that no client asked for");
    }
}
