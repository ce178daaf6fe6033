use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use keyward_core::AccountId;
use keyward_limits::{Acquired, PermitId, PermitStore, TaskHolder};

use super::eventually;

type Nodes = [Arc<dyn PermitStore>; 2];

fn holder() -> TaskHolder {
    TaskHolder::account(&AccountId::generate())
}

/// No case outlives it.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

async fn acquire(node: &Arc<dyn PermitStore>, account: &TaskHolder, limit: u32, lease: Duration) -> Acquired {
    node.acquire(account, limit, lease).await.expect("the store answers")
}

async fn granted(node: &Arc<dyn PermitStore>, account: &TaskHolder, limit: u32, lease: Duration) -> PermitId {
    match acquire(node, account, limit, lease).await {
        Acquired::Granted(permit) => permit,
        full => panic!("a free permit is not granted: {full:?}"),
    }
}

async fn in_flight(node: &Arc<dyn PermitStore>, account: &TaskHolder) -> u32 {
    node.in_flight(account).await.expect("the store answers")
}

async fn renewed(node: &Arc<dyn PermitStore>, account: &TaskHolder, permit: &PermitId) -> bool {
    node.renew(account, permit, LONG).await.expect("the store answers")
}

pub(super) async fn permits_are_granted_up_to_the_limit(nodes: &Nodes) {
    for limit in [0, 1, 3] {
        let (account, other) = (holder(), holder());
        let mut permits = HashSet::new();
        for held in 0..limit {
            let node = &nodes[held as usize % 2];
            assert!(permits.insert(granted(node, &account, limit, LONG).await), "one permit is granted twice");
        }
        for node in nodes {
            assert_eq!(acquire(node, &account, limit, LONG).await, Acquired::Full { in_flight: limit });
            assert_eq!(in_flight(node, &account).await, limit);
            assert_eq!(in_flight(node, &other).await, 0, "a permit of one account counts for another");
        }
    }
    let account = holder();
    for node in [&nodes[0], &nodes[1], &nodes[0]] {
        granted(node, &account, 3, LONG).await;
    }
    let full = acquire(&nodes[1], &account, 1, LONG).await;
    assert_eq!(full, Acquired::Full { in_flight: 3 }, "a lower limit applies to the next permit");
    granted(&nodes[1], &account, 4, LONG).await;
}

pub(super) async fn never_more_than_the_limit_are_held_at_once(nodes: &Nodes) {
    // All ask at once, and exactly the limit is granted.
    for _ in 0..5 {
        let account = holder();
        let asking: Vec<_> = (0..16)
            .map(|task: usize| {
                let (node, account) = (Arc::clone(&nodes[task % 2]), account.clone());
                tokio::spawn(async move { acquire(&node, &account, 3, LONG).await })
            })
            .collect();
        let mut all = 0;
        for asked in asking {
            all += u32::from(matches!(asked.await.expect("the store answers"), Acquired::Granted(_)));
        }
        assert_eq!((all, in_flight(&nodes[0], &account).await), (3, 3));
    }
    // Tasks take and release permits.
    let account = holder();
    let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..8)
        .map(|task: usize| {
            let (node, account) = (Arc::clone(&nodes[task % 2]), account.clone());
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                let mut done = 0;
                while done < 10 {
                    let Acquired::Granted(permit) = acquire(&node, &account, 3, LONG).await else {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        continue;
                    };
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    node.release(&account, &permit);
                    done += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the store answers");
    }
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 3, "{most} were held at once");
    eventually("all are given back", async || in_flight(&nodes[0], &account).await == 0).await;
}

pub(super) async fn a_released_permit_is_freed_once(nodes: &Nodes) {
    let account = holder();
    let first = granted(&nodes[0], &account, 2, LONG).await;
    // Any node can release the permit, because a task may end on another node.
    nodes[1].release(&account, &first);
    eventually("a released permit is free", async || in_flight(&nodes[0], &account).await == 0).await;
    assert!(!renewed(&nodes[0], &account, &first).await, "a released permit was renewed");
    let second = granted(&nodes[0], &account, 2, LONG).await;
    let third = granted(&nodes[1], &account, 2, LONG).await;
    for node in nodes {
        node.release(&account, &first);
        node.release(&holder(), &second);
    }
    // A later release shows that the earlier ones have run. They must have freed no permit.
    nodes[0].release(&account, &third);
    eventually("the third is free", async || !renewed(&nodes[1], &account, &third).await).await;
    assert!(renewed(&nodes[1], &account, &second).await);
    assert_eq!(in_flight(&nodes[0], &account).await, 1, "one release freed two permits");
}

