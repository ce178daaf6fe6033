use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_core::rejection::RateLimit;
use keyward_core::{AccountId, CredentialId, Identity, Rejection};
use keyward_limits::{Each, RateLimiter, RateLimits, RateLimitsBuilder};

use super::{Call, busiest_second, in_time};

type Nodes = [Arc<dyn RateLimiter>; 2];

/// No part of a quota comes back while a case runs.
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn limits() -> RateLimitsBuilder {
    RateLimits::builder()
        .limit("key", Each::Key, 5, DAY)
        .limit("account", Each::Account, 5, DAY)
        .limit("uneven", Each::Key, 7, DAY)
        .limit("many", Each::Account, 50, DAY)
        .limit("quick", Each::Key, 4, Duration::from_secs(1))
        .limit("fine", Each::Key, u32::MAX, DAY)
        .limit("strict", Each::Account, 4, Duration::from_secs(1))
        .strict()
        .limit("strict_day", Each::Account, 5, DAY)
        .strict()
        .for_plan("Pro", 8)
        .limit("plans", Each::Account, 4, DAY)
        .for_plan("Pro", 8)
        .for_plan("Max", 16)
}

fn caller() -> Identity {
    Identity::api_key(CredentialId::generate(), AccountId::generate())
}

fn cost(cost: u32) -> NonZeroU32 {
    NonZeroU32::new(cost).expect("a cost is above zero")
}

async fn spend(
    node: &Arc<dyn RateLimiter>,
    caller: &Identity,
    limit: &str,
    spent: u32,
) -> Result<RateLimit, Rejection> {
    in_time(|| node.spend(caller, limit, cost(spent))).await
}

async fn left(node: &Arc<dyn RateLimiter>, caller: &Identity, limit: &str, spent: u32) -> RateLimit {
    match spend(node, caller, limit, spent).await {
        Ok(left) => left,
        Err(refused) => panic!("{spent} of {limit} were refused: {refused:?}"),
    }
}

async fn exceeded(node: &Arc<dyn RateLimiter>, caller: &Identity, limit: &str, spent: u32) -> RateLimit {
    match spend(node, caller, limit, spent).await {
        Err(Rejection::RateLimitExceeded(limit)) => *limit,
        other => panic!("{spent} of {limit} were granted, which is more than was left: {other:?}"),
    }
}

pub(super) async fn all_nodes_spend_one_quota(nodes: &Nodes) {
    let caller = caller();
    for (call, remaining) in (0..5).rev().enumerate() {
        assert_eq!(left(&nodes[call % 2], &caller, "key", 1).await.remaining, remaining);
    }
    for node in nodes {
        exceeded(node, &caller, "key", 1).await;
    }
}

pub(super) async fn never_more_than_the_quota_is_spent_at_once(nodes: &Nodes) {
    let caller = caller();
    let spending: Vec<_> = (0..16)
        .map(|task: usize| {
            let (node, caller) = (Arc::clone(&nodes[task % 2]), caller.clone());
            tokio::spawn(async move {
                let mut granted = 0;
                for _ in 0..10 {
                    match spend(&node, &caller, "many", 1).await {
                        Ok(_) => granted += 1,
                        Err(Rejection::RateLimitExceeded(_)) => {}
                        Err(other) => panic!("the limiter does not answer: {other:?}"),
                    }
                }
                granted
            })
        })
        .collect();
    let mut granted = 0;
    for spent in spending {
        granted += spent.await.expect("the limiter answers");
    }
    assert_eq!(granted, 50);
}

pub(super) async fn each_key_has_its_own_quota_and_the_keys_of_an_account_share_one(nodes: &Nodes) {
    let (one, other) = (caller(), caller());
    let sibling = Identity::api_key(CredentialId::generate(), one.account().clone());
    left(&nodes[0], &one, "key", 5).await;
    exceeded(&nodes[1], &one, "key", 1).await;
    left(&nodes[1], &sibling, "key", 5).await;
    left(&nodes[0], &one, "account", 3).await;
    assert_eq!(left(&nodes[1], &sibling, "account", 2).await.remaining, 0, "each limit has its own quota");
    exceeded(&nodes[0], &one, "account", 1).await;
    left(&nodes[0], &other, "account", 5).await;
}

