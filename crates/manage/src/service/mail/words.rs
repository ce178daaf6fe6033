//! All words of the mails, so that they can be reviewed and translated together.

use keyward_core::store::KeyStatus;

use crate::role::Role;

pub(super) const TIME: &str = "Time";
pub(super) const DEVICE: &str = "Device";
pub(super) const ADDRESS: &str = "Address";
pub(super) const UNKNOWN: &str = "unknown";
pub(super) const ROLE: &str = "Role";
pub(super) const INVITED_BY: &str = "Invited by";
pub(super) const EXPIRES: &str = "Expires";
pub(super) const REPORTED: &str = "Reported";
pub(super) const STATUS: &str = "Status";
pub(super) const KEY: &str = "Key";
pub(super) const BEGINS_AND_ENDS_WITH: &str = "Begins and ends with";
pub(super) const ACCOUNT: &str = "Account";
pub(super) const OWNER: &str = "Owner";
pub(super) const CHANGED_BY: &str = "Changed by";
pub(super) const AN_ADMINISTRATOR: &str = "an administrator";

pub(super) const ACCEPT_THE_INVITATION: &str = "Accept the invitation";
pub(super) const CHOOSE_A_NEW_PASSWORD: &str = "Choose a new password";
pub(super) const OPEN_THE_KEY: &str = "Open the key";
pub(super) const OPEN_YOUR_SETTINGS: &str = "Open your settings";
pub(super) const OPEN_THE_MEMBERS: &str = "Open the members";

pub(super) const IGNORE_THE_INVITATION: &str = "If you did not expect this invitation, ignore this mail.";
pub(super) const IGNORE_THE_RESET: &str = "If you did not ask for it, ignore this mail. Your password stays as it is.";
pub(super) const ROTATE_THE_KEY: &str = "Rotate the key if it is in use, or let it expire.";
pub(super) const KEY_STILL_WORKS: &str = "The key still works. Revoke it now, and create a new one.";
pub(super) const KEY_IS_REVOKED: &str =
    "The key no longer works. Create a new one for its callers, and look for calls that were not yours.";
pub(super) const IF_IT_WAS_NOT_YOU: &str = "If it was not you, choose a new password and sign out everywhere.";
pub(super) const IF_THE_PASSWORD_WAS_NOT_YOURS: &str =
    "If it was not you, choose a new password now. That signs out everyone who uses your user.";
pub(super) const IF_THE_FACTOR_WAS_NOT_YOURS: &str =
    "If it was not you, ask an owner or admin of your account to remove the second factor. Then choose a new password.";
pub(super) const IF_THE_REMOVAL_WAS_NOT_YOURS: &str =
    "If you did not expect it, choose a new password, and set up a second factor again.";
pub(super) const IF_ONE_REMOVAL_WAS_NOT_YOURS: &str =
    "If it was not you, choose a new password, and look at your second factor in the settings.";
pub(super) const IF_YOU_DID_NOT_EXPECT_THE_OWNER: &str =
    "Owners can do everything in the account. If you did not expect this, remove the owner, and read the audit log.";
pub(super) const IF_YOU_DID_NOT_EXPECT_THE_LOSS: &str = "If you did not expect this, ask an owner of the account. Choose a new password if you think that someone else used your user.";

pub(super) const ONE_DAY: &str = "1 day";
pub(super) const SEVEN_DAYS: &str = "7 days";

/// A role, and what it may do.
pub(super) fn role(role: Role) -> String {
    let may = match role {
        Role::Viewer => "sees keys, usage and members",
        Role::Developer => "manages keys",
        Role::Admin => "manages keys, members and the account",
        Role::Owner => "can do everything",
    };
    format!("{role} ({may})")
}

pub(super) fn status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "works",
        KeyStatus::Disabled => "disabled",
        KeyStatus::Expired => "expired",
        KeyStatus::Revoked => "revoked",
        KeyStatus::Compromised => "revoked, because it was reported",
        other => other.as_str(),
    }
}

