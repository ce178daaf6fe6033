//! The pages of users.

use super::numbers;

// delete.html
pub(in crate::dashboard) const DELETE_QUESTION: [&str; 2] = ["Delete ", "?"];
pub(in crate::dashboard) const USER_LEAVES_ALL: [&str; 2] =
    ["", " is signed out everywhere and leaves all accounts. You can't undo this."];
pub(in crate::dashboard) const KEYS_ARE_REVOKED: &str = "The keys that belong to the user are revoked for good.";
pub(in crate::dashboard) const KEYS_ARE_DISABLED: &str = "The keys that belong to the user are disabled.";
pub(in crate::dashboard) const KEYS_STAY_VALID: &str = "All keys stay valid, also those that belong to the user.";
pub(in crate::dashboard) const AUDIT_LOG_KEEPS: &str = "The audit log keeps their actions.";

// details.html
pub(in crate::dashboard) const DISABLED: &str = "disabled";
pub(in crate::dashboard) const REMOVE_SECOND_FACTOR: &str = "Remove second factor";
pub(in crate::dashboard) const REMOVE_THE_SECOND_FACTOR: &str = "Remove the second factor of a user who has lost it, after you have made sure who asks. It signs them out \
     everywhere. Their password alone then signs them in.";
pub(in crate::dashboard) const DISABLING_A_USER_SIGNS: &str =
    "Disabling a user signs them out everywhere and blocks sign-in.";

// list.html
pub(in crate::dashboard) const E_MAIL_ADDRESS_OR_NAME: &str = "E-mail address or name";
pub(in crate::dashboard) const PART_OF_THE_E_MAIL: &str = "Part of the e-mail address or name";
pub(in crate::dashboard) const ALL_USERS: &str = "All users";
pub(in crate::dashboard) const NO_USER_MATCHES: &str = "No user matches.";

pub(in crate::dashboard) fn total(count: u64, most: u64) -> String {
    numbers::total(count, most, "user", "users")
}

// users.rs
pub(in crate::dashboard) const DELETE_A_USER: &str = "Delete a user";

pub(in crate::dashboard) fn role_of(role: &str) -> String {
    format!("{role} of")
}
