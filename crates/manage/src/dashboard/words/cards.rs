//! Cards and forms that several pages have.

use keyward_limits::Subject;

// parts.html
pub(in crate::dashboard) const NO_LIMITS_ARE_SET_HERE: &str = "No limits are set here.";
pub(in crate::dashboard) const REQUESTS_HELP: &str = "At most. Empty for no limit.";
pub(in crate::dashboard) const IN_EACH: &str = "In each";
pub(in crate::dashboard) const COUNTED_FOR: &str = "Counted for";
pub(in crate::dashboard) const CREDITS: &str = "Credits";
pub(in crate::dashboard) const CREDITS_HELP: &str = "A service takes credits for its calls. Empty for no budget.";
pub(in crate::dashboard) const REFILLED: &str = "Refilled";
pub(in crate::dashboard) const TASKS_AT_ONCE: &str = "Tasks at the same time";
pub(in crate::dashboard) const TASKS_HELP: &str =
    "Such as jobs or streams that are open. Empty for no limit, 0 for none at all.";
pub(in crate::dashboard) const ADVANCED: &str = "Advanced";
pub(in crate::dashboard) const OTHER_RATES: &str = "Other rates";
pub(in crate::dashboard) const RATES_HELP: [&str; 4] = [
    "Rates that a service selects by name, one on each line, such as ",
    ". Add ",
    " to count each key by itself. Add ",
    " to count over any span of that length: otherwise, a burst across two of them can have twice as many.",
];
pub(in crate::dashboard) const ROLLOVER: &str = "Credits to carry over";
pub(in crate::dashboard) const ROLLOVER_HELP: &str = "At most. The next period gets these unspent credits in addition.";
pub(in crate::dashboard) const UNIT: &str = "Unit";
pub(in crate::dashboard) const CHANGE_LIMITS: &str = "Change limits";
pub(in crate::dashboard) const LIFETIMES_OF_NEW_KEYS: &str = "Lifetimes of new keys";
pub(in crate::dashboard) const DEFAULT_LIFETIME: &str = "Default lifetime";
pub(in crate::dashboard) const EMPTY_FOR_SERVER: &str =
    "Keys get it unless they ask for another. Empty for that of the server.";
pub(in crate::dashboard) const EMPTY_FOR_PLAN_OR_SERVER: &str =
    "Keys get it unless they ask for another. Empty for that of the plan or the server.";
pub(in crate::dashboard) const MAXIMUM_LIFETIME: &str = "Maximum lifetime";
pub(in crate::dashboard) const SHORTEST_HOLDS: &str = "The server, the plan and the account can each have a maximum, and the shortest applies. Existing keys keep their expiry.";
pub(in crate::dashboard) const CHANGE_LIFETIMES: &str = "Change lifetimes";
pub(in crate::dashboard) const OR: &str = "or";
pub(in crate::dashboard) const NOT_OVER_YET: &str = "not over yet";
pub(in crate::dashboard) const NOTE: &str = "Note";

// limits.rs
pub(in crate::dashboard) const SECOND: &str = "second";
pub(in crate::dashboard) const MINUTE: &str = "minute";
pub(in crate::dashboard) const HOUR: &str = "hour";
pub(in crate::dashboard) const DAY: &str = "day";
pub(in crate::dashboard) const ALL_KEYS_TOGETHER: &str = "all keys together";
pub(in crate::dashboard) const EACH_KEY: &str = "each key by itself";
pub(in crate::dashboard) const NEVER: &str = "never";
pub(in crate::dashboard) const EVERY_DAY: &str = "every day";
pub(in crate::dashboard) const EVERY_MONDAY: &str = "every Monday";
pub(in crate::dashboard) const EVERY_MONTH: &str = "every month";
pub(in crate::dashboard) const THE_DEFAULT_RATE_IS_ABOVE: &str =
    "the field Requests already has the rate `default`: remove one of them";
pub(in crate::dashboard) const NOTHING_TO_CARRY_OVER: &str = "there are no credits to carry over: fill in Credits, too";

// lifetimes.rs
pub(in crate::dashboard) const DAYS: &str = "days";
pub(in crate::dashboard) const HOURS: &str = "hours";
pub(in crate::dashboard) const MINUTES: &str = "minutes";
pub(in crate::dashboard) const SECONDS: &str = "seconds";

pub(in crate::dashboard) fn source(subject: &Subject) -> String {
    match subject {
        Subject::Plan(name) => format!("from the plan {name}"),
        Subject::Account(_) => "from the account".to_owned(),
        Subject::Key(_) => "from this key".to_owned(),
    }
}

pub(in crate::dashboard) fn no_whole_number(text: &str) -> String {
    format!("{text:?} is not a number that fits: expected a whole number such as 100")
}

pub(in crate::dashboard) fn lifetime_out_of_range(length: &str, least: &str, most: &str) -> String {
    format!("{length} is out of range: expected {least} to {most}")
}

pub(in crate::dashboard) fn longer_than_the_maximum(length: &str, maximum: &str) -> String {
    format!("{length} is longer than the maximum: expected at most {maximum}")
}

pub(in crate::dashboard) fn no_lifetime(text: &str) -> String {
    format!("{text:?} is no lifetime: expected a whole number such as 90, and a unit")
}