pub(super) fn invitation(account: &str, provider: &str) -> String {
    format!("Invitation to {account} at {provider}")
}

pub(super) fn user_invites(user: &str, account: &str, provider: &str) -> String {
    format!("{user} invites you to the account {account} at {provider}.")
}

pub(super) fn you_are_invited(account: &str, provider: &str) -> String {
    format!("You are invited to the account {account} at {provider}.")
}

pub(super) fn invitation_ends(when: &str) -> String {
    format!("The link works once, until {when}.")
}

pub(super) fn reset(provider: &str) -> String {
    format!("Choose a new password for {provider}")
}

pub(super) fn reset_was_requested(user: &str) -> String {
    format!("We got a request for a new password of the user {user}.")
}

pub(super) fn reset_comes_from_administrator(user: &str) -> String {
    format!("An administrator sends you a link for a new password of the user {user}.")
}

pub(super) fn reset_ends(when: &str) -> String {
    format!("The link works once, until {when}. Using it signs you out everywhere.")
}

pub(super) fn key_expires(key: &str, within: &str) -> String {
    format!("API key {key} expires within {within}")
}

pub(super) fn key_expires_soon(provider: &str) -> String {
    format!("An API key for {provider} expires soon. Then, its callers are refused.")
}

pub(super) fn key_was_reported(key: &str) -> String {
    format!("API key {key} was reported as leaked")
}

pub(super) fn key_was_found(provider: &str) -> String {
    format!("An API key for {provider} was found where others can read it.")
}

pub(super) fn new_sign_in(provider: &str) -> String {
    format!("New sign-in to {provider}")
}

pub(super) fn new_device(user: &str) -> String {
    format!("A device that we have not seen before signed in as {user}.")
}

pub(super) fn password_changed(provider: &str) -> String {
    format!("Your password for {provider} was changed")
}

pub(super) fn password_of(user: &str) -> String {
    format!("The password of the user {user} was changed.")
}

pub(super) fn factor_added(provider: &str) -> String {
    format!("Second factor set up for {provider}")
}

pub(super) fn factor_added_for(user: &str) -> String {
    format!("The user {user} now needs a second factor to sign in.")
}

pub(super) fn factor_removed(provider: &str) -> String {
    format!("Second factor removed for {provider}")
}

pub(super) fn factor_removed_of(user: &str) -> String {
    format!("The second factor of the user {user} was removed. The password is now enough to sign in.")
}

pub(super) fn another_factor_of(user: &str) -> String {
    format!("The user {user} has one more way to confirm a sign-in: a passkey or an authenticator app.")
}

pub(super) fn one_factor_removed_of(user: &str) -> String {
    format!("A passkey or the authenticator app of the user {user} was removed. The others still confirm each sign-in.")
}

pub(super) fn new_owner(account: &str, provider: &str) -> String {
    format!("New owner of {account} at {provider}")
}

pub(super) fn is_now_an_owner(owner: &str, account: &str, provider: &str) -> String {
    format!("{owner} is now an owner of the account {account} at {provider}.")
}

pub(super) fn no_longer_an_owner(account: &str, provider: &str) -> String {
    format!("You are no longer an owner of {account} at {provider}")
}

pub(super) fn user_is_no_longer_an_owner(user: &str, account: &str, provider: &str) -> String {
    format!("The user {user} is no longer an owner of the account {account} at {provider}.")
}

pub(super) fn no_longer_a_member(account: &str, provider: &str) -> String {
    format!("You are no longer a member of {account} at {provider}")
}

pub(super) fn user_is_no_longer_a_member(user: &str, account: &str, provider: &str) -> String {
    format!("The user {user} is no longer a member of the account {account} at {provider}.")
}

pub(super) fn in_utc(date: &str, time: &str) -> String {
    format!("{date} {time} UTC")
}
