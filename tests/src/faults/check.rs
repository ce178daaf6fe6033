use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::history::{Event, Micros, Seen, Verdict};
use super::schedule::Fault;

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
            Seen::Asked { .. } | Seen::InTheEnd { .. } => {}
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
    report.healthy = latency(healthy);
    report.faulty = latency(faulty);
    report.violations = violations.len();
    violations.truncate(20);
    report.examples = violations;
    report
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
