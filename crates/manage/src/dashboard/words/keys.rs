//! The pages of keys.

use super::numbers::{number, plural};

// confirm.html
pub(in crate::dashboard) const CHANGE_ACCESS_QUESTION: [&str; 2] = ["Change access of ", "?"];
pub(in crate::dashboard) const THE_KEY_ITSELF_STAYS_THE_SAME: &str =
    "The key itself stays the same. All nodes apply the change at once.";
pub(in crate::dashboard) const REMOVED: &str = "removed";
pub(in crate::dashboard) const ADDED: &str = "added";
pub(in crate::dashboard) const NO_LIMIT_IS_LEFT: &str = "No limit is left.";
pub(in crate::dashboard) const THE_KEY_NEVER_EXPIRES: &str = "The key never expires.";
pub(in crate::dashboard) const CHANGE_ACCESS: &str = "Change access";
pub(in crate::dashboard) const CHANGE_NOTHING: &str = "Change nothing";

// create.html
pub(in crate::dashboard) const CREATE_A_KEY: &str = "Create a key";
pub(in crate::dashboard) const WHERE_YOU_USE_THE_KEY: &str = "Where you use the key, for example “production server”.";
pub(in crate::dashboard) const PURPOSE: &str = "Purpose";
pub(in crate::dashboard) const KIND: &str = "Kind";
pub(in crate::dashboard) const SCOPES_OF_A_RESTRICTED_KEY: &str = "Scopes of a restricted key";
pub(in crate::dashboard) const SCOPES_OF_A_RESTRICTED_MANAGEMENT_KEY: &str = "Scopes of a restricted management key";
pub(in crate::dashboard) const TAGS: &str = "Tags";
pub(in crate::dashboard) const TAGS_HELP: [&str; 2] = ["Optional. For example ", ", separated by commas."];
pub(in crate::dashboard) const THE_KEY_BELONGS_TO_YOU: &str = "The key belongs to you";
pub(in crate::dashboard) const SERVICES_THEN_SEE_YOU_AS_ITS_USER: &str =
    "The API then gets your user id with each call. Otherwise, the key belongs to the account, not to a person.";
pub(in crate::dashboard) const CREATE_KEY: &str = "Create key";

// created.html
pub(in crate::dashboard) const COPY_YOUR_KEY: &str = "Copy your key";
pub(in crate::dashboard) const COPY_THE_KEY_NOW: [&str; 2] =
    ["Copy the key ", " now: you won't see it again. Store it where only your program can read it."];
pub(in crate::dashboard) const THE_KEY: &str = "The key";
pub(in crate::dashboard) const IN_A_FILE: [&str; 2] = ["In a ", " file"];
pub(in crate::dashboard) const MAKE_A_CALL: &str = "Make a call";
pub(in crate::dashboard) const EXCEPT_FOR_CURL: [&str; 2] =
    ["Except for curl, the examples read the key from the variable ", "."];
pub(in crate::dashboard) const CURL: &str = "curl";
pub(in crate::dashboard) const CALL_WITH_CURL: &str = "Call with curl";
pub(in crate::dashboard) const JAVASCRIPT: &str = "JavaScript";
pub(in crate::dashboard) const CALL_WITH_JAVASCRIPT: &str = "Call with JavaScript";
pub(in crate::dashboard) const PYTHON: &str = "Python";
pub(in crate::dashboard) const CALL_WITH_PYTHON: &str = "Call with Python";
pub(in crate::dashboard) const GO: &str = "Go";
pub(in crate::dashboard) const CALL_WITH_GO: &str = "Call with Go";
pub(in crate::dashboard) const RUST: &str = "Rust";
pub(in crate::dashboard) const CALL_WITH_RUST: &str = "Call with Rust";
pub(in crate::dashboard) const TEST_THIS_KEY: &str = "Test this key";
pub(in crate::dashboard) const THIS_SERVER_CALLS_ONCE: [&str; 2] =
    ["This server calls ", " once, and a new tab shows the answer."];
