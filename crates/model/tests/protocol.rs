//! The protocol keeps its promise in every run, and no rule of it can be left out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use keyward_model::{Mutation, Protocol};
use stateright::{Checker, Model};

const PROMISE: &str = "no request is accepted after its key's revocation has returned";

fn check(protocol: Protocol) -> impl Checker<Protocol> {
    protocol.checker().threads(2).spawn_bfs().join()
}

#[test]
fn two_nodes_and_two_keys_in_every_order_with_losses_and_crashes() {
    for (ticks, losses, crashes, lagging_replica) in std::env::var("RUNS").unwrap().split(' ').map(|r| { let v: Vec<u8> = r.split(',').map(|x| x.parse().unwrap()).collect(); (v[0], v[1], v[2], v[3]==1) }) {
        let checker = check(Protocol { nodes: 2, keys: 2, ticks, losses, crashes, lagging_replica, mutation: None });
        println!(
            "losses {losses}, crashes {crashes}, replica {lagging_replica}: {} states",
            checker.unique_state_count()
        );
        checker.assert_properties();
    }
}

#[test]
fn every_rule_is_needed() {
    for mutation in Mutation::ALL {
        let checker = check(Protocol {
            nodes: if mutation == Mutation::WaiterTrustsWallClock { 2 } else { 1 },
            keys: 1,
            ticks: 8,
            losses: 1,
            crashes: 0,
            lagging_replica: mutation == Mutation::ReplicaBehindIsCached,
            mutation: Some(mutation),
        });
        let run = checker.discovery(PROMISE).unwrap_or_else(|| panic!("{mutation:?} breaks nothing"));
        println!("{mutation:?}: broken in {} steps", run.into_actions().len());
    }
}
