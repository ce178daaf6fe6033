use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keyward_core::store::{StoreError, async_trait};
use keyward_core::{CredentialId, Identity, Rejection};
use keyward_limits::{
    BudgetRule, ChangedRules, Counter, CounterState, LimitRules, LimitStore, Limits, LimitsOptions, RateRule, Refill,
    StoredRules, Subject, counted_as, credits_left, hand_on_rules,
};

use super::{Call, SOON, busiest_second, eventually, in_time};

type Nodes = [Arc<dyn LimitStore>; 3];

const ONE: NonZeroU32 = NonZeroU32::MIN;

fn caller(account: &str, key: &str) -> Identity {
    Identity::api_key(key.parse().expect("an id"), account.parse().expect("an id"))
}

fn account(id: &str) -> Subject {
    Subject::Account(id.parse().expect("an id"))
}

fn budget(credits: u64) -> LimitRules {
    LimitRules::new().budget(BudgetRule::new(credits, Refill::Never)).expect("the budget is valid")
}

fn rate(rate: RateRule) -> LimitRules {
    LimitRules::new().rate(rate).expect("the rate is valid")
}

async fn put(store: &dyn LimitStore, subject: &Subject, rules: &LimitRules) {
    store.put_rules(subject, rules, None).await.expect("the store answers").expect("no version is asked for");
}

async fn left(store: &dyn LimitStore, subject: &Subject, credits: u64) -> u64 {
    let rule = BudgetRule::new(credits, Refill::Never);
    credits_left(store, subject, &rule).await.expect("the store answers").remaining
}

async fn start(store: &Arc<dyn LimitStore>) -> Limits {
    LimitsOptions::default().store_timeout(SOON).start(Arc::clone(store)).await.expect("the store answers")
}

async fn is_accepted(limits: &Limits, caller: &Identity) -> bool {
    let rates = ["default".into()];
    match in_time(|| limits.spend(caller, &rates, ONE)).await {
        Ok(_) => true,
        Err(Rejection::BudgetExhausted(_) | Rejection::RateLimitExceeded(_)) => false,
        Err(other) => panic!("unexpected refusal: {other:?}"),
    }
}

pub(super) async fn rules_are_replaced_only_at_their_version(nodes: &Nodes) {
    let [one, two, _] = nodes;
    let subject = Subject::Plan("versions".into());
    assert_eq!(one.rules(&subject).await.expect("an answer"), StoredRules::default());
    let begun = one.changed_rules(0).await.expect("an answer").version;
    let first = one.put_rules(&subject, &budget(1), Some(0)).await.expect("an answer").expect("the version fits");
    assert!(first > begun);
    assert_eq!(two.put_rules(&subject, &budget(2), Some(0)).await.expect("an answer"), None, "a stale change");
    let changed = two.changed_rules(begun).await.expect("an answer");
    assert_eq!(changed, ChangedRules { version: first, rules: vec![(subject.clone(), budget(1))] });
    let second = two.put_rules(&subject, &LimitRules::new(), Some(first)).await.expect("an answer").expect("it fits");
    assert_eq!(one.rules(&subject).await.expect("an answer").version, second);
    let changed = one.changed_rules(first).await.expect("an answer");
    assert_eq!(changed, ChangedRules { version: second, rules: vec![(subject, LimitRules::new())] });
    assert!(one.changed_rules(second).await.expect("an answer").rules.is_empty());
    // Two writes never have the same version.
    let writes = (0..60).map(|number| {
        let (store, subject) = (Arc::clone(&nodes[number % 3]), Subject::Plan(format!("plan {number}").into()));
        tokio::spawn(async move { store.put_rules(&subject, &budget(1), None).await.expect("an answer") })
    });
    let mut versions = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        versions.extend(write.await.expect("no panic"));
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 60);
    let changed = one.changed_rules(second).await.expect("an answer");
    assert_eq!((changed.rules.len(), Some(&changed.version)), (60, versions.last()));
}

