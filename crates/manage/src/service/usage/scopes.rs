//! Counts of required scopes that wait to be written.

use std::collections::BTreeMap;
use std::mem;

use keyward_core::{AccountId, CredentialId, Scope};

use crate::store::{MOST_SCOPES, NewScopeCount, OTHER_SCOPES};

/// About 3 MiB.
const MOST_ROWS: usize = 10_000;

/// So that no account fills the memory or delays the others' writes.
const MOST_ROWS_OF_ACCOUNT: usize = 2_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// `None`: it counts for the account only.
    pub(super) key: Option<CredentialId>,
    pub(super) day: i64,
    /// `None`: it counts as other.
    pub(super) scope: Option<Scope>,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) times: u64,
    /// The catalogue or the key names the scope.
    pub(super) is_listed: bool,
}

pub(super) struct Taken {
    account: AccountId,
    row: Row,
    tally: Tally,
}

#[derive(Default)]
pub(super) struct ScopeCounts {
    /// Sorted, so that the scopes of a key and day are next to each other.
    accounts: BTreeMap<AccountId, BTreeMap<Row, Tally>>,
    rows: usize,
    dropped: u64,
}

impl Taken {
    pub(super) fn key(&self) -> Option<&CredentialId> {
        self.row.key.as_ref()
    }

    pub(super) fn to_count(&self) -> NewScopeCount {
        NewScopeCount {
            account: self.account.to_string(),
            key: self.row.key.as_ref().map(ToString::to_string).unwrap_or_default(),
            day: self.row.day,
            scope: self.row.scope.as_ref().map_or(OTHER_SCOPES, Scope::as_str).to_owned(),
            outcome: self.row.outcome.to_owned(),
            times: self.tally.times,
            is_listed: self.tally.is_listed,
        }
    }
}

impl ScopeCounts {
    /// A scope beyond the most of its key counts as other. A key beyond the share of its account counts for the account only.
    pub(super) fn add(&mut self, account: &AccountId, mut row: Row, tally: Tally) {
        if self.increase(account, &row, tally) {
            return;
        }
        if !self.has_a_name_left(account, &row, tally.is_listed) {
            row.scope = None;
            if self.increase(account, &row, tally) {
                return;
            }
        }
        let own = self.accounts.get(account).map_or(0, BTreeMap::len);
        if self.rows < MOST_ROWS && own < MOST_ROWS_OF_ACCOUNT {
            self.insert(account, row, tally);
        } else if own < MOST_ROWS_OF_ACCOUNT.min(MOST_ROWS / self.accounts.len().max(1)) {
            self.make_room();
            self.insert(account, row, tally);
        } else {
            self.add_to_account(account, &row, tally.times);
        }
    }

