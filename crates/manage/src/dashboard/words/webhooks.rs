//! The pages of webhooks.

// create.html
pub(in crate::dashboard) const CREATE_A_WEBHOOK: &str = "Create a webhook";
pub(in crate::dashboard) const CREATE_WEBHOOK: &str = "Create webhook";

// created.html
pub(in crate::dashboard) const COPY_THE_SECRET: &str = "Copy the secret";
pub(in crate::dashboard) const COPY_THE_SECRET_OF_NOW: [&str; 2] =
    ["Copy the secret of ", " now: you won't see it again. Your receiver needs it to verify signatures."];
pub(in crate::dashboard) const THE_SECRET: &str = "The secret";
pub(in crate::dashboard) const DONE_I_HAVE_STORED_THE_SECRET: &str = "Done, I have stored the secret";

// created_before.html
pub(in crate::dashboard) const SECRET_WAS_SHOWN: &str =
    "You already sent this form. The secret of a webhook is shown once.";
pub(in crate::dashboard) const IF_YOU_DID_NOT_STORE_THE_SECRET: &str = "If you did not store the secret, rotate it.";
pub(in crate::dashboard) const GO_TO_THE_WEBHOOK: &str = "Go to the webhook";
pub(in crate::dashboard) const ALL_WEBHOOKS: &str = "All webhooks";

// details.html
pub(in crate::dashboard) const WEBHOOK: &str = "Webhook";
pub(in crate::dashboard) const SEND_A_TEST: &str = "Send a test";
pub(in crate::dashboard) const EDIT: &str = "Edit";
pub(in crate::dashboard) const ROTATE_SECRET: &str = "Rotate secret";
pub(in crate::dashboard) const LACKS_KEY: &str =
    "This webhook gets no events: the key that set it up does not work, or may not read them.";
pub(in crate::dashboard) const IT_IS: [&str; 2] = ["The key is ", "."];
pub(in crate::dashboard) const IF_YOU_KNOW_THE_RECEIVER: &str = "If you know the receiver, take the webhook over.";
pub(in crate::dashboard) const TAKE_OVER: &str = "Take over";
pub(in crate::dashboard) const ACCOUNT_IS_SUSPENDED: &str =
    "This webhook gets no events while the account is suspended.";
pub(in crate::dashboard) const URL: &str = "URL";
pub(in crate::dashboard) const ALL: &str = "all";
pub(in crate::dashboard) const SET_UP_BY: &str = "Set up by";
pub(in crate::dashboard) const PREVIOUS_SECRETS: &str = "Previous secrets";
pub(in crate::dashboard) const DELIVERIES: &str = "Deliveries";
pub(in crate::dashboard) const SEND_ALL_UNDELIVERED_AGAIN: &str = "Send all undelivered again";
pub(in crate::dashboard) const NO_DELIVERIES_IN_THE_LAST_30_DAYS: &str = "No deliveries in the last 30 days.";
pub(in crate::dashboard) const NO_DELIVERIES: &str = "No deliveries.";
pub(in crate::dashboard) const EVENT: &str = "Event";
pub(in crate::dashboard) const STATE: &str = "State";
pub(in crate::dashboard) const ATTEMPTS: &str = "Attempts";
pub(in crate::dashboard) const LAST_ANSWER: &str = "Last answer";
pub(in crate::dashboard) const NEXT_ATTEMPT: &str = "Next attempt";
pub(in crate::dashboard) const SEND_AGAIN: &str = "Send again";
pub(in crate::dashboard) const SHOW: &str = "Show";
pub(in crate::dashboard) const EVENT_ID: &str = "Event id";
pub(in crate::dashboard) const BODY: &str = "Body";
pub(in crate::dashboard) const NEWEST_DELIVERIES: &str = "Newest deliveries";
pub(in crate::dashboard) const OLDER_DELIVERIES: &str = "Older deliveries";

