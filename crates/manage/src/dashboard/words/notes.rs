//! What a page says after a form was sent.

use super::numbers::{number, plural};

// flash.rs
pub(in crate::dashboard) const KEY_REVOKED: &str = "The key is revoked.";
pub(in crate::dashboard) const NO_KEY_IS_SELECTED: &str =
    "No key is selected. Select keys, then press the button again.";
pub(in crate::dashboard) const KEY_WAS_REVOKED: &str = "The key was already revoked.";
pub(in crate::dashboard) const KEY_DISABLED: &str = "The key is disabled. You can enable it again.";
pub(in crate::dashboard) const KEY_ENABLED: &str = "The key is enabled.";
pub(in crate::dashboard) const THE_EXPIRY_IS_CHANGED: &str = "The expiry is changed.";
pub(in crate::dashboard) const THE_ACCESS_IS_CHANGED: &str = "The access is changed.";
pub(in crate::dashboard) const NOTHING_CHANGED: &str = "Nothing changed.";
pub(in crate::dashboard) const THE_KEY_WAS_NOT_TESTED: &str = "The key was not tested: it is shown only once.";
pub(in crate::dashboard) const THE_SCOPES_AND_THE_EXAMPLE_ARE_CHANGED: &str = "The description of your API is changed.";
pub(in crate::dashboard) const THE_LIFETIMES_ARE_CHANGED: &str = "The lifetimes are changed. They apply to new keys.";
pub(in crate::dashboard) const THE_NAME_IS_CHANGED: &str = "The name is changed.";
pub(in crate::dashboard) const THE_ROLE_IS_CHANGED: &str = "The role is changed.";
pub(in crate::dashboard) const YOU_ARE_NOW_A_MEMBER: &str = "You are now a member of this account.";
pub(in crate::dashboard) const YOU_DECLINED_THE_INVITATION: &str = "You declined the invitation.";
pub(in crate::dashboard) const THE_INVITATION_IS_WITHDRAWN: &str =
    "The invitation is withdrawn, and its link no longer works.";
pub(in crate::dashboard) const THE_MEMBER_IS_REMOVED: &str = "The member is removed.";
pub(in crate::dashboard) const THE_USERS_KEYS_ARE_REVOKED: &str =
    "The user's keys are revoked. No node accepts them any more.";
pub(in crate::dashboard) const THE_USER_IS_DISABLED: &str = "The user is disabled and signed out everywhere.";
pub(in crate::dashboard) const THE_USER_CAN_SIGN_IN_AGAIN: &str = "The user can sign in again.";
pub(in crate::dashboard) const THE_USER_IS_DELETED: &str = "The user is deleted.";
pub(in crate::dashboard) const YOU_HAVE_LEFT_THE_ACCOUNT: &str = "You have left the account.";
pub(in crate::dashboard) const THE_APPEARANCE_IS_CHANGED: &str = "The appearance is changed.";
pub(in crate::dashboard) const THE_ACCOUNTS_NAME_IS_CHANGED: &str = "The account's name is changed.";
pub(in crate::dashboard) const THE_ACCOUNT_IS_CREATED: &str =
    "The account is created, and you are its owner. Invite its other members.";
pub(in crate::dashboard) const THE_ACCOUNT_IS_SUSPENDED: &str = "The account is suspended. No node accepts its keys.";
pub(in crate::dashboard) const THE_ACCOUNT_IS_REINSTATED: &str = "The account is reinstated. Its keys work again.";
pub(in crate::dashboard) const THE_PLAN_OF_THE_ACCOUNT_IS_CHANGED: &str = "The plan of the account is changed.";
pub(in crate::dashboard) const THE_PLAN_IS_CREATED: &str = "The plan is created.";
pub(in crate::dashboard) const THE_PLAN_IS_CHANGED: &str = "The plan is changed.";
pub(in crate::dashboard) const THE_PLAN_IS_REMOVED: &str = "The plan is removed.";
pub(in crate::dashboard) const THE_LIMITS_ARE_CHANGED: &str = "The limits are changed. They apply within a second.";
pub(in crate::dashboard) const THE_WEBHOOK_IS_CHANGED: &str = "The webhook is changed.";
pub(in crate::dashboard) const THE_WEBHOOK_IS_ENABLED: &str = "The webhook is enabled. It receives events from now on.";
pub(in crate::dashboard) const THE_WEBHOOK_IS_DISABLED: &str = "The webhook is disabled. You can enable it again.";
pub(in crate::dashboard) const THE_WEBHOOK_IS_DELETED: &str = "The webhook is deleted.";
pub(in crate::dashboard) const A_TEST_EVENT_IS_ON_ITS_WAY: &str =
    "A test event is on its way. Reload the page to see the answer.";