    /// Takes rows out, of all accounts or of one.
    pub(super) fn take(&mut self, of: Option<&AccountId>, most: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(account) = of.or_else(|| self.accounts.keys().next()).cloned() else { break };
            let Some(rows) = self.accounts.get_mut(&account) else { break };
            match rows.pop_first() {
                Some((row, tally)) => {
                    self.rows -= 1;
                    taken.push(Taken { account, row, tally });
                }
                None => drop(self.accounts.remove(&account)),
            }
        }
        taken
    }

    /// Puts rows back that could not be written.
    pub(super) fn put_back(&mut self, taken: Taken) {
        self.add(&taken.account, taken.row, taken.tally);
    }

    pub(super) fn rows(&self, of: Option<&AccountId>) -> usize {
        of.map_or(self.rows, |account| self.accounts.get(account).map_or(0, BTreeMap::len))
    }

    /// Returns how many counts lost their key and scope since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        mem::take(&mut self.dropped)
    }

    fn increase(&mut self, account: &AccountId, row: &Row, tally: Tally) -> bool {
        let Some(known) = self.accounts.get_mut(account).and_then(|rows| rows.get_mut(row)) else { return false };
        known.times = known.times.saturating_add(tally.times);
        known.is_listed |= tally.is_listed;
        true
    }

    fn insert(&mut self, account: &AccountId, row: Row, tally: Tally) {
        if self.accounts.entry(account.clone()).or_default().insert(row, tally).is_none() {
            self.rows += 1;
        }
    }

    fn has_a_name_left(&self, account: &AccountId, row: &Row, is_listed: bool) -> bool {
        let Some(rows) = self.accounts.get(account) else { return true };
        let first = Row { scope: None, outcome: "", ..row.clone() };
        let of_key = rows.range(first..).map(|(known, _)| known);
        let (mut names, mut last) = (0, None);
        for known in of_key.take_while(|known| known.key == row.key && known.day == row.day) {
            if known.scope == row.scope {
                return true;
            }
            if known.scope.is_some() && last != Some(&known.scope) {
                names += 1;
            }
            last = Some(&known.scope);
        }
        names < if is_listed { MOST_SCOPES } else { MOST_SCOPES / 2 }
    }

    /// Keeps the account's sum right. There are few of these rows, unless there are very many accounts.
    fn add_to_account(&mut self, account: &AccountId, row: &Row, times: u64) {
        self.dropped = self.dropped.saturating_add(times);
        let sum = Row { key: None, scope: None, ..row.clone() };
        let tally = Tally { times, is_listed: false };
        if !self.increase(account, &sum, tally) && self.rows < 2 * MOST_ROWS {
            self.insert(account, sum, tally);
        }
    }

    /// Takes the key from a row of the account that has the most.
    fn make_room(&mut self) {
        let Some((account, _)) = self.accounts.iter().max_by_key(|(_, rows)| rows.len()) else { return };
        let account = account.clone();
        if let Some((row, tally)) = self.accounts.get_mut(&account).and_then(BTreeMap::pop_last) {
            self.rows -= 1;
            self.add_to_account(&account, &row, tally.times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(counts: &mut ScopeCounts, account: &str, key: usize, scope: &str, is_listed: bool) {
        let key = Some(format!("key_{key}").parse().unwrap());
        let row = Row { key, day: 1, scope: Some(scope.parse().unwrap()), outcome: "accepted" };
        counts.add(&account.parse().unwrap(), row, Tally { times: 1, is_listed });
    }

    fn sum(taken: &[Taken]) -> u64 {
        taken.iter().map(|taken| taken.tally.times).sum()
    }

    #[test]
    fn a_key_has_few_names_and_half_of_them_are_for_listed_scopes() {
        let mut counts = ScopeCounts::default();
        for round in 0..2 {
            (0..10_000).for_each(|number| add(&mut counts, "acct_1", 1, &format!("x:s{round}x{number}"), false));
        }
        assert_eq!(counts.rows(None), MOST_SCOPES / 2 + 1);
        (0..100).for_each(|number| add(&mut counts, "acct_1", 1, &format!("a:s{number}"), true));
        (0..100).for_each(|number| add(&mut counts, "acct_1", 2, &format!("a:s{number}"), true));
        let taken = counts.take(None, usize::MAX);
        assert_eq!((taken.len(), sum(&taken), counts.take_dropped()), (2 * MOST_SCOPES + 2, 20_200, 0));
        assert!(taken.iter().any(|taken| taken.row.scope.as_ref().is_some_and(|scope| scope.as_str() == "a:s0")));
        assert_eq!((counts.rows(None), counts.take(None, 9).len()), (0, 0));
    }

    #[test]
    fn a_flood_of_one_account_costs_others_nothing() {
        let mut counts = ScopeCounts::default();
        (0..20_000).for_each(|number| add(&mut counts, "acct_flood", number, "x:a", true));
        assert_eq!(counts.rows(None), MOST_ROWS_OF_ACCOUNT + 1);
        (0..50).for_each(|key| add(&mut counts, "acct_other", key, "a:read", true));
        let flood: AccountId = "acct_flood".parse().unwrap();
        let taken = counts.take(Some(&flood), usize::MAX);
        // Its sum stays right.
        assert_eq!((sum(&taken), counts.take_dropped()), (20_000, 20_000 - MOST_ROWS_OF_ACCOUNT as u64));
        assert_eq!((counts.rows(Some(&flood)), counts.rows(None)), (0, 50));
    }

    #[test]
    fn a_flood_of_many_accounts_leaves_each_other_one_its_share() {
        let mut counts = ScopeCounts::default();
        for account in 0..20 {
            (0..2_500).for_each(|key| add(&mut counts, &format!("acct_flood_{account}"), key, "x:a", true));
        }
        (0..100).for_each(|key| add(&mut counts, "acct_other", key, "a:read", true));
        assert!(counts.rows(None) <= MOST_ROWS + 21, "{}", counts.rows(None));
        assert!(counts.take_dropped() > 0);
        let taken = counts.take(Some(&"acct_other".parse().unwrap()), usize::MAX);
        assert!(taken.len() == 100 && taken.iter().all(|taken| taken.row.key.is_some()));
        assert_eq!(sum(&counts.take(None, usize::MAX)), 50_000);
        for number in 0..30_000 {
            add(&mut counts, &format!("acct_{number}"), 1, "a:read", true);
        }
        assert!(counts.rows(None) <= 2 * MOST_ROWS, "{}", counts.rows(None));
    }

    #[test]
    fn rows_that_could_not_be_written_come_back_within_the_bounds() {
        let mut counts = ScopeCounts::default();
        (0..40).for_each(|number| add(&mut counts, "acct_1", 1, &format!("x:s{number}"), true));
        let taken = counts.take(None, 30);
        (0..40).for_each(|number| add(&mut counts, "acct_1", 1, &format!("y:s{number}"), true));
        taken.into_iter().for_each(|taken| counts.put_back(taken));
        assert_eq!(counts.rows(None), MOST_SCOPES + 1);
        assert_eq!(sum(&counts.take(None, usize::MAX)), 80);
    }
}