pub(in crate::dashboard) const NO_TEST_CALL: &str =
    "This page cannot test the key yet: the operator has not set the URL of the example call.";
pub(in crate::dashboard) const SET_THE_URL: &str = "Set the URL";
pub(in crate::dashboard) const DONE_I_HAVE_STORED_THE_KEY: &str = "Done, I have stored the key";

// created_before.html
pub(in crate::dashboard) const YOU_ALREADY_CREATED_THE_KEY: [&str; 2] = [
    "You already created the key ",
    " with this form. The server does not store keys, so it cannot show the key again.",
];
pub(in crate::dashboard) const IF_YOU_DID_NOT_STORE_THE_KEY: &str =
    "If you did not store the key, revoke it and create a new one.";
pub(in crate::dashboard) const GO_TO_THE_KEY: &str = "Go to the key";
pub(in crate::dashboard) const ALL_KEYS: &str = "All keys";

// details.html
pub(in crate::dashboard) const REQUESTS_WITH_THIS_KEY: &str = "Requests with this key in the last 30 days, by outcome";
pub(in crate::dashboard) const REVOKE: &str = "Revoke";
pub(in crate::dashboard) const THE_OLD_KEY_IS_STILL_IN_USE: [&str; 2] = [
    "The old key is still in use, although a new key replaces it. It was last used ",
    ". Find the program that uses it and give it the new key.",
];
pub(in crate::dashboard) const MANAGEMENT: &str = "management";
pub(in crate::dashboard) const NETWORKS: &str = "Networks";
pub(in crate::dashboard) const ANY: &str = "any";
pub(in crate::dashboard) const ENDPOINTS: &str = "Endpoints";
pub(in crate::dashboard) const BELONGS_TO: &str = "Belongs to";
pub(in crate::dashboard) const VALID_FROM: &str = "Valid from";
pub(in crate::dashboard) const LAST_USED: &str = "Last used";
pub(in crate::dashboard) const NOT_REPORTED: &str = "not reported";
pub(in crate::dashboard) const REVOKED: &str = "Revoked";
pub(in crate::dashboard) const PREDECESSOR: &str = "Replaces";
pub(in crate::dashboard) const SUCCESSOR: &str = "Replaced by";
pub(in crate::dashboard) const LAST_30_DAYS: &str = "Last 30 days";
pub(in crate::dashboard) const NO_REQUESTS_ARE_REPORTED: &str = "No requests are reported.";
pub(in crate::dashboard) const ROTATIONS: &str = "Rotations";
pub(in crate::dashboard) const OLDER_KEYS_ARE_NOT_SHOWN: &str = "Older keys are not shown.";
pub(in crate::dashboard) const THIS_KEY: &str = "this key";
pub(in crate::dashboard) const CREATED_WHEN: [&str; 2] = ["created ", ""];
pub(in crate::dashboard) const NEWER_KEYS_ARE_NOT_SHOWN: &str = "Newer keys are not shown.";
pub(in crate::dashboard) const THE_NEWEST_ENTRIES: &str =
    "The newest entries of the audit log have none about this key.";
pub(in crate::dashboard) const ALL_EVENTS_OF_THIS_KEY: &str = "All events of this key";
pub(in crate::dashboard) const DETAILS_IN_THE_AUDIT_LOG: &str = "Details in the audit log";
pub(in crate::dashboard) const NAME_AND_TAGS: &str = "Name and tags";
pub(in crate::dashboard) const EXPIRY: &str = "Expiry";
pub(in crate::dashboard) const CHANGE_EXPIRY: &str = "Change expiry";

// edit.html
pub(in crate::dashboard) const CHANGE_ACCESS_OF: [&str; 2] = ["Change access of ", ""];
pub(in crate::dashboard) const ALLOWED_ENDPOINTS: &str = "Allowed endpoints";
pub(in crate::dashboard) const ALL: &str = "All";
pub(in crate::dashboard) const ENDPOINTS_HELP: [&str; 2] =
    ["Optional. A method and a path on each line, for example ", "."];