pub(super) async fn a_change_takes_effect_on_every_node_by_itself(nodes: &Nodes) {
    let limits = [start(&nodes[0]).await, start(&nodes[1]).await];
    let caller = caller("acct_changes", "key_changes");
    for (rules, accepted) in
        [(budget(0), false), (LimitRules::new(), true), (rate(RateRule::new("default", 1, 60)), false)]
    {
        put(&*nodes[2], &account("acct_changes"), &rules).await;
        for limits in &limits {
            let what = format!("{rules:?} takes effect");
            eventually(&what, async || is_accepted(limits, &caller).await == accepted).await;
        }
    }
}

/// Nodes hold slices of the old budget.
pub(super) async fn a_lowered_budget_holds_on_every_node(nodes: &Nodes) {
    let (subject, caller) = (account("acct_lowered"), caller("acct_lowered", "key_lowered"));
    put(&*nodes[2], &subject, &budget(100_000)).await;
    let limits = [start(&nodes[0]).await, start(&nodes[1]).await];
    for node in &limits {
        for _ in 0..300 {
            assert!(is_accepted(node, &caller).await);
        }
    }
    let lower = async |credits| {
        put(&*nodes[2], &subject, &budget(credits)).await;
        for node in &limits {
            node.refresh().await.expect("the store answers");
        }
    };
    lower(600).await;
    for node in &limits {
        for _ in 0..200 {
            assert!(!is_accepted(node, &caller).await, "everything is spent");
        }
    }
    lower(605).await;
    let mut accepted = 0;
    eventually("the five credits are spent", async || left(&*nodes[2], &subject, 605).await == 5).await;
    for number in 0..400 {
        accepted += u32::from(is_accepted(&limits[number % 2], &caller).await);
    }
    assert_eq!(accepted, 5);
}

pub(super) async fn another_kind_of_rule_grants_nothing_again(nodes: &Nodes) {
    let refilled = |refill| LimitRules::new().budget(BudgetRule::new(10, refill)).expect("the budget is valid");
    let even = || rate(RateRule::new("default", 10, 86_400));
    let strict = || rate(RateRule::new("default", 10, 86_400).strict());
    let budgets = [Refill::Month, Refill::Day, Refill::Week, Refill::Never, Refill::Month].map(refilled);
    for (name, rules) in [("acct_refills", &budgets[..]), ("acct_kinds", &[even(), strict(), even(), strict()])] {
        let (subject, caller) = (account(name), caller(name, &format!("key_{name}")));
        let limits = [start(&nodes[0]).await, start(&nodes[1]).await];
        let mut accepted = 0;
        for rules in rules {
            put(&*nodes[2], &subject, rules).await;
            for node in &limits {
                node.refresh().await.expect("the store answers");
                for _ in 0..30 {
                    accepted += u32::from(is_accepted(node, &caller).await);
                }
            }
        }
        assert!(accepted == 10, "{name}: {accepted} calls were accepted");
    }
}

pub(super) async fn a_thousand_calls_at_the_end_spend_exactly_what_is_left(nodes: &Nodes) {
    let subject = account("acct_end");
    put(&*nodes[0], &subject, &budget(3_000)).await;
    let limits = [start(&nodes[0]).await, start(&nodes[1]).await, start(&nodes[2]).await];
    // Each node knows its units when the end comes.
    for node in &limits {
        let cost = NonZeroU32::new(850).expect("above zero");
        let caller = caller("acct_end", "key_end");
        let spent = in_time(|| node.spend(&caller, &[], cost)).await;
        spent.expect("the budget has enough");
    }
    let calls = (0..1_000).map(|number: usize| {
        let (node, caller) = (limits[number % 3].clone(), caller("acct_end", &format!("key_end_{}", number % 7)));
        tokio::spawn(async move { is_accepted(&node, &caller).await })
    });
    let mut accepted = 0;
    for call in calls.collect::<Vec<_>>() {
        accepted += u64::from(call.await.expect("no panic"));
    }
    assert_eq!(accepted, 3_000 - 3 * 850);
    for node in &limits {
        node.shutdown().await;
    }
    assert_eq!(left(&*nodes[0], &subject, 3_000).await, 0);
}

