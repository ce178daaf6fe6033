//! The protocol keeps its promise in every run, and every rule is needed.

#![allow(clippy::print_stdout, reason = "the counts are worth seeing")]

use keyward_model::{Mutation, Protocol};
use stateright::{Checker, Model, UniformChooser};

const PROMISE: &str = "no request is accepted after its key's revocation has returned";

fn protocol() -> Protocol {
    Protocol { nodes: 1, keys: 1, losses: 0, crashes: 0, lagging_replica: false, mutation: None }
}

fn check(protocol: Protocol) {
    let said = format!("{protocol:?}");
    let checker = protocol.checker().threads(2).symmetry().spawn_dfs().join();
    println!("{said}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Two keys have nine million states. Only `cargo xtask verify` checks them.
#[test]
fn two_nodes_in_every_order() {
    let keys = if std::env::var("KEYWARD_PROOFS").is_ok_and(|value| value == "all") { 2 } else { 1 };
    check(Protocol { nodes: 2, keys, ..protocol() });
}

#[test]
fn two_nodes_with_a_replica_that_lags_a_message_lost_and_a_crash() {
    check(Protocol { nodes: 2, lagging_replica: true, losses: 1, crashes: 1, ..protocol() });
}

#[test]
fn three_nodes_and_three_keys_by_random_walks_with_everything_going_wrong() {
    for seed in 0..4 {
        let protocol = Protocol { nodes: 3, keys: 3, losses: 4, crashes: 2, lagging_replica: true, ..protocol() };
        let checker = protocol
            .checker()
            .target_max_depth(200)
            .target_state_count(1_000_000)
            .spawn_simulation(seed, UniformChooser)
            .join();
        println!("walks from seed {seed}: {} states", checker.state_count());
        assert!(checker.discovery(PROMISE).is_none(), "broken from seed {seed}");
    }
}

#[test]
fn every_rule_is_needed() {
    for mutation in Mutation::ALL {
        let protocol = Protocol { losses: 1, lagging_replica: true, mutation: Some(mutation), ..protocol() };
        let checker = protocol.checker().threads(2).spawn_bfs().join();
        let run = checker.discovery(PROMISE).unwrap_or_else(|| panic!("{mutation:?} breaks nothing"));
        println!("{mutation:?}: broken in {} steps", run.into_actions().len());
    }
}
