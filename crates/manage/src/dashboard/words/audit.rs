//! The audit log, apart from the sentences of its entries.

// audit.html
pub(in crate::dashboard) const AUDIT_LOG: &str = "Audit log";
pub(in crate::dashboard) const DOWNLOAD_AS: &str = "Download as";
pub(in crate::dashboard) const CSV: &str = "CSV";
pub(in crate::dashboard) const JSON_LINES: &str = "JSON Lines";
pub(in crate::dashboard) const ENTRIES: &str = "Entries";
pub(in crate::dashboard) const OF_THIS_ACCOUNT: &str = "Of this account";
pub(in crate::dashboard) const OF_ALL_ACCOUNTS: &str = "Of all accounts";
pub(in crate::dashboard) const ACTION: &str = "Action";
pub(in crate::dashboard) const ALL_ACTIONS: &str = "All actions";
pub(in crate::dashboard) const ACTOR: &str = "Actor";
pub(in crate::dashboard) const ALL_ACTORS: &str = "All actors";
pub(in crate::dashboard) const TARGET: &str = "Target";
pub(in crate::dashboard) const ALL_TARGETS: &str = "All targets";
pub(in crate::dashboard) const SEARCH: &str = "Search";
pub(in crate::dashboard) const A_NAME_OR_AN_ID: &str = "A name or an id";

pub(in crate::dashboard) fn text_too_long(most: usize) -> String {
    format!("The text to search for is too long: enter at most {most} characters.")
}

pub(in crate::dashboard) const TODAY: &str = "Today";
pub(in crate::dashboard) const THIS_WEEK: &str = "This week";
pub(in crate::dashboard) const LAST_30_DAYS: &str = "Last 30 days";
pub(in crate::dashboard) const NO_MATCHES: &str = "No entries match the filter.";
pub(in crate::dashboard) const NO_ENTRIES: &str = "No entries.";
pub(in crate::dashboard) const WHAT_HAPPENED: &str = "What happened";
pub(in crate::dashboard) const ADDRESS: &str = "Address";
pub(in crate::dashboard) const WHAT: &str = "Event";
pub(in crate::dashboard) const FROM: &str = "from";
pub(in crate::dashboard) const TO: &str = "to";
pub(in crate::dashboard) const NOTHING: &str = "not set";
pub(in crate::dashboard) const CLIENT: &str = "Client";
pub(in crate::dashboard) const REQUEST: &str = "Request";
pub(in crate::dashboard) const ONLY_THIS_ACTOR: &str = "Only this actor";
pub(in crate::dashboard) const ONLY_THIS_TARGET: &str = "Only this target";
pub(in crate::dashboard) const SEARCH_OLDER_ENTRIES: &str = "Search older entries";
pub(in crate::dashboard) const OLDER_ENTRIES: &str = "Older entries";

// filter.rs
pub(in crate::dashboard) const SETTINGS_OF_THE_PAGES: &str = "Settings of the pages";
pub(in crate::dashboard) const THE_AUDIT_LOG: &str = "The audit log";

// names.rs
pub(in crate::dashboard) const YES: &str = "yes";
pub(in crate::dashboard) const NO: &str = "no";

// page.rs
pub(in crate::dashboard) const OTHERS: &str = "Others";
pub(in crate::dashboard) const KINDS: &str = "Kinds";
pub(in crate::dashboard) const ON_THIS_PAGE: &str = "On this page";

pub(in crate::dashboard) const NO_MATCHES_SINCE: &str = "No entries match the filter since";

pub(in crate::dashboard) const NO_ENTRIES_SINCE: &str = "No entries since";

pub(in crate::dashboard) const SEARCHED_BACK_TO: &str = "Searched back to";

pub(in crate::dashboard) fn entry(number: u64) -> String {
    format!("Entry {number}")
}

pub(in crate::dashboard) fn of_entry(number: u64) -> String {
    format!("of entry {number}")
}

pub(in crate::dashboard) fn key(name: &str) -> String {
    format!("Key “{name}”")
}

/// A target that is no user, such as a webhook.
pub(in crate::dashboard) fn target(kind: &str, name: &str) -> String {
    format!("{kind} “{name}”")
}

pub(in crate::dashboard) fn of_successor(field: &str) -> String {
    format!("new key's {field}")
}