pub(in crate::dashboard) const THE_DELIVERY_IS_SENT_AGAIN: &str =
    "The delivery is sent again. Reload the page to see the answer.";
pub(in crate::dashboard) const THE_DELIVERY_IS_BEING_SENT_RIGHT_NOW: &str =
    "The delivery is being sent right now. Reload the page.";
pub(in crate::dashboard) const NO_DELIVERY_HAS_FAILED: &str = "No delivery has failed.";
pub(in crate::dashboard) const YOUR_PASSWORD_IS_SET: &str = "Your password is set. Sign in with it.";
pub(in crate::dashboard) const YOUR_ACCOUNT_IS_READY: &str =
    "Your account is ready, unless you already had one. Sign in.";
pub(in crate::dashboard) const YOUR_PASSWORD_IS_CHANGED: &str =
    "Your password is changed and you are signed out everywhere. Sign in again.";
pub(in crate::dashboard) const YOUR_SECOND_FACTOR_IS_REMOVED: &str =
    "Your second factor is removed. You sign in with your password alone.";
pub(in crate::dashboard) const YOUR_SECOND_FACTOR_IS_CHANGED: &str = "Added. It confirms your next sign-in.";
pub(in crate::dashboard) const IT_CONFIRMS_NO_SIGN_IN_ANY_MORE: &str =
    "Removed. The rest of your second factor still confirms each sign-in.";
pub(in crate::dashboard) const THE_SECOND_FACTOR_IS_REMOVED: &str =
    "The second factor is removed, and the user is signed out everywhere.";
pub(in crate::dashboard) const ALL_MEMBERS_NOW_NEED_A_SECOND_FACTOR: &str = "All members now need a second factor.";
pub(in crate::dashboard) const A_SECOND_FACTOR_IS_NO_LONGER_REQUIRED: &str = "A second factor is no longer required.";
pub(in crate::dashboard) const ENTERING_THE_CODE_TOOK_TOO_LONG: &str =
    "Entering the code took too long, or began in another tab. Sign in again.";
pub(in crate::dashboard) const THE_SESSION_IS_SIGNED_OUT: &str = "The session is signed out.";
pub(in crate::dashboard) const ALL_OTHER_SESSIONS_ARE_SIGNED_OUT: &str = "All other sessions are signed out.";
pub(in crate::dashboard) const YOUR_SESSION_IS_OVER: &str = "Your session has ended. Sign in again.";
pub(in crate::dashboard) const YOU_ARE_SIGNED_OUT: &str = "You are signed out.";
pub(in crate::dashboard) const YOU_ARE_SIGNED_OUT_EVERYWHERE: &str = "You are signed out everywhere.";
pub(in crate::dashboard) const YOU_ARE_SIGNED_IN_AGAIN: &str =
    "You are signed in again. Nothing was sent yet: check the form, then send it.";
pub(in crate::dashboard) const NOTHING_HAD_TO_BE_CHANGED: &str = "Nothing had to be changed.";
pub(in crate::dashboard) const THE_ACCOUNT_IS_DELETED: &str = "The account is deleted. No node accepts its keys.";

pub(in crate::dashboard) fn keys_revoked(count: u64) -> String {
    refused(count, "revoked")
}

pub(in crate::dashboard) fn keys_disabled(count: u64) -> String {
    refused(count, "disabled")
}

pub(in crate::dashboard) fn keys_enabled(count: u64) -> String {
    let count = number(count);
    format!("{count} {} enabled.", plural(&count, "key is", "keys are"))
}

fn refused(count: u64, what: &str) -> String {
    let count = number(count);
    format!(
        "{count} {} {what}. No node accepts {}.",
        plural(&count, "key is", "keys are"),
        plural(&count, "it", "them")
    )
}

pub(in crate::dashboard) fn undelivered_redelivered(count: u64) -> String {
    let count = count.to_string();
    let (sent, answers) = (plural(&count, "delivery is", "deliveries are"), plural(&count, "answer", "answers"));
    format!("{count} {sent} sent again. Reload the page to see the {answers}.")
}

/// How far a change of a key has come.
pub(in crate::dashboard) fn effect(confirmed: u64, nodes: u64, millis: u64) -> String {
    let mut text = if nodes == 0 {
        format!("Effective everywhere after {millis} ms: no node was running.")
    } else {
        format!("Effective everywhere after {millis} ms.")
    };
    if confirmed < nodes {
        let silent = (nodes - confirmed).to_string();
        let without_lease = plural(
            &silent,
            "server did not answer, and no longer accepts the key because its lease has expired",
            "servers did not answer, and no longer accept the key because their leases have expired",
        );
        text += &format!(" {silent} {without_lease}.");
    }
    text
}
