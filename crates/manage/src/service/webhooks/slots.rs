//! Which deliveries are attempted next, so that no receiver and no account takes the time of others.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use keyward_core::AccountId;

use crate::records::{Due, Versioned};

const MAX_ATTEMPTS: usize = 64;
pub(super) const MAX_PER_WEBHOOK: usize = 4;
const MAX_PER_ACCOUNT: usize = 16;
/// Only an account without an attempt gets these, so that accounts whose receivers hang do not fill all slots.
const FOR_FIRST: usize = 16;
/// Webhooks whose receivers hang get one slot of each account, and these in all.
const MAX_SLOW: usize = 32;
const SLOW: Duration = Duration::from_secs(10);
/// A webhook is slow after this many slow attempts in a row. After as many of its account, so are those that never answered.
const SLOW_AFTER: usize = 2;

/// The slots of the attempts that are running.
#[derive(Default)]
pub(super) struct Slots {
    /// By the id of the delivery.
    running: HashMap<String, Due>,
    /// The slow attempts in a row of each account and webhook that had an attempt.
    slow: HashMap<String, usize>,
    /// The last turn of each account and webhook.
    turns: HashMap<String, u64>,
    turn: u64,
}

/// Due deliveries by webhook, oldest first.
#[derive(Default)]
pub(super) struct Waiting {
    known: HashSet<String>,
    queues: BTreeMap<String, VecDeque<Versioned<Due>>>,
}

impl Waiting {
    pub(super) fn add(&mut self, due: Versioned<Due>) {
        if self.known.insert(due.delivery.clone()) {
            self.queues.entry(due.webhook.clone()).or_default().push_back(due);
        }
    }
}

impl Slots {
    pub(super) fn are_full(&self) -> bool {
        self.running.len() >= MAX_ATTEMPTS
    }

    /// Takes a slot for the next delivery, if one may be attempted: each account gets one before another gets its second.
    pub(super) fn take(&mut self, waiting: &mut Waiting) -> Option<Versioned<Due>> {
        let used = self.used();
        let open = waiting.queues.iter_mut().filter_map(|(webhook, queue)| {
            while queue.front().is_some_and(|due| self.running.contains_key(&due.delivery)) {
                queue.pop_front();
            }
            let account = queue.front()?.account.clone();
            let rank = self.rank(&used, webhook, &account)?;
            Some((rank, queue))
        });
        let (_, queue) = open.min_by_key(|(rank, _)| *rank)?;
        let due = queue.pop_front()?;
        self.turn += 1;
        self.turns.insert(due.account.to_string(), self.turn);
        self.turns.insert(due.webhook.clone(), self.turn);
        self.running.insert(due.delivery.clone(), due.value.clone());
        Some(due)
    }

    /// `took` is `None` if there was no attempt, because another node has it.
    pub(super) fn free(&mut self, delivery: &str, took: Option<Duration>) {
        let (Some(due), Some(took)) = (self.running.remove(delivery), took) else { return };
        for name in [due.account.to_string(), due.webhook] {
            let in_a_row = self.slow.entry(name).or_default();
            *in_a_row = if took >= SLOW { *in_a_row + 1 } else { 0 };
        }
    }

    /// The lowest goes first. `None` if the webhook gets no slot now.
    fn rank(&self, used: &Used<'_>, webhook: &str, account: &AccountId) -> Option<[u64; 4]> {
        let of_webhook = used.webhooks.get(webhook).copied().unwrap_or_default();
        let (of_account, slow_of_account) = used.accounts.get(account).copied().unwrap_or_default();
        let free = MAX_ATTEMPTS.saturating_sub(self.running.len());
        let has_free = free > if of_account == 0 { 0 } else { FOR_FIRST };
        let may_be_slow = !self.is_slow(webhook, account) || (slow_of_account == 0 && used.slow < MAX_SLOW);
        let may = has_free && may_be_slow && of_webhook < MAX_PER_WEBHOOK && of_account < MAX_PER_ACCOUNT;
        let turn_of = |name: &str| self.turns.get(name).copied().unwrap_or_default();
        may.then(|| [of_account as u64, turn_of(account.as_str()), of_webhook as u64, turn_of(webhook)])
    }

