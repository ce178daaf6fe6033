//! Models that show each rule of the cache's order is needed. Run `cargo xtask verify --only proofs`.

mod node;
mod store;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use node::{Node, Order};
use store::Store;

/// Two preemptions find nearly all faults of three threads.
fn model(threads: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = (threads > 2).then_some(2);
    model.check(run);
}

fn check(order: Order, is_leased: bool, threads: &'static [fn(&Node, &Store, &AtomicBool)], after: fn(&Node, &Store)) {
    model(threads.len(), move || {
        // The last value is whether `revoke` has returned, which clients learn by other means than the cache.
        let world = Arc::new((Node::new(order, is_leased), Store::default(), AtomicBool::new(false)));
        let running: Vec<_> = threads
            .iter()
            .map(|run| {
                let world = Arc::clone(&world);
                thread::spawn(move || run(&world.0, &world.1, &world.2))
            })
            .collect();
        running.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
        after(&world.0, &world.1);
    });
}

fn revoke(node: &Node, store: &Store, returned: &AtomicBool) {
    store.revoke();
    node.catch_up(store);
    returned.store(true, Ordering::Release);
}

fn fill(node: &Node, store: &Store, _: &AtomicBool) {
    node.fill(store, false);
}

fn fill_from_a_replica(node: &Node, store: &Store, _: &AtomicBool) {
    node.fill(store, true);
}

fn is_refused_after_the_revocation(node: &Node, _: &Store) {
    assert!(!node.hit(), "a revoked key is accepted from the cache");
}

fn request(node: &Node, _: &Store, returned: &AtomicBool) {
    let has_returned = returned.load(Ordering::Acquire);
    assert!(!(node.hit() && has_returned), "accepted after the revocation returned");
}

fn come_back(node: &Node, store: &Store, _: &AtomicBool) {
    node.catch_up(store);
}

fn a_fill_that_races_a_revocation(order: Order) {
    check(order, true, &[fill, revoke], is_refused_after_the_revocation);
}

fn a_fill_from_a_replica_that_races_a_revocation(order: Order) {
    check(order, true, &[fill_from_a_replica, revoke], is_refused_after_the_revocation);
}

#[test]
fn a_fill_that_races_a_revocation_is_born_stale() {
    a_fill_that_races_a_revocation(Order::Right);
}

#[test]
#[should_panic(expected = "accepted from the cache")]
fn it_would_not_be_if_it_noted_its_epoch_late() {
    a_fill_that_races_a_revocation(Order::BornLate);
}

#[test]
fn an_old_answer_of_a_replica_is_not_kept() {
    a_fill_from_a_replica_that_races_a_revocation(Order::Right);
}

#[test]
#[should_panic(expected = "accepted from the cache")]
fn it_would_be_if_what_is_applied_were_told_late() {
    a_fill_from_a_replica_that_races_a_revocation(Order::AppliedLate);
}

#[test]
#[should_panic(expected = "accepted from the cache")]
fn it_would_be_if_any_snapshot_counted() {
    a_fill_from_a_replica_that_races_a_revocation(Order::AnySnapshot);
}

#[test]
fn no_hit_after_a_revocation_has_returned() {
    check(Order::Right, true, &[fill, revoke, request], |_, _| {});
}

#[test]
fn two_fills_that_race_a_revocation_are_both_stale() {
    check(Order::Right, true, &[fill, fill_from_a_replica, revoke], is_refused_after_the_revocation);
}

/// Without a lease, so `revoke` did not wait for the node.
fn a_lease_that_races_a_hit(order: Order) {
    fn hit(node: &Node, _: &Store, _: &AtomicBool) {
        assert!(!node.hit(), "a revoked key is accepted from the cache");
    }
    model(2, move || {
        let world = Arc::new((Node::new(order, false), Store::default(), AtomicBool::new(false)));
        assert!(world.0.fill(&world.1, false), "the key was good before");
        world.1.revoke();
        let running = [come_back, hit].map(|run: fn(&Node, &Store, &AtomicBool)| {
            let world = Arc::clone(&world);
            thread::spawn(move || run(&world.0, &world.1, &world.2))
        });
        running.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
    });
}

#[test]
fn a_lease_opens_the_gate_behind_what_was_missed() {
    a_lease_that_races_a_hit(Order::Right);
}

#[test]
#[should_panic(expected = "accepted from the cache")]
fn it_would_let_in_if_the_gate_opened_early() {
    a_lease_that_races_a_hit(Order::OpenedEarly);
}

#[test]
fn a_good_answer_is_kept() {
    // The tests above would pass if nothing were ever cached.
    model(1, || {
        let (node, store) = (Node::new(Order::Right, true), Store::default());
        assert!(!node.hit());
        assert!(node.fill(&store, false));
        assert!(node.hit());
    });
}