pub(in crate::dashboard) const REVIEW_THE_CHANGE: &str = "Review the change";

// expiry.html
pub(in crate::dashboard) const AT_THE_END_OF_THIS_DAY_UTC: &str = "At the end of this day (UTC)";

// list.html
pub(in crate::dashboard) const FIRST_STEPS: &str = "First steps";
pub(in crate::dashboard) const HIDE: &str = "Hide";
pub(in crate::dashboard) const DONE: &str = "(done)";
pub(in crate::dashboard) const NO_KEYS_YET: &str = "No keys yet";
pub(in crate::dashboard) const A_KEY_LETS_A_PROGRAM: [&str; 2] = ["A key lets a program call the API. Send it as ", ""];
pub(in crate::dashboard) const CREATE_YOUR_FIRST_KEY: &str = "Create your first key";
pub(in crate::dashboard) const YOU_DONT_HAVE_PERMISSION_TO_CREATE_KEYS: &str =
    "You don't have permission to create keys. Ask an owner, admin or developer.";
pub(in crate::dashboard) const THIS_IS_THE_OPERATORS_ACCOUNT: &str =
    "This is the operator's account. The keys of other accounts are under";
pub(in crate::dashboard) const NAME_ID_OR_LAST_FOUR_CHARACTERS: &str = "Name, id or last four characters";
pub(in crate::dashboard) const STATUS: &str = "Status";
pub(in crate::dashboard) const KEYS_PER_PAGE: &str = "Keys per page";
pub(in crate::dashboard) const THESE_KEYS_BELONG_TO: [&str; 2] = ["These keys belong to ", "."];
pub(in crate::dashboard) const IN_THE_NEXT_14_DAYS: &str = "in the next 14 days. Rotate those that you still use.";
pub(in crate::dashboard) const OFTEN_REFUSED: &str = "often refused";
pub(in crate::dashboard) const NO_KEYS_MATCH_THE_FILTER: &str = "No keys match the filter.";
pub(in crate::dashboard) const NO_KEY_BELONGS_TO_THE_USER: &str =
    "No key belongs to this user. Keys that the user created for the account are in the list of all keys.";
pub(in crate::dashboard) const NO_KEYS_ARE_ACTIVE: &str = "No keys are active.";
pub(in crate::dashboard) const SELECT_ALL: &str = "Select all";
pub(in crate::dashboard) const SORT: &str = "Order";
pub(in crate::dashboard) const MORE_FILTERS: &str = "More filters";
pub(in crate::dashboard) const REQUESTS_IN_30_DAYS: &str = "Requests in 30 days";
pub(in crate::dashboard) const SELECT_ALL_KEYS_ON_THIS_PAGE: &str = "Select all keys on this page";
pub(in crate::dashboard) const REPLACED: &str = "replaced by a new key";
pub(in crate::dashboard) const REPLACES_ANOTHER: &str = "replaces an old key";

/// A key that was rotated, and when it ends.
pub(in crate::dashboard) fn replaced_and_ends(when: Option<&str>) -> String {
    match when {
        Some(when) => format!("{REPLACED}, ends {when}"),
        None => REPLACED.to_owned(),
    }
}

/// Two keys of a rotation have the same name.
pub(in crate::dashboard) fn with_hint(name: &str, hint: &str) -> String {
    format!("{name} ({hint})")
}

pub(in crate::dashboard) const NONE_REPORTED: &str = "none reported";
pub(in crate::dashboard) const OLD_KEY_STILL_IN_USE: &str = "old key still in use";
pub(in crate::dashboard) const SOON: &str = "soon";
pub(in crate::dashboard) const SELECTED_KEYS: &str = "Selected keys:";
/// The script puts the number in.
pub(in crate::dashboard) const NUMBER_SELECTED: &str = "{} selected:";
pub(in crate::dashboard) const PREVIOUS_PAGE: &str = "Previous page";

