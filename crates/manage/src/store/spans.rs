//! Spans of days that keys are counted in, so that a range of days is a few spans.

/// The lengths in days. Each is a multiple of the one before.
pub(super) const LENGTHS: [i64; 3] = [1, 4, 16];

/// Days that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) days: i64,
    /// The first day since 1970 (UTC), a multiple of `days`.
    pub(super) start: i64,
}

/// Returns the spans of a day.
#[cfg(any(test, feature = "sqlite"))]
pub(super) fn of_day(day: i64) -> [Span; LENGTHS.len()] {
    LENGTHS.map(|days| Span { days, start: day.div_euclid(days) * days })
}

/// Returns the fewest spans that have each day from `from` to `to` once. No day after `last` is counted, so the last span may be longer.
pub(super) fn cover(from: i64, to: i64, last: i64) -> Vec<Span> {
    let (mut spans, mut start, to) = (Vec::new(), from, to.min(last));
    while start <= to {
        let fits = |days: &i64| start.rem_euclid(*days) == 0 && (to == last || start + days - 1 <= to);
        let days = LENGTHS.into_iter().rev().find(fits).unwrap_or(1);
        spans.push(Span { days, start });
        start += days;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_covered_by_few_spans_of_its_days() {
        for from in 0..40 {
            for to in from - 1..from + 100 {
                for last in [to - 20, to, to + 1, to + 50] {
                    let spans = cover(from, to, last);
                    let days = spans.iter().flat_map(|span| span.start..span.start + span.days);
                    let counted: Vec<i64> = days.filter(|day| *day <= last).collect();
                    assert_eq!(counted, (from..=to.min(last)).collect::<Vec<_>>());
                    assert!(spans.iter().all(|span| of_day(span.start).contains(span)), "{spans:?}");
                    let most = if to < last { 12 } else { 7 };
                    assert!(spans.len() as i64 <= most + (to - from + 1) / 16, "{from} to {to}: {spans:?}");
                }
            }
        }
    }
}
