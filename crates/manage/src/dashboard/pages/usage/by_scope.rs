//! The table of required scopes.

use std::collections::BTreeMap;

use super::sum::Sum;
use crate::dashboard::svg::{self, Share};
use crate::dashboard::text::number;
use crate::dashboard::words;
use crate::service::UsageScope;

const MOST_ROWS: usize = 30;

pub(in crate::dashboard) struct ScopeRow {
    pub(in crate::dashboard) scope: String,
    pub(in crate::dashboard) sum: Sum,
    pub(in crate::dashboard) share: Share,
}

/// The scopes that requests needed, the most frequent first.
pub(in crate::dashboard) struct Scopes {
    pub(in crate::dashboard) rows: Vec<ScopeRow>,
    pub(in crate::dashboard) more: Option<String>,
    /// The query of the file.
    pub(in crate::dashboard) file: String,
}

impl Scopes {
    /// `None` without counts.
    pub(in crate::dashboard) fn of(counts: &[UsageScope], file: String) -> Option<Self> {
        let mut by_scope: BTreeMap<&str, Sum> = BTreeMap::new();
        for count in counts {
            by_scope.entry(&count.scope).or_default().add(&count.outcome, count.times);
        }
        let mut sums: Vec<(&str, Sum)> = by_scope.into_iter().collect();
        sums.sort_by_key(|(_, sum)| u64::MAX - sum.all());
        let most = sums.first()?.1.all();
        let more = sums.len().saturating_sub(MOST_ROWS) as u64;
        let row = |(scope, sum): (&str, Sum)| ScopeRow {
            scope: if scope == crate::store::OTHER_SCOPES { words::usage::OTHER_SCOPES } else { scope }.to_owned(),
            sum,
            share: svg::share(sum.accepted, sum.refused, most),
        };
        let rows = sums.into_iter().take(MOST_ROWS).map(row).collect();
        Some(Self { rows, more: (more > 0).then(|| number(more)), file })
    }
}

/// The scopes that keys lacked and that `has` does not know, the most frequent first.
pub(in crate::dashboard) fn lacked(counts: &[UsageScope], has: impl Fn(&str) -> bool) -> Vec<(String, u64)> {
    let mut by_scope: BTreeMap<&str, u64> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.outcome != "accepted" && !has(&count.scope)) {
        let times = by_scope.entry(&count.scope).or_default();
        *times = times.saturating_add(count.times);
    }
    let mut lacked: Vec<_> = by_scope.into_iter().map(|(scope, times)| (scope.to_owned(), times)).collect();
    lacked.sort_by_key(|(_, times)| u64::MAX - times);
    lacked
}

#[cfg(test)]
mod tests {
    use keyward_core::Timestamp;

    use super::*;

    fn count(scope: &str, outcome: &str, times: u64) -> UsageScope {
        UsageScope { day: Timestamp::from_millis(0), scope: scope.to_owned(), outcome: outcome.to_owned(), times }
    }

    #[test]
    fn the_most_required_scope_is_the_first() {
        assert!(Scopes::of(&[], String::new()).is_none());
        let mut counts = vec![
            count("a:read", "accepted", 5),
            count("b:read", "accepted", 30),
            count("a:read", "insufficient_scope", 95),
            count("other", "accepted", 1),
        ];
        let found = Scopes::of(&counts, String::new()).unwrap();
        let rows: Vec<_> = found.rows.iter().map(|row| (row.scope.as_str(), row.sum.all())).collect();
        assert_eq!(rows, [("a:read", 100), ("b:read", 30), ("other scopes", 1)]);
        // The colour is not the only difference, and one request is visible.
        let bars =
            |place: usize| found.rows[place].share.bars.iter().map(|bar| (bar.x, bar.width, bar.pattern.is_some()));
        assert_eq!(bars(0).collect::<Vec<_>>(), [(0, 8, false), (8, 152, true)]);
        assert_eq!(bars(2).collect::<Vec<_>>(), [(0, 1, false)]);
        assert_eq!(found.rows[0].share.label, "5 accepted, 95 refused");
        counts.extend((0..40).map(|number| count(&format!("x:s{number}"), "accepted", 2)));
        let found = Scopes::of(&counts, String::new()).unwrap();
        assert_eq!((found.rows.len(), found.more.as_deref()), (30, Some("13")));
    }

    #[test]
    fn lacked_scopes_leave_out_those_that_the_key_has_by_now() {
        let counts = [
            count("a:read", "insufficient_scope", 1),
            count("b:read", "insufficient_scope", 3),
            count("c:read", "insufficient_scope", 9),
            count("d:read", "accepted", 9),
        ];
        let found = lacked(&counts, |scope| scope == "c:read");
        assert_eq!(found, [("b:read".to_owned(), 3), ("a:read".to_owned(), 1)]);
    }
}