    fn is_slow(&self, webhook: &str, account: &AccountId) -> bool {
        let in_a_row = |name: &str| self.slow.get(name).copied();
        match in_a_row(webhook) {
            Some(0) => false,
            Some(SLOW_AFTER..) => true,
            _ => in_a_row(account.as_str()).is_some_and(|attempts| attempts >= SLOW_AFTER),
        }
    }

    fn used(&self) -> Used<'_> {
        let mut used = Used::default();
        for due in self.running.values() {
            let is_slow = usize::from(self.is_slow(&due.webhook, &due.account));
            let of_account = used.accounts.entry(&due.account).or_default();
            *of_account = (of_account.0 + 1, of_account.1 + is_slow);
            *used.webhooks.entry(due.webhook.as_str()).or_default() += 1;
            used.slow += is_slow;
        }
        used
    }
}

#[derive(Default)]
struct Used<'a> {
    /// The slots of each account, and those of them for slow webhooks.
    accounts: HashMap<&'a AccountId, (usize, usize)>,
    webhooks: HashMap<&'a str, usize>,
    slow: usize,
}

#[cfg(test)]
mod tests {
    use keyward_core::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const TIMEOUT: u64 = 20;

    fn due(account: &str, webhook: usize, delivery: usize) -> Versioned<Due> {
        let value = Due {
            delivery: format!("{account}.{webhook}.{delivery}"),
            webhook: format!("{account}.{webhook}"),
            account: account.parse().unwrap(),
            at: Timestamp::from_millis(0),
        };
        Versioned { value, version: 1 }
    }

    /// Deliveries to receivers that hang, of accounts with the most webhooks.
    fn hanging(accounts: usize, deliveries: usize) -> Vec<Versioned<Due>> {
        let of = |account: usize| {
            let webhooks = (0..20).flat_map(move |webhook| (0..deliveries).map(move |delivery| (webhook, delivery)));
            webhooks.map(move |(webhook, delivery)| due(&format!("acct_slow{account}"), webhook, delivery))
        };
        (0..accounts).flat_map(of).collect()
    }

    /// A worker and its receivers, second by second.
    #[derive(Default)]
    struct Clocked {
        slots: Slots,
        now: u64,
        ends: Vec<(u64, String, u64)>,
        done: HashSet<String>,
    }

    impl Clocked {
        /// Gives slots to what is due. Returns what got one.
        fn turn(&mut self, due: &[Versioned<Due>], seconds: impl Fn(&Due) -> u64) -> Vec<String> {
            let (ended, running) = std::mem::take(&mut self.ends).into_iter().partition(|(end, ..)| *end <= self.now);
            self.ends = running;
            let ended: Vec<(u64, String, u64)> = ended;
            for (_, delivery, took) in ended {
                self.slots.free(&delivery, Some(Duration::from_secs(took)));
                self.done.insert(delivery);
            }
            let mut waiting = Waiting::default();
            for due in due.iter().filter(|due| !self.done.contains(&due.delivery)) {
                waiting.add(due.clone());
            }
            let mut begun = Vec::new();
            while let Some(due) = self.slots.take(&mut waiting) {
                let took = seconds(&due);
                self.ends.push((self.now + took, due.delivery.clone(), took));
                begun.push(due.value.delivery);
            }
            self.now += 1;
            begun
        }
    }

    #[test]
    fn an_event_waits_for_no_receivers_that_hang_in_other_accounts() {
        // With so many that each slot is taken at first, the event waits until the worker knows the receivers.
        for (accounts, quiet) in [(1, 1), (4, 1), (10, 1), (40, 1), (200, 15 * TIMEOUT)] {
            let slow = hanging(accounts, if accounts > 100 { 1 } else { 5 });
            let mut worker = Clocked::default();
            for _ in 0..quiet {
                worker.turn(&slow, |_| TIMEOUT);
            }
            for second in 0..200 {
                // The youngest.
                let quick = due("acct_quick", 0, second);
                let all: Vec<_> = slow.iter().cloned().chain([quick.clone()]).collect();
                let begun = worker.turn(&all, |due| if due.account.as_str() == "acct_quick" { 0 } else { TIMEOUT });
                assert!(begun.contains(&quick.value.delivery), "{accounts} accounts, second {second}");
                assert!(worker.slots.running.len() <= MAX_ATTEMPTS);
            }
        }
    }

