//! Charts of requests.

pub(in crate::dashboard) const HOUR: &str = "hour";
pub(in crate::dashboard) const DAY: &str = "day";
pub(in crate::dashboard) const THIS_HOUR: &str = "this hour";
pub(in crate::dashboard) const TODAY: &str = "today";
pub(in crate::dashboard) const NONE: &str = "none";

pub(in crate::dashboard) fn label(label: &str, unit: &str) -> String {
    format!("{label} in each {unit}. Move with the arrow keys.")
}

pub(in crate::dashboard) fn spark(accepted: &str, refused: &str) -> String {
    format!("Last 30 days: {accepted} accepted, {refused} refused")
}

pub(in crate::dashboard) fn so_far(label: &str) -> String {
    format!("{label}, so far")
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