// request_rows.html, requests.html
pub(in crate::dashboard) const RECENT_REQUESTS: &str = "Recent requests";
pub(in crate::dashboard) const TO_ADD_A_SCOPE: &str =
    "A rotated key has the same scopes. To add one, change the access.";
pub(in crate::dashboard) const ALL_RECENT_REQUESTS: &str = "All recent requests";
pub(in crate::dashboard) const NO_REQUESTS_ARE_RECORDED: &str = "No requests are recorded.";
pub(in crate::dashboard) const WHICH_REQUESTS_ARE_LISTED: &str = "At most 200 requests, the newest ones of the last 30 days. They have the pattern of the route and the network, not the path and the address.";
pub(in crate::dashboard) const REQUEST: &str = "Request";
pub(in crate::dashboard) const ALL_OUTCOMES: &str = "All";
pub(in crate::dashboard) const ONLY_REFUSED: &str = "Only refused";
pub(in crate::dashboard) const NO_REQUEST_WAS_REFUSED: &str = "No recorded request was refused.";
pub(in crate::dashboard) const REFUSED: &str = "refused";
pub(in crate::dashboard) const THE_ACCOUNT_IS_SUSPENDED: &str = "the account is suspended";
pub(in crate::dashboard) const REFUSED_ACCOUNT_IS_SUSPENDED: &str = "refused: the account is suspended";
pub(in crate::dashboard) const A_NEW_KEY_IS_REFUSED_TOO: &str =
    "You can create a key now. Requests with it are refused until the account is reinstated.";
pub(in crate::dashboard) const REQUESTS_LACKED_A_SCOPE: &str =
    "Requests with this key lacked a scope in the last 7 days. The new key has the same rights, so it is refused too.";

pub(in crate::dashboard) fn requests_lacked(scopes: &str) -> String {
    format!("Recent requests with this key lacked {scopes}. The new key has the same rights, so it is refused too.")
}

pub(in crate::dashboard) fn plan_lacks(plan: &str, scopes: &[&str]) -> String {
    let scopes = scopes.join(", ");
    format!(
        "The plan “{plan}” of this account does not allow {scopes}, so no key can get it. Ask the operator for another plan."
    )
}

pub(in crate::dashboard) fn needs(scopes: &[String], any: bool) -> String {
    format!("needs {}", scopes.join(if any { " or " } else { ", " }))
}

pub(in crate::dashboard) const REQUEST_NETWORK: &str = "Network";
pub(in crate::dashboard) const REQUEST_OUTCOME: &str = "Outcome";

// revoke.html
pub(in crate::dashboard) const REVOKE_QUESTION: [&str; 2] = ["Revoke ", "?"];
pub(in crate::dashboard) const REFUSES_ONE: [&str; 2] = ["Every node then refuses requests with ", "."];
pub(in crate::dashboard) const IN_THE_LAST_24_HOURS: &str = "in the last 24 hours";
pub(in crate::dashboard) const REVOKE_THE_KEY: &str = "Revoke the key";

// rotate.html
pub(in crate::dashboard) const THE_NEW_KEY_EXPIRES: &str = "The new key expires";
pub(in crate::dashboard) const ROTATE_KEY: [&str; 2] = ["Rotate ", ""];
pub(in crate::dashboard) const YOU_GET_A_NEW_KEY: [&str; 2] = [
    "You get a new key with the same rights and, by default, at most the same lifetime. The old key, ",
    ", stays valid for the time that you choose, so that you can switch to the new one.",
];
pub(in crate::dashboard) const ANOTHER_TIME: &str = "Another time";
pub(in crate::dashboard) const OVERLAP_NUMBER: &str = "How long";

pub(in crate::dashboard) fn no_overlap(text: &str, most_days: u64) -> String {
    let found = if text.is_empty() { String::new() } else { format!("{text:?} does not fit: ") };
    format!("{found}enter a whole number of hours or days, at most {most_days} days")
}