pub(super) async fn a_node_that_ends_returns_its_credits_and_a_killed_one_loses_few(nodes: &Nodes) {
    let subject = account("acct_nodes");
    put(&*nodes[0], &subject, &budget(10_000)).await;
    let mut spent = 0;
    for kill in [false, true, false, true] {
        let before = left(&*nodes[1], &subject, 10_000).await;
        let limits = start(&nodes[0]).await;
        for _ in 0..300 {
            assert!(is_accepted(&limits, &caller("acct_nodes", "key_nodes")).await);
            spent += 1;
        }
        if kill {
            drop(limits);
        } else {
            limits.shutdown().await;
        }
        let lost = before - 300 - left(&*nodes[1], &subject, 10_000).await;
        assert!(lost <= if kill { 100 } else { 0 }, "{lost} credits are lost (killed: {kill})");
    }
    assert!(left(&*nodes[1], &subject, 10_000).await <= 10_000 - spent);
}

pub(super) async fn idle_credits_return(nodes: &Nodes) {
    let subject = account("acct_idle");
    put(&*nodes[0], &subject, &budget(10_000)).await;
    let limits = start(&nodes[0]).await;
    for _ in 0..100 {
        assert!(is_accepted(&limits, &caller("acct_idle", "key_idle")).await);
    }
    eventually("idle credits return", async || left(&*nodes[1], &subject, 10_000).await == 9_900).await;
}

pub(super) async fn a_refused_call_spends_nothing(nodes: &Nodes) {
    let (of_account, of_key) = (account("acct_both"), Subject::Key("key_small".parse().expect("an id")));
    put(&*nodes[0], &of_account, &budget(100)).await;
    put(&*nodes[0], &of_key, &budget(5)).await;
    let limits = start(&nodes[0]).await;
    let (small, large) = (caller("acct_both", "key_small"), caller("acct_both", "key_large"));
    let mut accepted = 0;
    for _ in 0..20 {
        accepted += u32::from(is_accepted(&limits, &small).await);
    }
    assert_eq!(accepted, 5, "the key's own budget");
    for _ in 0..120 {
        accepted += u32::from(is_accepted(&limits, &large).await);
    }
    assert_eq!(accepted, 100, "the account's budget, which its keys share");
}

pub(super) async fn successors_share_the_rules_and_what_is_spent(nodes: &Nodes) {
    let chain = ["key_chain_1", "key_chain_2", "key_chain_3"];
    let ids = chain.map(|id| id.parse::<CredentialId>().expect("an id"));
    let strict = RateRule::new("default", 9, 86_400).strict();
    let rules = budget(20).rate(strict).and_then(|rules| rules.tasks(2)).expect("the rules are valid");
    // Rules that a key gets after its rotation hold for its successor, too.
    let [free, late] = ["key_free", "key_late"].map(|id| id.parse::<CredentialId>().expect("an id"));
    hand_on_rules(&*nodes[0], &free, &late).await.expect("the store answers");
    let before = start(&nodes[0]).await;
    assert!(is_accepted(&before, &caller("acct_chain", "key_late")).await, "nothing is limited yet");
    let counted = counted_as(&*nodes[1], &Subject::Key(late)).await.expect("the store answers");
    put(&*nodes[1], &counted, &budget(1)).await;
    before.refresh().await.expect("the store answers");
    assert!(is_accepted(&before, &caller("acct_chain", "key_late")).await);
    assert!(!is_accepted(&before, &caller("acct_chain", "key_free")).await, "they share the budget");
    put(&*nodes[0], &Subject::Key(ids[0].clone()), &rules).await;
    for pair in ids.windows(2) {
        hand_on_rules(&*nodes[1], &pair[0], &pair[1]).await.expect("the store answers");
    }
    for id in &ids {
        let counted = counted_as(&*nodes[2], &Subject::Key(id.clone())).await.expect("the store answers");
        assert_eq!(counted, Subject::Key(ids[0].clone()));
    }
    let limits = start(&nodes[0]).await;
    let mut accepted = 0;
    for id in chain.iter().cycle().take(30) {
        accepted += u32::from(is_accepted(&limits, &caller("acct_chain", id)).await);
    }
    assert_eq!(accepted, 9, "the rate of the chain");
    // A node that has not polled since the rotation knows the successor's rules at its first request.
    let mut last = ids[2].clone();
    for _ in 0..5 {
        let next = CredentialId::generate();
        hand_on_rules(&*nodes[1], &last, &next).await.expect("the store answers");
        assert!(!is_accepted(&limits, &caller("acct_chain", next.as_str())).await, "the first request of {next}");
        last = next;
    }
    let spend = async |id: &str, cost| {
        limits.spend(&caller("acct_chain", id), &[], NonZeroU32::new(cost).expect("above zero")).await
    };
    assert_eq!(spend(chain[2], 6).await.expect("credits are left").budget.expect("a budget").remaining, 5);
    assert!(spend(chain[0], 6).await.is_err() && spend(chain[1], 5).await.is_ok());
    // A change holds for all.
    put(&*nodes[2], &Subject::Key(ids[0].clone()), &LimitRules::new()).await;
    limits.refresh().await.expect("the store answers");
    for (id, key) in chain.iter().zip(&ids) {
        assert!(is_accepted(&limits, &caller("acct_chain", id)).await);
        assert_eq!(limits.tasks_of_key(key), None);
    }
}

