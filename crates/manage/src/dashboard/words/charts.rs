//! Charts of requests.

use super::numbers::number;

pub(in crate::dashboard) const HOUR: &str = "hour";
pub(in crate::dashboard) const DAY: &str = "day";
pub(in crate::dashboard) const HOUR_COLUMN: &str = "Hour";
pub(in crate::dashboard) const DAY_UTC: &str = "Day (UTC)";
pub(in crate::dashboard) const AS_A_TABLE: &str = "As a table";
pub(in crate::dashboard) const SO_FAR: &str = ", so far";
pub(in crate::dashboard) const TIMES_OF_THE_FILE: &str = "Its times are in UTC.";
pub(in crate::dashboard) const THIS_HOUR: &str = "this hour";
pub(in crate::dashboard) const TODAY: &str = "today";
pub(in crate::dashboard) const NONE: &str = "none";

pub(in crate::dashboard) fn label(label: &str, unit: &str) -> String {
    format!("{label} in each {unit}. Move with the arrow keys.")
}

pub(in crate::dashboard) fn spark(accepted: &str, refused: &str) -> String {
    format!("Last 30 days: {accepted} accepted, {refused} refused")
}

pub(in crate::dashboard) fn share(accepted: &str, refused: &str) -> String {
    format!("{accepted} accepted, {refused} refused")
}

pub(in crate::dashboard) fn so_far(label: &str) -> String {
    format!("{label}{SO_FAR}")
}

pub(in crate::dashboard) fn table(label: &str) -> String {
    format!("{label}, as a table")
}

/// A number that fits beside a chart.
pub(in crate::dashboard) fn short(times: u64) -> String {
    const MILLION: u64 = 1_000_000;
    let tenths = times / (MILLION / 10) % 10;
    match times {
        0..MILLION => number(times),
        _ if tenths > 0 && times < 100 * MILLION => format!("{}.{tenths}M", times / MILLION),
        _ => format!("{}M", number(times / MILLION)),
    }
}

pub(in crate::dashboard) fn meaning(outcome: &str) -> &'static str {
    match outcome {
        "accepted" => "The key was accepted",
        "key_revoked" => "The key was revoked",
        "key_compromised" => "The key was reported as compromised",
        "key_expired" => "The key had expired",
        "key_disabled" => "The key was disabled",
        "key_not_yet_valid" => "The key was not valid yet",
        "account_suspended" => "The account was suspended",
        "insufficient_scope" => "The key lacked a scope",
        "rate_limited" | "rate_limit_exceeded" => "Too many requests",
        "network_not_allowed" => "The key does not allow this network",
        "endpoint_not_allowed" => "The key does not allow this endpoint",
        "secret_key_in_browser" => "A browser sent a key that is not publishable",
        "kind_not_allowed" => "The key's kind does not allow this",
        "mode_not_allowed" => "The key's mode does not allow this",
        "plan_required" => "The account's plan does not include this",
        "https_required" => "The request was not sent over HTTPS",
        _ => "The request was refused",
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_fit_beside_a_chart() {
        for (times, text) in [
            (0, "0"),
            (2_000, "2,000"),
            (999_999, "999,999"),
            (1_000_000, "1M"),
            (1_500_000, "1.5M"),
            (40_000_000, "40M"),
            (2_000_000_000, "2,000M"),
        ] {
            assert_eq!(short(times), text);
        }
    }
}