pub(super) async fn a_permit_whose_holder_is_gone_is_freed_once_after_its_lease(nodes: &Nodes) {
    let account = holder();
    let begun = Instant::now();
    let dead = granted(&nodes[0], &account, 1, SHORT).await;
    let next = loop {
        match acquire(&nodes[1], &account, 1, LONG).await {
            Acquired::Granted(next) => break next,
            full => assert_eq!(full, Acquired::Full { in_flight: 1 }),
        }
        assert!(begun.elapsed() < super::SOON, "a permit whose holder is gone is never freed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(begun.elapsed() >= SHORT, "a permit was freed while its lease ran: {:?}", begun.elapsed());
    for node in nodes {
        assert!(!renewed(node, &account, &dead).await, "an expired permit was renewed");
        node.release(&account, &dead);
    }
    assert_eq!(acquire(&nodes[0], &account, 1, LONG).await, Acquired::Full { in_flight: 1 }, "it was freed twice");
    assert!(renewed(&nodes[0], &account, &next).await);
}

pub(super) async fn an_expired_permit_is_neither_counted_nor_renewed(nodes: &Nodes) {
    let account = holder();
    let dead = granted(&nodes[0], &account, 5, SHORT).await;
    let alive = granted(&nodes[0], &account, 5, LONG).await;
    // No request for another permit cleans up the expired one.
    eventually("an expired permit is not counted", async || in_flight(&nodes[1], &account).await == 1).await;
    assert!(!renewed(&nodes[0], &account, &dead).await, "an expired permit was renewed");
    assert_eq!(in_flight(&nodes[1], &account).await, 1);
    assert!(renewed(&nodes[1], &account, &alive).await);
    assert!(!renewed(&nodes[1], &account, &PermitId::generate()).await, "an unknown permit was renewed");
}

pub(super) async fn a_permit_that_is_renewed_outlives_its_lease(nodes: &Nodes) {
    let (account, permit) = loop {
        let (account, begun) = (holder(), Instant::now());
        let permit = granted(&nodes[0], &account, 1, SHORT).await;
        if renewed(&nodes[1], &account, &permit).await {
            break (account, permit);
        }
        // A busy machine renews too late.
        assert!(begun.elapsed() >= SHORT, "a permit was not renewed while its lease ran");
    };
    // A lease of the same length that began later has run out.
    let other = holder();
    granted(&nodes[0], &other, 1, SHORT).await;
    eventually("the other runs out", async || in_flight(&nodes[0], &other).await == 0).await;
    assert_eq!(acquire(&nodes[0], &account, 1, LONG).await, Acquired::Full { in_flight: 1 });
    assert!(renewed(&nodes[0], &account, &permit).await);
    // The last renewal sets the length, even a shorter one.
    assert!(nodes[0].renew(&account, &permit, Duration::from_millis(1)).await.expect("the store answers"));
    eventually("it ends", async || in_flight(&nodes[1], &account).await == 0).await;
}

pub(super) async fn an_account_and_a_key_with_its_id_count_separately(nodes: &Nodes) {
    let id = AccountId::generate();
    let (account, key) = (TaskHolder::account(&id), TaskHolder::key(&id.as_str().parse().expect("an id")));
    let of_key = granted(&nodes[0], &key, 1, LONG).await;
    granted(&nodes[1], &account, 1, LONG).await;
    assert_eq!(acquire(&nodes[1], &key, 1, LONG).await, Acquired::Full { in_flight: 1 });
    nodes[1].release(&account, &of_key);
    nodes[0].release(&key, &of_key);
    eventually("the key's permit is free", async || in_flight(&nodes[1], &key).await == 0).await;
    assert_eq!(in_flight(&nodes[0], &account).await, 1);
}
