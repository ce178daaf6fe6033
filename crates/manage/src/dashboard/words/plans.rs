//! The pages of plans.

use super::numbers::plural;

// details.html
pub(in crate::dashboard) const THE_DEFAULT: &str = "the default";
pub(in crate::dashboard) const THESE_LIMITS_HOLD_FOR_EACH: &str =
    "These limits apply to each account that has the plan. An account's own limits replace them.";
pub(in crate::dashboard) const DESCRIPTION_AND_KEYS: &str = "Description and keys";
pub(in crate::dashboard) const ACTIVE_KEYS_OF_AN_ACCOUNT: &str = "Active keys of an account";
pub(in crate::dashboard) const KEY_LIMIT_HELP: &str = "At most 10,000. Empty for the default of the server.";
pub(in crate::dashboard) const SCOPES_OF_API_KEYS: &str = "Scopes of API keys";
pub(in crate::dashboard) const ANY_SCOPE: &str = "Any scope";
pub(in crate::dashboard) const ONLY_THE_SCOPES_BELOW: &str = "Only the scopes below";
pub(in crate::dashboard) const EXISTING_KEYS_KEEP_THEIR_SCOPES: &str =
    "New keys of the accounts get no other scope. Existing keys keep their scopes.";
pub(in crate::dashboard) const CHANGE_SCOPES: &str = "Change scopes";
pub(in crate::dashboard) const CHOOSE_A_SCOPE: &str = "choose at least one, or any scope";
pub(in crate::dashboard) const THIS_SERVER_KEEPS_NO_LIMITS: &str = "This server keeps no limits.";

// list.html
pub(in crate::dashboard) const NO_PLANS_YET: &str = "No plans yet";
pub(in crate::dashboard) const A_PLAN_HAS_LIMITS: [&str; 2] =
    ["A plan has limits for all accounts that have it. Create one below, or with ", "."];
pub(in crate::dashboard) const DEFAULT: &str = "default";
pub(in crate::dashboard) const CREATE_A_PLAN: &str = "Create a plan";
pub(in crate::dashboard) const CREATE_PLAN: &str = "Create plan";

// remove.html
pub(in crate::dashboard) const THE_LIMITS_AND_LIFETIMES: &str = "The limits and lifetimes of the plan are removed. Accounts that have the plan keep its name, \
     and have no limits of a plan until they get another one.";

// plans.rs
pub(in crate::dashboard) const REMOVE_A_PLAN: &str = "Remove a plan";

pub(in crate::dashboard) fn remove_although(accounts: &str, are_more: bool) -> String {
    let more = if are_more { "more than " } else { "" };
    format!("Remove it although {more}{accounts} {} it", plural(accounts, "account has", "accounts have"))
}

/// "3", "more than 1,000".
pub(in crate::dashboard) fn accounts(count: &str, are_more: bool) -> String {
    if are_more { format!("more than {count}") } else { count.to_owned() }
}

pub(in crate::dashboard) fn at_most(limit: &str) -> String {
    format!("at most {limit} in an account")
}

pub(in crate::dashboard) fn no_key_limit(text: &str) -> String {
    format!("{text:?} does not fit: expected a number from 0 to 10000")
}