// edit.html
pub(in crate::dashboard) const EDIT_THE_WEBHOOK: &str = "Edit the webhook";
pub(in crate::dashboard) const SEND_EVENTS: &str = "Send events";
pub(in crate::dashboard) const WHILE_THIS_IS_OFF: &str = "While this is off, events are not kept for the webhook.";

// fields.html
pub(in crate::dashboard) const URL_HELP: [&str; 2] = ["An https URL that the Internet can reach, for example ", "."];
pub(in crate::dashboard) const CHOOSE_NONE_TO_RECEIVE_ALL: &str =
    "Choose none to receive all, also those that a later version adds.";

// list.html
pub(in crate::dashboard) const NO_WEBHOOKS_YET: &str = "No webhooks yet";
pub(in crate::dashboard) const ABOUT_OPERATORS: &str =
    "A webhook sends a signed request to your URL when something happens to keys, members or any account.";
pub(in crate::dashboard) const ABOUT: &str =
    "A webhook sends a signed request to your URL when something happens to keys, members or the account.";
pub(in crate::dashboard) const CREATE_YOUR_FIRST_WEBHOOK: &str = "Create your first webhook";
pub(in crate::dashboard) const YOU_DONT_HAVE_PERMISSION_TO_CREATE_WEBHOOKS: &str =
    "You don't have permission to create webhooks. Ask an owner or admin.";
pub(in crate::dashboard) const THESE_WEBHOOKS_RECEIVE_THE_EVENTS: &str =
    "These webhooks receive the events of all accounts.";

// remove.html
pub(in crate::dashboard) const DELETE_QUESTION: &str = "Delete the webhook?";
pub(in crate::dashboard) const RECEIVES_NO_MORE: [&str; 2] =
    ["", " receives no more events. Pending deliveries are not sent."];
pub(in crate::dashboard) const DELETE_THE_WEBHOOK: &str = "Delete the webhook";

// rotate.html
pub(in crate::dashboard) const ROTATE_THE_SECRET: &str = "Rotate the secret";
pub(in crate::dashboard) const YOU_GET_A_NEW_SECRET: &str = "You get a new secret. For the time that you choose, each request has a signature of each secret, so that you \
     can switch your receiver.";
pub(in crate::dashboard) const PREVIOUS_SECRETS_SIGN_FOR: &str = "The previous secrets also sign for";

// deliveries.rs
pub(in crate::dashboard) const NO_ANSWER: &str = "no answer";

// edit.rs
pub(in crate::dashboard) const EDIT_A_WEBHOOK: &str = "Edit a webhook";

// remove.rs
pub(in crate::dashboard) const DELETE_A_WEBHOOK: &str = "Delete a webhook";

// view.rs
pub(in crate::dashboard) fn previous_secrets_sign(full: &str) -> String {
    format!("The previous secrets also sign until {full}. Switch your receiver before then.")
}

pub(in crate::dashboard) fn the_server_disabled_this_webhook(reason: &str) -> String {
    format!("The server disabled this webhook: {reason}. Repair the receiver, then enable the webhook.")
}

pub(in crate::dashboard) fn every_attempt_has_failed_since(full: &str) -> String {
    format!("Every attempt has failed since {full}. After 5 days, the server disables the webhook.")
}

pub(in crate::dashboard) fn events_are_kept_since(full: &str) -> String {
    format!("Its events are kept since {full}, up to 30 days. Send them after you have taken it over.")
}

pub(in crate::dashboard) fn sign_too_until(full: &str) -> String {
    format!("also sign until {full}")
}

pub(in crate::dashboard) fn of(kind: &str, full: &str) -> String {
    format!("{kind} of {full}")
}

pub(in crate::dashboard) fn kinds(count: usize) -> String {
    format!("{count} kinds")
}

pub(in crate::dashboard) fn status(status: u16) -> String {
    format!("status {status}")
}

pub(in crate::dashboard) fn answer(answer: &str, millis: u64) -> String {
    format!("{answer}, {millis} ms")
}