pub(in crate::dashboard) const OLD_KEY_STAYS_VALID_FOR: &str = "The old key stays valid for";

// scopes.html
pub(in crate::dashboard) const NONE: &str = "None";
pub(in crate::dashboard) const OTHER_SCOPES: &str = "Other scopes";
pub(in crate::dashboard) const SCOPES_HELP: [&str; 2] = ["For example ", ", separated by spaces."];
pub(in crate::dashboard) const OTHER_SCOPES_HELP: &str =
    "Only if you need scopes that are not in the list, separated by spaces.";
pub(in crate::dashboard) const ALLOWED_NETWORKS: &str = "Allowed networks";
pub(in crate::dashboard) const ANYWHERE: &str = "Anywhere";
pub(in crate::dashboard) const NETWORKS_HELP: [&str; 4] =
    ["Optional. Addresses and networks, separated by spaces: ", ", ", " or ", "."];

// selected.html
pub(in crate::dashboard) const NOTES_HELP: &str = "Optional. The pages of the keys and the audit log show it.";
pub(in crate::dashboard) const NOTHING_WOULD_CHANGE_FOR_THE_SELECTED_KEYS: &str =
    "Nothing would change for the selected keys.";
pub(in crate::dashboard) const REFUSES_THESE: &str = "Every node then refuses requests with these keys.";
pub(in crate::dashboard) const REFUSES_THESE_UNTIL_ENABLED: &str =
    "Every node then refuses requests with these keys, until you enable them again.";
pub(in crate::dashboard) const ACCEPTS_THESE_AGAIN: &str = "Requests with these keys are accepted again.";
pub(in crate::dashboard) const NO_USE_REPORTED: &str = "no use reported";
pub(in crate::dashboard) const UNCHANGED: &str = "Unchanged:";

// tested.html
pub(in crate::dashboard) const ANSWER_TO: [&str; 2] = ["Answer to ", ""];
pub(in crate::dashboard) const THE_API_ACCEPTED_THE_KEY: &str =
    "The URL answered with success, so the API accepted the key.";
pub(in crate::dashboard) const THE_API_REFUSED_THE_KEY: &str = "The API refused the key.";
pub(in crate::dashboard) const THE_API_ANSWERED: &str =
    "The API answered. The status does not say whether it accepted the key.";
pub(in crate::dashboard) const THIS_SERVER_IS_IN_NO_NETWORK: &str =
    "This server made the call. It says nothing about the networks from which your programs may use the key.";
pub(in crate::dashboard) const CALL: &str = "Call";
pub(in crate::dashboard) const THE_ANSWER_HAS_NO_BODY: &str = "The answer has no body.";
pub(in crate::dashboard) const BODY_OF_THE_ANSWER: &str = "Body of the answer";
pub(in crate::dashboard) const THE_REST_IS_NOT_SHOWN: &str = "The rest is not shown.";
pub(in crate::dashboard) const THIS_SERVER_CALLED: [&str; 2] =
    ["This server called ", ". Your own programs may reach it nevertheless."];
pub(in crate::dashboard) const CLOSE_THIS_TAB_TO_RETURN: &str = "Close this tab to return to your key.";

// change.rs
pub(in crate::dashboard) const CHOOSE_A_FUTURE_DATE: &str = "choose a date in the future";

// checklist.rs
pub(in crate::dashboard) const YOUR_PROGRAM_SENDS_IT_WITH_EACH_CALL: &str = "Your program sends it with each call.";
pub(in crate::dashboard) const THE_PAGE_OF_A_NEW: &str =
    "The page of a new key has commands to copy. Calls appear here within a minute.";
pub(in crate::dashboard) const INVITE_A_MEMBER: &str = "Invite a member";
pub(in crate::dashboard) const IF_YOU_LOSE_ACCESS: &str = "If you lose access, another owner can help you.";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const SET_UP_EXPIRY_NOTICES: &str = "Set up expiry notices";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const A_WEBHOOK_TELLS_YOUR_PROGRAM: &str =
    "A webhook tells your program 7 days and 1 day before a key expires.";

