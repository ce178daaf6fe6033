//! The simulation keeps its promises, and notices when a store cannot.

use keyward_simulation::{Costs, PROMISE, Report, Settings};

fn run(settings: Settings) -> Report {
    Report::of(&settings)
}

#[test]
fn the_same_seed_gives_the_same_figures_and_another_seed_others() {
    let settings = Settings { nodes: 50, revocations: 20, ..Settings::default() };
    let first = run(settings.clone());
    assert_eq!(first, run(settings.clone()));
    assert_ne!(first, run(Settings { seed: 2, ..settings }));
}

#[test]
fn ten_healthy_nodes_keep_the_promise() {
    let report = run(Settings::default());
    assert!(report.works(), "{report:?}");
    assert!(report.revoke_p99 < PROMISE && report.took_p99 < PROMISE, "{report:?}");
    assert_eq!(report.waited_out, 0);
}

#[test]
fn a_node_at_rest_needs_its_renewals_and_nothing_else() {
    for nodes in [1, 10, 100, 1_000] {
        let report = run(Settings { nodes, revocations: 0, ..Settings::default() });
        // Four renewals per lease of two seconds, and a tenth more because pauses are shorter by up to a fifth.
        assert!((2.1..=2.3).contains(&report.per_node()), "{report:?}");
        assert!(report.per_node() <= 5.0);
        assert_eq!(report.lapses_at_rest, 0);
    }
}

#[test]
fn a_node_that_is_stopped_is_waited_for_once_and_for_a_lease_and_the_margin() {
    for lease in [500.0, 2_000.0] {
        let settings = Settings { nodes: 10, stopped: 1, lease, revocations: 10, ..Settings::default() };
        let report = run(settings);
        let first = report.first_took.expect("keys were revoked");
        let most = lease * 1.05;
        // The last read of the register is at the end of the lease and margin.
        assert!(first >= most && first <= most + 5.0, "{first} ms with a lease of {lease} ms");
        assert_eq!(report.waited_out, 1);
        assert!(report.took_p50 < PROMISE, "{report:?}");
    }
}

#[test]
fn a_node_that_is_stopped_behind_a_relay_costs_no_more() {
    let settings = Settings { nodes: 100, per_relay: Some(10), stopped: 1, revocations: 10, ..Settings::default() };
    let report = run(settings);
    let first = report.first_took.expect("keys were revoked");
    assert!(first > 1_000.0 && first <= 2_105.0, "{first} ms");
    assert!(report.took_p50 < PROMISE, "{report:?}");
}

#[test]
fn a_store_that_cannot_keep_up_is_noticed() {
    let costs = Costs { workers: 1, ..Costs::default() };
    let saturated = run(Settings { nodes: 10_000, costs: costs.clone(), ..Settings::default() });
    assert!(saturated.saturated && !saturated.works(), "{saturated:?}");
    let slow = run(Settings { nodes: 1_000, revocations: 10, costs, ..Settings::default() });
    assert!(!slow.saturated && !slow.works() && slow.revoke_p99 > PROMISE, "{slow:?}");
}

#[test]
fn relays_make_ten_thousand_nodes_work() {
    let settings = Settings { nodes: 10_000, per_relay: Some(100), revocations: 50, ..Settings::default() };
    let report = run(settings);
    assert!(report.works(), "{report:?}");
    assert_eq!(report.members, 100);
}

#[test]
fn renewals_do_not_keep_a_revocation_waiting() {
    let report = run(Settings { nodes: 10_000, revocations: 20, ..Settings::default() });
    assert!(report.append_p99 < 10.0, "{report:?}");
}

#[test]
fn a_node_reads_once_and_renews_once_for_a_revocation() {
    let report = run(Settings { nodes: 100, ..Settings::default() });
    // The revoking caller also sends statements. A node's extra renewal restarts its pause, so it partly replaces a later one.
    assert!((100.0..=220.0).contains(&report.statements_per_revocation), "{report:?}");
}