pub(super) async fn rules_of_ended_keys_are_forgotten(nodes: &Nodes) {
    let store = &*nodes[0];
    let begun = store.changed_rules(0).await.expect("an answer").version;
    let ids: [CredentialId; 3] = ["key_ended_1", "key_ended_2", "key_ended_3"].map(|id| id.parse().expect("an id"));
    let subjects = ids.clone().map(Subject::Key);
    for subject in &subjects {
        put(store, subject, &budget(10)).await;
    }
    let limits = start(&nodes[1]).await;
    assert!(is_accepted(&limits, &caller("acct_ended", "key_ended_1")).await);
    limits.shutdown().await;
    assert_eq!(left(store, &subjects[0], 10).await, 9);
    put(store, &subjects[0], &LimitRules::new()).await;
    let oldest = nodes[2].oldest_rules(begun, 2).await.expect("an answer");
    let listed: Vec<_> = oldest.iter().map(|(subject, _)| subject.clone()).collect();
    assert_eq!(listed, subjects[1..]);
    let oldest = store.oldest_rules(oldest[1].1.version, 10).await.expect("an answer");
    assert_eq!((oldest.len(), &oldest[0].0, oldest[0].1.rules.is_empty()), (1, &subjects[0], true));
    let version = oldest[0].1.version;
    // The newest rules stay, so that the version of all rules only grows.
    assert!(!store.forget_key(&ids[0], version).await.expect("an answer"));
    put(store, &subjects[2], &budget(5)).await;
    assert!(!store.forget_key(&ids[0], version - 1).await.expect("an answer"), "another version");
    assert!(store.forget_key(&ids[0], version).await.expect("an answer"));
    assert!(!store.forget_key(&ids[0], version).await.expect("an answer"));
    assert_eq!(nodes[1].rules(&subjects[0]).await.expect("an answer"), StoredRules::default());
    assert_eq!(left(store, &subjects[0], 10).await, 10, "the count of its credits stayed");
    let changed = store.changed_rules(begun).await.expect("an answer");
    assert_eq!(changed.rules, [(subjects[1].clone(), budget(10)), (subjects[2].clone(), budget(5))]);
}