// create.rs
pub(in crate::dashboard) const SECRET: &str = "Secret";
pub(in crate::dashboard) const FULL_ACCESS_FOR_SERVERS_NEVER: &str =
    "Full access. For servers, never for browsers or apps.";
pub(in crate::dashboard) const RESTRICTED: &str = "Restricted";
pub(in crate::dashboard) const ONLY_THE_SCOPES_THAT_YOU_CHOOSE_BELOW: &str = "Only the scopes that you choose below.";
pub(in crate::dashboard) const PUBLISHABLE: &str = "Publishable";
pub(in crate::dashboard) const READ_ONLY_IT_MAY: &str = "Read-only. It may be public, for example in a browser.";
pub(in crate::dashboard) const NO_SCOPES_ARE_DESCRIBED: &str =
    "With a description of your scopes, this form offers them with their meanings.";
pub(in crate::dashboard) const DESCRIBE_THE_SCOPES: &str = "Describe the scopes";
pub(in crate::dashboard) const FOR_TRYING_THINGS_OUT: &str = "For trying things out, without real effects.";
pub(in crate::dashboard) const FOR_REAL_DATA_AND_REAL_MONEY: &str = "For real data and real money.";
pub(in crate::dashboard) const CALLING_THE_API: &str = "Calling the API";
pub(in crate::dashboard) const MANAGING_KEYS: &str = "Managing keys";
pub(in crate::dashboard) const CALLS_THE_MANAGEMENT_API: &str =
    "Calls the management API, which creates, lists and revokes keys. In test mode, it changes test keys only.";

// details.rs

// expiry.rs
pub(in crate::dashboard) const IN_7_DAYS: &str = "In 7 days";
pub(in crate::dashboard) const IN_30_DAYS: &str = "In 30 days";
pub(in crate::dashboard) const IN_90_DAYS: &str = "In 90 days";
pub(in crate::dashboard) const IN_A_YEAR: &str = "In a year";
pub(in crate::dashboard) const NEVER: &str = "Never";
pub(in crate::dashboard) const ON_A_DATE: &str = "On a date";

// list.rs
pub(in crate::dashboard) const ANY_EXPIRY: &str = "Any expiry";
pub(in crate::dashboard) const EXPIRES_IN_14_DAYS: &str = "Expires in 14 days";
pub(in crate::dashboard) const ANY_MODE: &str = "Any mode";
pub(in crate::dashboard) const ANY_KIND: &str = "Any kind";
pub(in crate::dashboard) const ANY_STATUS: &str = "Any status";
pub(in crate::dashboard) const ACTIVE: &str = "Active";
pub(in crate::dashboard) const DISABLED: &str = "Disabled";
pub(in crate::dashboard) const EXPIRED: &str = "Expired";
pub(in crate::dashboard) const COMPROMISED: &str = "Compromised";
pub(in crate::dashboard) const ANY_USE: &str = "Any use";
pub(in crate::dashboard) const NOT_USED_FOR_30_DAYS: &str = "Not used for 30 days";
pub(in crate::dashboard) const NOT_USED_FOR_90_DAYS: &str = "Not used for 90 days";

// revoke.rs
pub(in crate::dashboard) const CHOOSE_AN_ENTRY: &str = "choose an entry";
pub(in crate::dashboard) const REVOKE_A_KEY: &str = "Revoke a key";

// rotate.rs
pub(in crate::dashboard) const NEVER_DEFAULT: &str = "Never (default)";
pub(in crate::dashboard) const ROTATE_A_KEY: &str = "Rotate a key";

// scopes.rs
pub(in crate::dashboard) const A_RESTRICTED_KEY_NEEDS: &str = "a restricted key needs at least one scope";
pub(in crate::dashboard) const WRITE_THEM_LIKE_RESOURCES_READ: &str =
    "write them like resources:read, separated by spaces";