pub(super) async fn answers_state_the_rest_and_refusals_cost_nothing(nodes: &Nodes) {
    let caller = caller();
    let first = left(&nodes[0], &caller, "uneven", 1).await;
    let expected = RateLimit { name: "uneven".into(), quota: 7, window: DAY, remaining: 6, retry_after: DAY / 7 };
    assert_eq!(first, expected);
    assert_eq!(left(&nodes[1], &caller, "uneven", 4).await.remaining, 2);
    for _ in 0..3 {
        let refused = exceeded(&nodes[0], &caller, "uneven", 4).await;
        assert_eq!((refused.quota, refused.window, refused.remaining), (7, DAY, 0));
        // Two are left, so two more must come back. Some of the time has passed already.
        let soonest = DAY * 2 / 7 - super::SOON;
        assert!((soonest..=DAY * 2 / 7).contains(&refused.retry_after), "{refused:?}");
    }
    assert_eq!(left(&nodes[1], &caller, "uneven", 2).await.remaining, 0);
}

pub(super) async fn a_call_passes_after_its_retry_after_and_not_earlier(nodes: &Nodes) {
    let (caller, begun, refused) = loop {
        let (caller, begun) = (caller(), Instant::now());
        left(&nodes[0], &caller, "quick", 4).await;
        match spend(&nodes[1], &caller, "quick", 2).await {
            Err(Rejection::RateLimitExceeded(limit)) => break (caller, begun, *limit),
            // A busy machine: two of four have come back.
            Ok(_) if begun.elapsed() >= Duration::from_millis(500) => {}
            other => panic!("two of an empty quota were granted: {other:?}"),
        }
    };
    assert!(refused.retry_after <= Duration::from_millis(500), "{refused:?}");
    tokio::time::sleep(refused.retry_after).await;
    left(&nodes[1], &caller, "quick", 2).await;
    assert!(begun.elapsed() >= Duration::from_millis(500), "two of four came back in {:?}", begun.elapsed());
}

/// A window admits the quota and the units that come back in it: almost twice the quota, and never more.
pub(super) async fn a_window_admits_the_quota_and_its_refill(nodes: &Nodes) {
    let caller = caller();
    let begun = Instant::now();
    left(&nodes[0], &caller, "quick", 4).await;
    let mut granted = 4;
    for node in nodes.iter().cycle() {
        match spend(node, &caller, "quick", 1).await {
            Ok(_) => granted += 1,
            Err(Rejection::RateLimitExceeded(limit)) => tokio::time::sleep(limit.retry_after).await,
            Err(other) => panic!("the limiter does not answer: {other:?}"),
        }
        // The store's clock may differ a little from this one.
        let elapsed = begun.elapsed() + Duration::from_millis(10);
        assert!(granted <= 4 + elapsed.as_millis() / 250, "{granted} in {elapsed:?}");
        if elapsed > Duration::from_secs(1) {
            break;
        }
    }
}

pub(super) async fn a_quota_of_any_size_is_counted_exactly(nodes: &Nodes) {
    let caller = caller();
    let refused = exceeded(&nodes[0], &caller, "uneven", 8).await;
    assert_eq!(refused.retry_after, DAY, "a cost above the quota");
    assert_eq!(left(&nodes[0], &caller, "uneven", 7).await.remaining, 0);
    // One unit comes back every 20 microseconds.
    let some = left(&nodes[0], &caller, "fine", u32::MAX / 2).await;
    assert!(some.remaining > u32::MAX / 2, "{some:?}");
    exceeded(&nodes[1], &caller, "fine", u32::MAX).await;
}

pub(super) async fn a_limit_that_is_not_defined_refuses_everything(nodes: &Nodes) {
    for node in nodes {
        assert_eq!(node.spend(&caller(), "none", NonZeroU32::MIN).await, Err(Rejection::NotConfigured));
    }
}

