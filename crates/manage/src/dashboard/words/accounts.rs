//! The pages of accounts.

use super::numbers::{self, number, plural};

// account.html
pub(in crate::dashboard) const ACCOUNT_NAME: &str = "Account name";
pub(in crate::dashboard) const RENAME_ACCOUNT: &str = "Rename account";
pub(in crate::dashboard) const PLAN: &str = "Plan";
pub(in crate::dashboard) const PLAN_AND_SUSPENSION: &str = "Plan and suspension";
pub(in crate::dashboard) const NO_PLAN: &str = "No plan";
pub(in crate::dashboard) const SUSPENDED_SINCE: [&str; 2] = ["Suspended ", ": all keys of the account are refused."];
pub(in crate::dashboard) const REINSTATE: &str = "Reinstate";
pub(in crate::dashboard) const SUSPEND: &str = "Suspend";
pub(in crate::dashboard) const REQUIRED: &str = "required";
pub(in crate::dashboard) const MEMBERS_WHO_SIGN: &str =
    "Members who sign in with a password need a second factor. Without one, they see only the page that sets it up.";
pub(in crate::dashboard) const MEMBERS_MAY_SIGN: &str = "Members may sign in with their password alone.";
pub(in crate::dashboard) const MAKE_IT_OPTIONAL: &str = "Make it optional";
pub(in crate::dashboard) const REQUIRE_A_SECOND_FACTOR: &str = "Require a second factor";
pub(in crate::dashboard) const IT_HOLDS_AT_ONCE: &str = "It applies at once, also to open sessions. API keys stay valid. Users of the identity provider have its second \
     factor.";
pub(in crate::dashboard) const DELETION: &str = "Deletion";
pub(in crate::dashboard) const DELETING_THE_ACCOUNT_REVOKES: &str =
    "Deleting the account revokes its keys for good. Its members, invitations and webhooks are removed.";
pub(in crate::dashboard) const DELETE_ACCOUNT: &str = "Delete account";

// account.rs
pub(in crate::dashboard) const SET_UP_YOUR_OWN: &str = "Set up your own second factor first";
pub(in crate::dashboard) const THEN_REQUIRE_ONE: &str =
    "You have none, and would lose access to this account. Set one up, then require one of all members.";

// require_factor.html
pub(in crate::dashboard) const REQUIRE_OF_ALL_MEMBERS: &str = "Require a second factor of all members?";
pub(in crate::dashboard) const MEMBERS_WITHOUT_ONE: &str =
    "From now on, members without one can't open this account until they set one up. API keys stay valid.";
pub(in crate::dashboard) const REQUIRE_IT: &str = "Require it";
pub(in crate::dashboard) const SEE_THE_MEMBERS: &str = "See the members";

pub(in crate::dashboard) fn members_without_factor(lacking: &str, all: &str) -> String {
    let members = plural(all, "member has", if lacking == "1" { "members has" } else { "members have" });
    format!("{lacking} of {all} {members} no second factor.")
}

// accounts.html
pub(in crate::dashboard) const CREATE_ACCOUNT: &str = "Create account";
pub(in crate::dashboard) const NAME_OR_ID: &str = "Name or id";
pub(in crate::dashboard) const PART_OF_THE_NAME_OR_THE_ID: &str = "Part of the name or the id";
pub(in crate::dashboard) const ALL_ACCOUNTS: &str = "All accounts";
pub(in crate::dashboard) const NO_ACCOUNT_MATCHES: &str = "No account matches.";
pub(in crate::dashboard) const ANY_PLAN: &str = "Any plan";
pub(in crate::dashboard) const SUSPENDED_OR_NOT: &str = "Suspended or not";
pub(in crate::dashboard) const ONLY_SUSPENDED: &str = "Only suspended";
pub(in crate::dashboard) const SUSPENSION: &str = "Suspension";

/// If these are not all, there may be no more, because the others may be deleted.
pub(in crate::dashboard) fn total(count: u64, most: u64, is_all: bool) -> String {
    let total = numbers::total(count, most, "account", "accounts");
    if is_all || count > most { total } else { format!("at least {total}") }
}

// create.html
pub(in crate::dashboard) const CREATE_AN_ACCOUNT: &str = "Create an account";
pub(in crate::dashboard) const YOU_BECOME_ITS_OWNER: &str =
    "You become its owner. Then invite the customer as an owner, too.";

// suspend.html
pub(in crate::dashboard) const SUSPEND_QUESTION: [&str; 2] = ["Suspend ", "?"];
pub(in crate::dashboard) const ALL_KEYS_OF_THE_ACCOUNT: &str =
    "All keys of the account are refused until you reinstate it. Its members can still sign in and see it.";

// suspend.rs
pub(in crate::dashboard) const SUSPEND_AN_ACCOUNT: &str = "Suspend an account";

// delete.html
pub(in crate::dashboard) const DELETE_QUESTION: [&str; 2] = ["Delete ", "?"];
pub(in crate::dashboard) const USERS_STAY_AND_SO_DOES: &str =
    "Users stay, and so does the audit log. No account gets the id again.";
pub(in crate::dashboard) const TYPE_THE_ID_OF_THE_ACCOUNT: [&str; 2] = ["Type the id of the account: ", ""];

// delete.rs
pub(in crate::dashboard) const DELETE_AN_ACCOUNT: &str = "Delete an account";

pub(in crate::dashboard) fn no_such_plan(plan: &str) -> String {
    format!("`{plan}` does not exist: choose another plan")
}

/// The keys, members and webhooks of an account, in words.
pub(in crate::dashboard) fn contents(keys: u64, members: u64, webhooks: u64) -> String {
    let (keys, members) = (counted(keys, "key", "keys"), counted(members, "member", "members"));
    format!("{keys}, {members} and {}", counted(webhooks, "webhook", "webhooks"))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    let shown = if count == 0 { "no".to_owned() } else { number(count) };
    format!("{shown} {}", plural(&shown, one, many))
}

pub(in crate::dashboard) fn type_the_id(id: &str) -> String {
    format!("Type the id of the account, {id}, to delete it.")
}

pub(in crate::dashboard) fn the_account_has(ends: &str) -> String {
    format!(
        "The account has {ends}. The keys are revoked, and no node accepts them any more. Members, invitations and webhooks are removed."
    )
}
