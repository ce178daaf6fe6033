use comfy_table::Table;
use serde_json::{Value, json};

use crate::settings::Time;

/// The 99th percentile of a revocation that keyward promises for healthy nodes, in milliseconds.
pub const PROMISE: f64 = 50.0;

/// The result of a run. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Nodes that answer from their caches.
    pub nodes: usize,
    /// Members that lease from the store: relays or nodes.
    pub members: usize,
    /// Nodes stopped before the first revocation.
    pub stopped: usize,
    /// Statements per second while no key is revoked.
    pub statements_at_rest: f64,
    /// The share of time that processors work at rest.
    pub utilisation_at_rest: f64,
    /// The time of a renewal at rest.
    pub renewal_p99: f64,
    /// Expired leases of healthy nodes at rest.
    pub lapses_at_rest: u64,
    /// Statements in addition to those at rest.
    pub statements_per_revocation: f64,
    /// Expired leases of healthy nodes during revocations.
    pub lapses_while_revoking: u64,
    /// From the call of `revoke` to the commit.
    pub append_p99: f64,
    /// From the commit until every node has confirmed.
    pub confirmed_p50: f64,
    /// As `confirmed_p50`.
    pub confirmed_p99: f64,
    /// `Propagation::took`.
    pub took_p50: f64,
    /// `Propagation::took`.
    pub took_p99: f64,
    /// `Propagation::took` of the first revocation, which waits for stopped nodes.
    pub first_took: Option<f64>,
    /// The whole call of `revoke`.
    pub revoke_p50: f64,
    /// The whole call of `revoke`.
    pub revoke_p99: f64,
    /// Members that were waited out.
    pub waited_out: usize,
    /// Revocations that did not get the lock in time.
    pub failed: usize,
    /// The store cannot renew all leases even at rest. Then no key is revoked.
    pub saturated: bool,
}

impl Report {
    /// Every lease is kept up, and revocations are done in [`PROMISE`].
    #[must_use]
    pub fn works(&self) -> bool {
        !self.saturated && self.failed == 0 && self.lapses_while_revoking == 0 && self.revoke_p99 <= PROMISE
    }

    /// Returns the verdict in words.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.saturated {
            "the store is saturated at rest"
        } else if self.failed > 0 {
            "revocations fail"
        } else if self.waited_out > 0 {
            "waits for the stopped once"
        } else if self.lapses_while_revoking > 0 {
            "leases run out"
        } else if self.works() {
            "works"
        } else {
            "too slow"
        }
    }

    /// Returns the report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "nodes": self.nodes,
            "members": self.members,
            "stopped": self.stopped,
            "statements_at_rest_per_s": self.statements_at_rest,
            "statements_at_rest_per_node_and_s": self.per_node(),
            "utilisation_at_rest": self.utilisation_at_rest,
            "renewal_p99_ms": self.renewal_p99,
            "lapses_at_rest": self.lapses_at_rest,
            "statements_per_revocation": self.statements_per_revocation,
            "lapses_while_revoking": self.lapses_while_revoking,
            "append_p99_ms": self.append_p99,
            "confirmed_p50_ms": self.confirmed_p50,
            "confirmed_p99_ms": self.confirmed_p99,
            "took_p50_ms": self.took_p50,
            "took_p99_ms": self.took_p99,
            "first_took_ms": self.first_took,
            "revoke_p50_ms": self.revoke_p50,
            "revoke_p99_ms": self.revoke_p99,
            "waited_out": self.waited_out,
            "failed": self.failed,
            "works": self.works(),
            "verdict": self.verdict(),
        })
    }

    /// Returns statements at rest per node and second.
    #[must_use]
    pub fn per_node(&self) -> f64 {
        self.statements_at_rest / self.nodes as f64
    }
}

/// Returns a row for each report.
#[must_use]
pub fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN).set_header([
        "nodes",
        "lease from the store",
        "stopped",
        "at rest: statements/s (per node)",
        "store busy",
        "per revocation: statements",
        "commit p99",
        "confirmed p50 / p99",
        "revoke p50 / p99",
        "verdict",
    ]);
    for report in reports {
        let pair = |p50: f64, p99: f64| match report.saturated {
            true => "-".to_owned(),
            false => format!("{p50:.0} / {p99:.0} ms"),
        };
        let of_revoking = |text: String| if report.saturated { "-".to_owned() } else { text };
        table.add_row([
            report.nodes.to_string(),
            report.members.to_string(),
            report.stopped.to_string(),
            format!("{:.0} ({:.2})", report.statements_at_rest, report.per_node()),
            format!("{:.1} %", report.utilisation_at_rest * 100.0),
            of_revoking(format!("{:.0}", report.statements_per_revocation)),
            of_revoking(format!("{:.0} ms", report.append_p99)),
            pair(report.confirmed_p50, report.confirmed_p99),
            pair(report.revoke_p50, report.revoke_p99),
            report.verdict().to_owned(),
        ]);
    }
    table
}

/// Sorts them.
pub(crate) fn percentile(values: &mut [Time], share: f64) -> Time {
    values.sort_unstable();
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
