//! Words that several groups of pages have.

pub(in crate::dashboard) const ACCOUNT: &str = "Account";
pub(in crate::dashboard) const ACCOUNTS: &str = "Accounts";
pub(in crate::dashboard) const ACTIVE_KEYS: &str = "Active keys";
pub(in crate::dashboard) const ALREADY_SHOWN: &str = "Already shown";
pub(in crate::dashboard) const BACK: &str = "Back";
pub(in crate::dashboard) const BUDGET: &str = "Budget";
pub(in crate::dashboard) const CANCEL: &str = "Cancel";
pub(in crate::dashboard) const CHANGE_PLAN: &str = "Change plan";
pub(in crate::dashboard) const CHOOSE_ONE: &str = "choose one";
pub(in crate::dashboard) const CLEAR: &str = "Clear";
pub(in crate::dashboard) const CODE: &str = "Code";
pub(in crate::dashboard) const COPY: &str = "Copy";
pub(in crate::dashboard) const CREATED: &str = "Created";
pub(in crate::dashboard) const CREATED_BY: &str = "Created by";
pub(in crate::dashboard) const CURRENT: &str = "current";
pub(in crate::dashboard) const DAYS_30: &str = "30 days";
pub(in crate::dashboard) const DAYS_7: &str = "7 days";
pub(in crate::dashboard) const DELETE: &str = "Delete";
pub(in crate::dashboard) const DESCRIPTION: &str = "Description";
pub(in crate::dashboard) const DETAILS: &str = "Details";
pub(in crate::dashboard) const DISABLE: &str = "Disable";
pub(in crate::dashboard) const DOWNLOAD_AS_CSV: &str = "Download as CSV";
pub(in crate::dashboard) const ENABLE: &str = "Enable";
pub(in crate::dashboard) const EVENTS: &str = "Events";
pub(in crate::dashboard) const EXPIRES: &str = "Expires";
pub(in crate::dashboard) const E_MAIL_ADDRESS: &str = "E-mail address";
pub(in crate::dashboard) const FILTER: &str = "Filter";
pub(in crate::dashboard) const FIND: &str = "Find";
pub(in crate::dashboard) const HOURS_24: &str = "24 hours";
pub(in crate::dashboard) const HOUR_1: &str = "1 hour";
pub(in crate::dashboard) const ID: &str = "Id";
pub(in crate::dashboard) const INVITATIONS: &str = "Invitations";
pub(in crate::dashboard) const KEEP_IT: &str = "Keep it";
pub(in crate::dashboard) const KEY: &str = "Key";
pub(in crate::dashboard) const KEYS: &str = "Keys";
pub(in crate::dashboard) const LAST_SIGNED_IN: &str = "Last signed in";
pub(in crate::dashboard) const LIMITS: &str = "Limits";
pub(in crate::dashboard) const LIVE: &str = "Live";
pub(in crate::dashboard) const MEMBERS: &str = "Members";
pub(in crate::dashboard) const MODE: &str = "Mode";
pub(in crate::dashboard) const NAME: &str = "Name";
pub(in crate::dashboard) const NEVER: &str = "never";
pub(in crate::dashboard) const NEW_PASSWORD: &str = "New password";
pub(in crate::dashboard) const NEXT_PAGE: &str = "Next page";
pub(in crate::dashboard) const NONE: &str = "none";
pub(in crate::dashboard) const NOTE_HELP: &str = "Optional. The key's page and the audit log show it.";
pub(in crate::dashboard) const NOT_AT_ALL: &str = "Not at all";
pub(in crate::dashboard) const ON: &str = "on";
pub(in crate::dashboard) const PASSWORD: &str = "Password";
pub(in crate::dashboard) const PLANS: &str = "Plans";
pub(in crate::dashboard) const REASON: &str = "Reason";
pub(in crate::dashboard) const REMOVE: &str = "Remove";
pub(in crate::dashboard) const REMOVE_QUESTION: [&str; 2] = ["Remove ", "?"];
pub(in crate::dashboard) const RENAME: &str = "Rename";
pub(in crate::dashboard) const REQUESTS: &str = "Requests";
pub(in crate::dashboard) const REVOKE_ALL: &str = "Revoke all";
pub(in crate::dashboard) const ROLE: &str = "Role";
pub(in crate::dashboard) const ROTATE: &str = "Rotate";
pub(in crate::dashboard) const SAVE: &str = "Save";
pub(in crate::dashboard) const SCOPES: &str = "Scopes";
pub(in crate::dashboard) const SECOND_FACTOR: &str = "Second factor";
pub(in crate::dashboard) const SIGN_IN: &str = "Sign in";
pub(in crate::dashboard) const SIGN_IN_AGAIN: &str = "Sign in again";
pub(in crate::dashboard) const SUSPENDED: &str = "suspended";
pub(in crate::dashboard) const TEST: &str = "Test";
pub(in crate::dashboard) const THEME: &str = "Theme";
pub(in crate::dashboard) const TIME: &str = "Time";
pub(in crate::dashboard) const UNKNOWN: &str = "unknown";
pub(in crate::dashboard) const USERS: &str = "Users";
pub(in crate::dashboard) const WEBHOOKS: &str = "Webhooks";
pub(in crate::dashboard) const YOU: &str = "you";
pub(in crate::dashboard) const YOUR_NAME: &str = "Your name";
pub(in crate::dashboard) const YOU_ARE_HERE: &str = "You are here";
/// A program without a user, such as the server itself or one of the operator's, at the start of a sentence.
pub(in crate::dashboard) fn program(name: &str) -> String {
    match program_within(name).strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => program_within(name),
    }
}

/// The same within a sentence.
pub(in crate::dashboard) fn program_within(name: &str) -> String {
    match name {
        "command line" => "the operator's command line".to_owned(),
        "retention" | "events" | "webhooks" | "maintenance" => "the server".to_owned(),
        "GitHub secret scanning" => name.to_owned(),
        other => format!("the program “{other}”"),
    }
}

pub(in crate::dashboard) const YOU_CANT_UNDO_THIS: &str = "You can't undo this.";

pub(in crate::dashboard) const FIRST_DAY_UTC: &str = "First day (UTC)";
pub(in crate::dashboard) const LAST_DAY_UTC: &str = "Last day (UTC)";
pub(in crate::dashboard) const THE_FIRST_DAY_IS_AFTER: &str =
    "The first day is after the last day, so there is nothing between them.";

pub(in crate::dashboard) fn no_date(text: &str) -> String {
    format!("{text:?} is no date: expected one such as 2026-03-31.")
}