pub(super) async fn a_plan_has_its_own_quota(nodes: &Nodes) {
    for (plan, quota) in [(None, 4), (Some("Free"), 4), (Some("pro"), 4), (Some("Pro"), 8), (Some("Max"), 16)] {
        let caller = plan.into_iter().fold(caller(), Identity::with_plan);
        let first = left(&nodes[0], &caller, "plans", 1).await;
        let remaining = quota - 1;
        let expected = RateLimit { name: "plans".into(), quota, window: DAY, remaining, retry_after: DAY / quota };
        assert_eq!(first, expected, "{plan:?}");
        assert_eq!(left(&nodes[1], &caller, "plans", remaining).await.remaining, 0, "{plan:?}");
        for node in nodes {
            let refused = exceeded(node, &caller, "plans", 1).await;
            assert_eq!((refused.quota, refused.remaining), (quota, 0), "{plan:?}");
        }
    }
    let free = caller();
    assert_eq!(exceeded(&nodes[0], &free, "plans", 5).await.quota, 4, "a cost above the quota");
    assert_eq!(left(&nodes[0], &free.with_plan("Pro"), "plans", 5).await.remaining, 3);
}

pub(super) async fn a_change_of_plan_keeps_the_spent_share(nodes: &Nodes) {
    let free = caller();
    let (pro, max) = (free.clone().with_plan("Pro"), free.clone().with_plan("Max"));
    assert_eq!(left(&nodes[0], &free, "plans", 2).await.remaining, 2);
    // Half is spent, so half of eight is left.
    assert_eq!(left(&nodes[1], &pro, "plans", 1).await.remaining, 3);
    // Three eighths are left: six of sixteen.
    assert_eq!(left(&nodes[0], &max, "plans", 2).await.remaining, 4);
    // One quarter is left: one of four.
    assert_eq!(left(&nodes[1], &free, "plans", 1).await.remaining, 0);
    for caller in [&free, &pro, &max] {
        exceeded(&nodes[0], caller, "plans", 1).await;
    }
}

pub(super) async fn a_strict_window_admits_only_the_quota(nodes: &Nodes) {
    let caller = caller();
    let (begun, mut calls) = (Instant::now(), Vec::new());
    for node in nodes.iter().cycle() {
        let sent = begun.elapsed();
        match spend(node, &caller, "strict", 1).await {
            Ok(_) => calls.push(Call { sent, answered: begun.elapsed() }),
            Err(Rejection::RateLimitExceeded(limit)) => {
                tokio::time::sleep(limit.retry_after.min(Duration::from_millis(20))).await;
            }
            Err(other) => panic!("the limiter does not answer: {other:?}"),
        }
        if begun.elapsed() > Duration::from_millis(3_500) && calls.len() > 4 {
            break;
        }
        assert!(begun.elapsed() < super::SOON, "a new window admits more calls");
    }
    let most = busiest_second(&calls);
    assert!(most <= 4, "{most} calls in a window");
}

pub(super) async fn a_strict_quota_is_shared_and_keeps_what_was_spent(nodes: &Nodes) {
    let free = caller();
    let pro = free.clone().with_plan("Pro");
    let first = left(&nodes[0], &free, "strict_day", 2).await;
    assert_eq!((first.quota, first.remaining, first.retry_after), (5, 3, DAY));
    for _ in 0..3 {
        let refused = exceeded(&nodes[1], &free, "strict_day", 4).await;
        assert!(refused.retry_after > DAY * 3 / 4 && refused.retry_after <= DAY * 5 / 4, "{refused:?}");
    }
    left(&nodes[1], &free, "strict_day", 3).await;
    for node in nodes {
        exceeded(node, &free, "strict_day", 1).await;
        exceeded(node, &free, "strict_day", 6).await;
    }
    // Five of eight are spent.
    assert_eq!(left(&nodes[0], &pro, "strict_day", 3).await.remaining, 0);
    exceeded(&nodes[1], &pro, "strict_day", 1).await;
}