    #[test]
    fn an_account_whose_receivers_all_hang_keeps_one_slot_until_one_answers() {
        let slow = hanging(1, 20);
        let mut worker = Clocked::default();
        for _ in 0..3 * TIMEOUT + 1 {
            worker.turn(&slow, |_| TIMEOUT);
        }
        for _ in 0..10 * TIMEOUT {
            assert_eq!(worker.slots.running.len(), 1);
            worker.turn(&slow, |_| TIMEOUT);
        }
        for _ in 0..20 * TIMEOUT {
            worker.turn(&slow, |_| 1);
        }
        assert_eq!((worker.done.len(), worker.slots.running.len()), (slow.len(), 0));
    }

    #[test]
    fn a_receiver_that_hangs_delays_no_other_of_its_account() {
        let slow = hanging(1, 20).into_iter().filter(|due| due.webhook.ends_with(".0")).collect::<Vec<_>>();
        let mut worker = Clocked::default();
        for second in 0..100 {
            let quick = due("acct_slow0", 1, second);
            let all: Vec<_> = slow.iter().cloned().chain([quick.clone()]).collect();
            let begun = worker.turn(&all, |due| if due.webhook.ends_with(".0") { TIMEOUT } else { 0 });
            assert!(begun.contains(&quick.value.delivery), "second {second}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// For all deliveries that wait or run.
        #[test]
        fn slots_are_shared(
            first in prop::collection::vec((0..80_usize, 0..20_usize, 0..8_usize), 0..300),
            ended in prop::collection::vec((any::<prop::sample::Index>(), 0..30_u64), 0..80),
            then in prop::collection::vec((0..80_usize, 0..20_usize, 0..8_usize), 0..300),
        ) {
            let mut slots = Slots::default();
            let all = |made: &[(usize, usize, usize)]| {
                let mut waiting = Waiting::default();
                made.iter().for_each(|(account, webhook, n)| waiting.add(due(&format!("acct_{account}"), *webhook, *n)));
                waiting
            };
            let mut waiting = all(&first);
            while slots.take(&mut waiting).is_some() {}
            for (which, took) in ended {
                let mut running: Vec<String> = slots.running.keys().cloned().collect();
                running.sort();
                if !running.is_empty() {
                    let delivery: &String = which.get(&running);
                    slots.free(delivery, Some(Duration::from_secs(took)));
                }
            }
            let mut waiting = all(&then);
            while let Some(taken) = slots.take(&mut waiting) {
                let of = |account: &AccountId| slots.running.values().filter(|due| due.account == *account).count();
                let of_webhook = slots.running.values().filter(|due| due.webhook == taken.webhook).count();
                let number = of(&taken.account);
                prop_assert!(slots.running.len() <= MAX_ATTEMPTS);
                prop_assert!(number <= MAX_PER_ACCOUNT && of_webhook <= MAX_PER_WEBHOOK);
                prop_assert!(number == 1 || slots.running.len() <= MAX_ATTEMPTS - FOR_FIRST);
                for queue in waiting.queues.values() {
                    let Some(other) = queue.iter().find(|due| !slots.running.contains_key(&due.delivery)) else { continue };
                    prop_assert!(number == 1 || of(&other.account) > 0 || slots.is_slow(&other.webhook, &other.account));
                }
            }
            // Each delivery that is left has a reason to wait.
            for queue in waiting.queues.values() {
                let Some(left) = queue.iter().find(|due| !slots.running.contains_key(&due.delivery)) else { continue };
                prop_assert!(slots.rank(&slots.used(), &left.webhook, &left.account).is_none());
            }
        }
    }
}