// selected.rs
pub(in crate::dashboard) const CHOOSE_REVOKE_DISABLE_OR_ENABLE: &str = "choose Revoke, Disable or Enable";

// sorting.rs
pub(in crate::dashboard) const NEWEST_FIRST: &str = "Newest first";
pub(in crate::dashboard) const OLDEST_FIRST: &str = "Oldest first";
pub(in crate::dashboard) const BY_NAME: &str = "By name";
pub(in crate::dashboard) const LAST_USED_FIRST: &str = "Last used first";
pub(in crate::dashboard) const MOST_REQUESTS_FIRST: &str = "Most requests first";
pub(in crate::dashboard) const NEXT_EXPIRY_FIRST: &str = "Next expiry first";
pub(in crate::dashboard) const BY_STATUS: &str = "By status";
pub(in crate::dashboard) const BY_MODE: &str = "By mode";
pub(in crate::dashboard) const BY_KIND: &str = "By kind";
pub(in crate::dashboard) const BY_SCOPES: &str = "By scopes";
pub(in crate::dashboard) const AS_IN_THE_TABLE: &str = "As in the table";

// test_call.rs
#[cfg(not(feature = "webhooks"))]
pub(in crate::dashboard) const THIS_BUILD_HAS_NO_CLIENT: &str = "this build has no client";
pub(in crate::dashboard) const THE_ANSWER: &str = "The answer";

// test_call/call.rs
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const THE_URL_LEADS_TO_NO_PUBLIC_ADDRESS: &str = "the name in the URL was not found, or has no public address. Only a URL from the server's configuration may lead to a private one";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const THE_ANSWER_IS_TOO_LARGE: &str = "the answer is larger than 256 KiB";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const NO_ANSWER_CAME_WITHIN_6_SECONDS: &str = "no answer came within 6 seconds";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const NO_CONNECTION_IS_POSSIBLE: &str = "no connection is possible";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const KEY_LEFT_OUT: &str = "(the key)";

// view.rs
pub(in crate::dashboard) const EVERYTHING: &str = "everything";
pub(in crate::dashboard) fn limited_to(scopes: &str, endpoints: usize, networks: usize) -> String {
    let of = |count: usize, word: &str, one: &str, many: &str| match count {
        0 => String::new(),
        count => format!(", {word} {count} {}", plural(&count.to_string(), one, many)),
    };
    let endpoints = of(endpoints, "on", "endpoint", "endpoints");
    format!("{scopes}{endpoints}{}", of(networks, "from", "network", "networks"))
}
pub(in crate::dashboard) const OTHERS_KNOW_THE_KEY: &str = "Others know the key";
pub(in crate::dashboard) const ITS_USER_HAS_LEFT: &str = "Its user has left";
pub(in crate::dashboard) const REPLACED_BY_ANOTHER_KEY: &str = "Replaced by another key";
pub(in crate::dashboard) const NO_LONGER_USED: &str = "No longer used";
pub(in crate::dashboard) const ITS_RIGHTS_WERE_WITHDRAWN: &str = "Its rights were withdrawn";
pub(in crate::dashboard) const NO_REASON_GIVEN: &str = "No reason given";

pub(in crate::dashboard) fn calls(provider: &str) -> String {
    format!("Your program calls the API of {provider}.")
}

pub(in crate::dashboard) const OLD_KEY_STAYS_VALID: [&str; 2] =
    ["The old key stays valid until ", ". Switch to this key before then."];

pub(in crate::dashboard) const ANOTHER_KEY_REPLACES_IT: [&str; 2] =
    ["Another key replaces this one, which works until ", ". Switch to the new key before then."];
pub(in crate::dashboard) const KEY_EXPIRES_SOON: [&str; 2] = ["The key expires ", ". Rotate it before then."];

pub(in crate::dashboard) fn only_scopes_of_plan(plan: &str) -> String {
    format!("The plan “{plan}” of this account allows API keys only these scopes.")
}