/// Three nodes that send as fast as they can, until a second window admits calls, too.
async fn admitted(nodes: &Nodes, name: &str, strict: bool) -> Vec<Call> {
    const WINDOW: u32 = 1;
    let rule = RateRule { strict, ..RateRule::new("default", 40, WINDOW) };
    put(&*nodes[0], &account(name), &rate(rule)).await;
    let begun = Instant::now();
    let (mut senders, total) = (Vec::new(), Arc::new(AtomicU64::new(0)));
    for node in nodes {
        let (limits, caller) = (start(node).await, caller(name, &format!("key_{name}")));
        let total = Arc::clone(&total);
        senders.push(tokio::spawn(async move {
            let mut calls = Vec::new();
            while begun.elapsed() < Duration::from_secs(4) || total.load(Ordering::Relaxed) <= 40 {
                assert!(begun.elapsed() < SOON, "a new window admits more calls");
                let sent = begun.elapsed();
                if is_accepted(&limits, &caller).await {
                    total.fetch_add(1, Ordering::Relaxed);
                    calls.push(Call { sent, answered: begun.elapsed() });
                } else {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            calls
        }));
    }
    let mut calls = Vec::new();
    for sender in senders {
        calls.extend(sender.await.expect("no panic"));
    }
    calls
}

pub(super) async fn strict_windows_admit_the_quota_and_even_rates_twice_that(nodes: &Nodes) {
    let strict = admitted(nodes, "acct_strict", true).await;
    let most = busiest_second(&strict);
    assert!(most <= 40, "{most} calls in a strict window");
    let even = admitted(nodes, "acct_even", false).await;
    let most = busiest_second(&even);
    assert!(most <= 82, "{most} calls in a window");
}

/// Counts the calls of a store.
struct Counted {
    inner: Arc<dyn LimitStore>,
    trips: AtomicU64,
    rules_reads: AtomicU64,
}

impl Counted {
    fn of(inner: &Arc<dyn LimitStore>) -> Self {
        Self { inner: Arc::clone(inner), trips: AtomicU64::new(0), rules_reads: AtomicU64::new(0) }
    }
}

#[async_trait]
impl LimitStore for Counted {
    async fn changed_rules(&self, after: u64) -> Result<ChangedRules, StoreError> {
        self.rules_reads.fetch_add(1, Ordering::Relaxed);
        // Others run during a read, as with a database.
        tokio::task::yield_now().await;
        self.inner.changed_rules(after).await
    }

    async fn rules(&self, subject: &Subject) -> Result<StoredRules, StoreError> {
        self.inner.rules(subject).await
    }

    async fn put_rules(
        &self,
        subject: &Subject,
        rules: &LimitRules,
        version: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        self.inner.put_rules(subject, rules, version).await
    }

    async fn oldest_rules(&self, version: u64, limit: usize) -> Result<Vec<(Subject, StoredRules)>, StoreError> {
        self.inner.oldest_rules(version, limit).await
    }

    async fn forget_key(&self, key: &CredentialId, version: u64) -> Result<bool, StoreError> {
        self.inner.forget_key(key, version).await
    }

    async fn read(&self, counter: &Counter) -> Result<CounterState, StoreError> {
        self.trips.fetch_add(1, Ordering::Relaxed);
        self.inner.read(counter).await
    }

    async fn swap(
        &self,
        counter: &Counter,
        old: Option<&str>,
        new: &str,
        keep: Option<Duration>,
    ) -> Result<bool, StoreError> {
        self.inner.swap(counter, old, new, keep).await
    }
}

pub(super) async fn nine_of_ten_calls_need_no_store(nodes: &Nodes) {
    let rules = budget(100_000).rate(RateRule::new("default", 10_000, 60)).expect("the rate is valid");
    put(&*nodes[0], &account("acct_trips"), &rules).await;
    let store = Arc::new(Counted::of(&nodes[0]));
    let limits = start(&(Arc::clone(&store) as Arc<dyn LimitStore>)).await;
    for _ in 0..3_000 {
        assert!(is_accepted(&limits, &caller("acct_trips", "key_trips")).await);
    }
    let trips = store.trips.load(Ordering::Relaxed);
    assert!(trips <= 300, "{trips} of 3,000 calls asked the store");
}

pub(super) async fn new_keys_that_come_at_once_share_their_reads(nodes: &Nodes) {
    let store = Arc::new(Counted::of(&nodes[0]));
    let options = LimitsOptions::default().poll(Duration::from_secs(3_600));
    let limits = options.start(Arc::clone(&store)).await.expect("the store answers");
    let callers: Vec<_> = (0..200).map(|number| caller("acct_burst", &format!("key_burst_{number}"))).collect();
    let before = store.rules_reads.load(Ordering::Relaxed);
    let accepted = join_all(callers.iter().map(|caller| is_accepted(&limits, caller))).await;
    assert!(accepted.into_iter().all(|is_accepted| is_accepted), "nothing is limited");
    let reads = store.rules_reads.load(Ordering::Relaxed) - before;
    assert!(reads <= 20, "200 new keys caused {reads} reads");
}
