//! Cards and forms that several pages have.

use keyward_limits::Subject;

// parts.html
pub(in crate::dashboard) const NO_LIMITS_ARE_SET_HERE: &str = "No limits are set here.";
pub(in crate::dashboard) const RATES: &str = "Rates";
pub(in crate::dashboard) const RATES_HELP: [&str; 3] = ["Such as ", ", or ", ". Separate several with spaces."];
pub(in crate::dashboard) const BUDGET_HELP: [&str; 4] =
    ["Credits, such as ", " or ", ". Add ", " to carry over up to 2,000."];
pub(in crate::dashboard) const TASKS_AT_ONCE: &str = "Tasks at once";
pub(in crate::dashboard) const CHANGE_LIMITS: &str = "Change limits";
pub(in crate::dashboard) const LIFETIMES_OF_NEW_KEYS: &str = "Lifetimes of new keys";
pub(in crate::dashboard) const DEFAULT_LIFETIME: &str = "Default lifetime";
pub(in crate::dashboard) const LIFETIME_HELP: [&str; 3] = ["Such as ", " or ", "."];
pub(in crate::dashboard) const EMPTY_FOR_SERVER: &str = "Empty for that of the server.";
pub(in crate::dashboard) const EMPTY_FOR_PLAN_OR_SERVER: &str = "Empty for that of the plan or the server.";
pub(in crate::dashboard) const MAXIMUM_LIFETIME: &str = "Maximum lifetime";
pub(in crate::dashboard) const SHORTEST_HOLDS: &str =
    "The shortest of the server, the plan and the account holds. Keys that exist keep their expiry.";
pub(in crate::dashboard) const CHANGE_LIFETIMES: &str = "Change lifetimes";
pub(in crate::dashboard) const OR: &str = "or";
pub(in crate::dashboard) const NOT_OVER_YET: &str = "not over yet";
pub(in crate::dashboard) const NOTE: &str = "Note";

pub(in crate::dashboard) fn source(subject: &Subject) -> String {
    match subject {
        Subject::Plan(name) => format!("from the plan {name}"),
        Subject::Account(_) => "from the account".to_owned(),
        Subject::Key(_) => "from this key".to_owned(),
    }
}

pub(in crate::dashboard) fn no_task_limit(text: &str) -> String {
    format!("{text:?} is no number: expected 0 to 100000")
}

pub(in crate::dashboard) fn no_lifetime(text: &str) -> String {
    format!("{text:?} is no lifetime: expected one such as 90d or 12h")
}