pub(in crate::dashboard) fn a_key_has_no_scopes_to_choose(kind: &str) -> String {
    format!("A {kind} key has no scopes to choose.")
}

pub(in crate::dashboard) fn select(name: &str, hint: &str) -> String {
    format!("Select {}", with_hint(name, hint))
}

pub(in crate::dashboard) fn last_used(near: &str) -> String {
    format!("last used {near}")
}

pub(in crate::dashboard) fn the_call_failed(error: &str) -> String {
    format!("The call failed: {error}.")
}

pub(in crate::dashboard) fn keys_expire(count: &str) -> String {
    format!("{count} {}", plural(count, "key expires", "keys expire"))
}

pub(in crate::dashboard) fn counted(count: &str) -> String {
    format!("{count} {}", plural(count, "key", "keys"))
}

pub(in crate::dashboard) fn counted_part(first: &str, last: &str, total: &str) -> String {
    format!("{first} to {last} of {total} keys")
}

pub(in crate::dashboard) fn per_page(count: u64) -> String {
    format!("{count} a page")
}

pub(in crate::dashboard) fn show_inactive(count: &str) -> String {
    format!("Show inactive ({count})")
}

pub(in crate::dashboard) fn hide_inactive(count: &str) -> String {
    format!("Hide inactive ({count})")
}

/// After a time.
pub(in crate::dashboard) fn from_network(network: &str) -> String {
    format!(", from {network}")
}

pub(in crate::dashboard) fn created_by(name: &str) -> String {
    format!("by {name}")
}

/// A management key that created another key.
pub(in crate::dashboard) fn key_with_id(name: &str, id: &str) -> String {
    format!("key “{name}” ({id})")
}

pub(in crate::dashboard) fn import_from(program: &str) -> String {
    format!("an import from {program}")
}

pub(in crate::dashboard) fn as_late_as_allowed(when: &str) -> String {
    format!("As late as allowed: {when}")
}

pub(in crate::dashboard) fn at_most_until(when: &str) -> String {
    format!("At most until {when}.")
}

pub(in crate::dashboard) fn no_change(end: &str) -> String {
    format!("No change: {end}")
}

pub(in crate::dashboard) fn in_time_by_default(length: &str) -> String {
    format!("In {length} (default)")
}

pub(in crate::dashboard) fn by_default(when: &str) -> String {
    format!("{when} (default)")
}

pub(in crate::dashboard) fn selected_title(action: &str) -> String {
    format!("{action} keys")
}

pub(in crate::dashboard) fn change_selected(action: &str, count: usize) -> String {
    format!("{action} {count} {}?", plural(&count.to_string(), "key", "keys"))
}

pub(in crate::dashboard) fn change_the_selected(action: &str, count: usize) -> String {
    format!("{action} {}", plural(&count.to_string(), "the key", "the keys"))
}

pub(in crate::dashboard) fn partly_changed(changed: usize, name: &str, error: &str) -> String {
    format!("{changed} of the keys changed, and “{name}” did not: {error}")
}

pub(in crate::dashboard) fn too_many_selected(count: usize, most: usize) -> String {
    format!("{count} keys are selected: select at most {most}")
}

pub(in crate::dashboard) fn millis(millis: u128) -> String {
    format!("{millis} ms")
}

/// Goes on after [`many_refusals`].
pub(in crate::dashboard) fn refused_without(refusals: &str, scopes: &str) -> String {
    format!("{refusals} Missing: {scopes}.")
}

/// The names of the keys follow.
pub(in crate::dashboard) fn keys_are_often_refused(count: usize) -> &'static str {
    if count == 1 { "This key is often refused:" } else { "These keys are often refused:" }
}

pub(in crate::dashboard) fn many_refusals(count: u64, reason: &str) -> String {
    let count = number(count);
    let requests = plural(&count, "request was", "requests were");
    format!("{count} {requests} refused since yesterday. The most frequent reason: {reason}.")
}
