//! The pages of members.

use super::numbers::plural;

// invited.html
pub(in crate::dashboard) const SECOND_FACTOR: &str = "second factor";
pub(in crate::dashboard) const INVITED: &str = "Invited";
pub(in crate::dashboard) const WE_SEND_AN_INVITATION_AS: [&str; 3] = [
    "We send ",
    " an invitation as ",
    ". They become a member when they accept. The link in the mail works once, for a week. Only they get it.",
];
pub(in crate::dashboard) const YOU_INVITED_AS: [&str; 3] = [
    "You invited ",
    " as ",
    ". They become a member when they accept. Send this link to that address only. It works once, for a week, and this page is the only one that shows it.",
];
pub(in crate::dashboard) const DONE_I_HAVE_SENT_THE_LINK: &str = "Done, I have sent the link";
pub(in crate::dashboard) const YOU_ALREADY_INVITED_WITH_THIS_FORM: [&str; 2] =
    ["You already invited ", " with this form, and saw the link. Invite the address again for a new link."];

// keys.html
pub(in crate::dashboard) const KEYS_OF: [&str; 2] = ["Keys of ", ""];
pub(in crate::dashboard) const REVOKE_ALL_KEYS_OF: [&str; 2] = ["Revoke all keys of ", "?"];
pub(in crate::dashboard) const NO_ACTIVE_OR_DISABLED_KEY_BELONGS_TO: [&str; 2] =
    ["No active or disabled key belongs to ", "."];
pub(in crate::dashboard) const KEEP_THEM: &str = "Keep them";

// list.html
pub(in crate::dashboard) const MEMBER_SINCE: &str = "Member since";
pub(in crate::dashboard) const CHANGE: &str = "Change";
pub(in crate::dashboard) const RESET_PASSWORD: &str = "Reset password";
pub(in crate::dashboard) const ACTIONS: &str = "Actions";
pub(in crate::dashboard) const LEAVE: &str = "Leave";
pub(in crate::dashboard) const INVITED_BADGE: &str = "invited";
pub(in crate::dashboard) const WITHDRAW: &str = "Withdraw";
pub(in crate::dashboard) const INVITE_A_USER: &str = "Invite a user";
pub(in crate::dashboard) const INVITE: &str = "Invite";

pub(in crate::dashboard) const FACTOR_IS_UNNEEDED: &str = "needs none";

// factor.html
pub(in crate::dashboard) const REMOVE_A_SECOND_FACTOR: &str = "Remove a second factor";
pub(in crate::dashboard) const REMOVE_THE_SECOND_FACTOR_OF: [&str; 2] = ["Remove the second factor of ", "?"];
pub(in crate::dashboard) const HAS_LOST_THE_APP: [&str; 2] =
    ["Do this if ", " has lost the authenticator app and the recovery codes. Make sure first who asks."];
pub(in crate::dashboard) const THE_PASSWORD_ALONE_THEN_SIGNS_IN: &str =
    "It signs the user out everywhere. The password alone then signs in.";

// remove.html
pub(in crate::dashboard) const LEAVE_THE_ACCOUNT: &str = "Leave the account?";
pub(in crate::dashboard) const YOU_LOSE_ACCESS: &str = "You lose all access to this account.";
pub(in crate::dashboard) const MEMBER_LOSES_ACCESS: [&str; 2] = ["", " loses all access to this account."];
pub(in crate::dashboard) const YOUR_KEYS_ARE_REVOKED: &str = "The keys that belong to you are revoked for good.";
pub(in crate::dashboard) const THEIR_KEYS_ARE_REVOKED: &str =
    "The keys that belong to this member are revoked for good.";
pub(in crate::dashboard) const YOUR_KEYS_ARE_DISABLED: &str = "The keys that belong to you are disabled.";
pub(in crate::dashboard) const THEIR_KEYS_ARE_DISABLED: &str = "The keys that belong to this member are disabled.";
pub(in crate::dashboard) const YOUR_KEYS_STAY_VALID: &str = "Its keys stay valid, also those that belong to you.";
pub(in crate::dashboard) const THEIR_KEYS_STAY_VALID: &str =
    "Its keys stay valid, also those that belong to this member.";
pub(in crate::dashboard) const SEE_THESE_KEYS: &str = "See these keys";

// reset.html
pub(in crate::dashboard) const NEW_PASSWORD_FOR: [&str; 2] = ["New password for ", "?"];
pub(in crate::dashboard) const WE_SEND_A_LINK: [&str; 2] =
    ["We send ", " a link with which they choose a new password."];
pub(in crate::dashboard) const YOU_GET_A_LINK: [&str; 2] = ["You get a link with which ", " chooses a new password."];
pub(in crate::dashboard) const LINK_WORKS_ONCE: &str =
    "It works once, for an hour. Using it signs them out everywhere.";
pub(in crate::dashboard) const SEND_LINK: &str = "Send link";
pub(in crate::dashboard) const CREATE_LINK: &str = "Create link";

// reset_created.html
pub(in crate::dashboard) const LINK_WAS_SENT: [&str; 2] =
    ["We send ", " a link with which they choose a new password. It works once, for an hour. Only they get it."];
pub(in crate::dashboard) const SEND_THIS_LINK: [&str; 2] = [
    "Send this link to ",
    " only: anyone who opens it can choose their password. It works once, for an hour, and this page is the only one that shows it.",
];
pub(in crate::dashboard) const LINK_WAS_SHOWN: [&str; 2] =
    ["You already saw the link for ", ". If you lost it, create a new one."];

// invite.rs
pub(in crate::dashboard) const CHOOSE_A_ROLE: &str = "choose a role";

// keys.rs
pub(in crate::dashboard) const REVOKE_KEYS: &str = "Revoke keys";

// list.rs
pub(in crate::dashboard) const SEES_KEYS_USAGE_AND_MEMBERS: &str = "sees keys, usage and members";
pub(in crate::dashboard) const ALSO_MANAGES_KEYS: &str = "also manages keys";
pub(in crate::dashboard) const ALSO_MANAGES_MEMBERS_AND_THE_ACCOUNT: &str =
    "also manages members and the account, and sees the audit log";
pub(in crate::dashboard) const CAN_DO_EVERYTHING: &str = "can do everything";

// remove.rs
pub(in crate::dashboard) const REMOVE_A_MEMBER: &str = "Remove a member";

pub(in crate::dashboard) fn role_of(name: &str) -> String {
    format!("Role of {name}")
}

pub(in crate::dashboard) fn of(name: &str) -> String {
    format!("of {name}")
}

pub(in crate::dashboard) fn the_invitation_of(email: &str) -> String {
    format!("the invitation of {email}")
}

pub(in crate::dashboard) fn keys_affected(count: &str) -> String {
    let affected = plural(count, "key is affected", "keys are affected");
    format!("{count} {affected}. Every node then refuses requests with them.")
}
