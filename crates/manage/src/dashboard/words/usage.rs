//! The usage of an account.

// usage.html
pub(in crate::dashboard) const REQUESTS_BY_OUTCOME: &str = "Requests by outcome";
pub(in crate::dashboard) const USAGE: &str = "Usage";
pub(in crate::dashboard) const ACCEPTED: &str = "accepted";
pub(in crate::dashboard) const REFUSED: &str = "refused";
pub(in crate::dashboard) const ERROR_RATE_REFUSED_OF_ALL: &str = "error rate: refused requests of all requests";
pub(in crate::dashboard) const ITS_KEYS_WERE_USED_IN_THIS_TIME: &str =
    "Its keys were used in this time, so the service does not report usage.";
pub(in crate::dashboard) const A_SERVICE_REPORTS_USAGE: &str = "A service reports usage if the management service checks its keys: by its verifier, its usage hook, or the \
     gateway endpoints of this server.";
pub(in crate::dashboard) const BY_MODE: &str = "By mode";
pub(in crate::dashboard) const REQUESTS_BY_MODE: &str = "Requests by mode";
pub(in crate::dashboard) const ACCEPTED_COLUMN: &str = "Accepted";
pub(in crate::dashboard) const REFUSED_COLUMN: &str = "Refused";
pub(in crate::dashboard) const ERROR_RATE: &str = "Error rate";
pub(in crate::dashboard) const WHY_REQUESTS_WERE_REFUSED: &str = "Why requests were refused";
pub(in crate::dashboard) const REASONS_OF_REFUSALS: &str = "Reasons of refusals";
pub(in crate::dashboard) const OF_ALL_REFUSALS: &str = "Of all refusals";
pub(in crate::dashboard) const SHARE: &str = "Share";
pub(in crate::dashboard) const WHICH_KEYS: &str = "Which keys";
pub(in crate::dashboard) const BUSIEST_KEYS: &str = "Busiest keys";
pub(in crate::dashboard) const KEYS_WITH_THE_MOST_REFUSALS: &str = "Keys with the most refusals";
pub(in crate::dashboard) const ALL_REASONS: &str = "All reasons";
pub(in crate::dashboard) const NO_KEY_WAS_REFUSED_FOR_THIS_REASON: &str = "No key was refused for this reason.";
pub(in crate::dashboard) const REASONS: &str = "Reasons";
pub(in crate::dashboard) const DOWNLOAD_ALL_AS_CSV: &str = "Download all as CSV";
pub(in crate::dashboard) const LIMITS_OF_THE_PLAN: [&str; 2] = ["Limits of the plan ", ""];
pub(in crate::dashboard) const REQUESTS_ARE_COUNTED_BY_KEY: &str = "Requests are counted by key, mode, scope and outcome. A request that lacks a scope or exceeds a limit counts as refused. \
     Days are in UTC.";

// scopes.html
pub(in crate::dashboard) const REQUIRED_SCOPES: &str = "Required scopes";
pub(in crate::dashboard) const SCOPE: &str = "Scope";
pub(in crate::dashboard) const REQUIRED_BY_REQUESTS_WITH_THIS_KEY: &str =
    "In the last 30 days. A request that needs two scopes counts for both.";

// scopes.rs
pub(in crate::dashboard) const OTHER_SCOPES: &str = "other scopes";

// page.rs
pub(in crate::dashboard) const ALL_MODES: &str = "All modes";

// range.rs
pub(in crate::dashboard) const THE_LAST_24_HOURS: &str = "the last 24 hours";
pub(in crate::dashboard) const THE_LAST_7_DAYS: &str = "the last 7 days";
pub(in crate::dashboard) const THE_LAST_30_DAYS: &str = "the last 30 days";
pub(in crate::dashboard) const DAYS_90: &str = "90 days";
pub(in crate::dashboard) const THE_LAST_90_DAYS: &str = "the last 90 days";
pub(in crate::dashboard) const YESTERDAY_AND_TODAY_UTC: &str = "yesterday and today (UTC)";

pub(in crate::dashboard) const SHOW: &str = "Show";
pub(in crate::dashboard) const THE_FIRST_DAY_IS_MISSING: &str = "The first day is missing.";
pub(in crate::dashboard) const THE_FIRST_DAY_IS_IN_THE_FUTURE: &str = "The first day is in the future.";

pub(in crate::dashboard) fn too_many_days(most: i64) -> String {
    format!("The range is too long: expected at most {most} days.")
}

/// After "in".
pub(in crate::dashboard) fn the_days(first: &str, last: &str) -> String {
    format!("the days from {first} to {last} (UTC)")
}

pub(in crate::dashboard) fn no_requests_with_keys(words: &str) -> String {
    format!("No requests with keys of this account are reported for {words}.")
}

pub(in crate::dashboard) fn only(reason: &str) -> String {
    format!("Only: {reason}.")
}

pub(in crate::dashboard) fn more_keys_were_refused(more: &str) -> String {
    format!("{more} more keys were refused.")
}

pub(in crate::dashboard) fn scopes_in_time(time: &str) -> String {
    format!("In {time}, with live and test keys. A request that needs two scopes counts for both.")
}

pub(in crate::dashboard) fn more_scopes(more: &str) -> String {
    format!("{more} more scopes are in the file.")
}

/// Keys are counted by day.
pub(in crate::dashboard) fn hours_and_days(hours: &str, days: &str) -> String {
    format!("These figures and the chart are of {hours}. The tables of keys and scopes are of {days}.")
}

pub(in crate::dashboard) fn in_time(time: &str) -> String {
    format!("In {time}.")
}

pub(in crate::dashboard) fn missing_scopes(scopes: &[(String, u64)]) -> String {
    let counted: Vec<String> = scopes.iter().map(|(scope, times)| format!("{scope} ({times})")).collect();
    format!("Missing: {}", counted.join(", "))
}

pub(in crate::dashboard) fn keys_used(used: &str, limit: &str) -> String {
    format!("{used} of {limit}")
}

/// The label of a rate limit.
pub(in crate::dashboard) fn rate(name: &str) -> String {
    if name == "default" { "Default rate limit".to_owned() } else { format!("Rate limit “{name}”") }
}

pub(in crate::dashboard) fn rate_used(used: &str, quota: &str, window: &str) -> String {
    format!("{used} of {quota} used, refilled over {window}")
}

pub(in crate::dashboard) fn credits_used(used: &str, limit: &str, refilled_in: Option<&str>) -> String {
    match refilled_in {
        Some(time) => format!("{used} of {limit} credits, refilled in {time}"),
        None => format!("{used} of {limit} credits"),
    }
}
