//! What a page says when something fails.

use keyward_core::name::NameError;
use keyward_core::store::StoreErrorKind;

use crate::error::ManagementError;
use crate::web::sentence;

// exports.rs
pub(in crate::dashboard) const EXPORT_IS_RUNNING: &str = "An export is running";
pub(in crate::dashboard) const ONE_EXPORT_OF_AN_ACCOUNT: &str =
    "Another file of this account is being downloaded. Wait until it is complete, then try again.";
pub(in crate::dashboard) const TOO_MANY_EXPORTS: &str = "Too many exports";
pub(in crate::dashboard) const TWO_EXPORTS_OF_A_USER: &str =
    "A user can export two files at a time. Try again when one of yours is finished.";
pub(in crate::dashboard) const OTHERS_EXPORT: &str =
    "Other accounts are downloading files right now. Try again in 10 seconds.";

// csrf.rs
pub(in crate::dashboard) const THIS_PAGE_HAS_EXPIRED: &str =
    "This page has expired, or your browser blocks cookies. Try again.";

// error.rs
pub(in crate::dashboard) const YOU_OPENED_THIS_PAGE_OVER_PLAIN_HTTP: &str = "You opened this page over plain HTTP, which exposes passwords and keys. Open it over https://. If a proxy \
     terminates HTTPS, the operator must configure it as a trusted proxy.";
pub(in crate::dashboard) const OPEN_THIS_PAGE_OVER_HTTPS: &str = "Open this page over HTTPS";
pub(in crate::dashboard) const OPEN_THIS_PAGE_UNDER_ITS_OWN_ADDRESS: &str = "Open this page under its own address";
pub(in crate::dashboard) const THE_FORM_WAS_SENT_FROM_ANOTHER_SITE: &str =
    "The form was sent from another site, so nothing was done.";
pub(in crate::dashboard) const NOT_FROM_THIS_SITE: &str = "Not from this site";
pub(in crate::dashboard) const THE_FORM_BELONGS_TO_ANOTHER_SESSION: &str =
    "The form belongs to another session, so nothing was done. We kept what you typed: check it, then send it again.";
pub(in crate::dashboard) const SEND_IT_AGAIN: &str = "Send it again";
pub(in crate::dashboard) const BACK_TO_THE_FORM: &str = "Back to the form";
pub(in crate::dashboard) const NOTHING_WAS_DONE: &str = "Nothing was done";
pub(in crate::dashboard) const THIS_ADDRESS_TAKES_FORMS: &str =
    "This address only takes forms, so there is nothing to see. Open the page and send its form.";
pub(in crate::dashboard) const OPEN_THE_PAGE: &str = "Open the page";
pub(in crate::dashboard) const FORM_TOO_LARGE: &str = "Form too large";
pub(in crate::dashboard) const THE_FORM_IS_LARGER_THAN: &str =
    "The form is larger than the server allows. Nothing was changed. Choose a smaller file or shorter texts.";
pub(in crate::dashboard) const TOO_MANY_FILES: &str = "Too many files";
pub(in crate::dashboard) const OTHERS_SEND_FILES: &str =
    "Other users are sending files right now. Nothing was changed. Try again in 10 seconds.";
pub(in crate::dashboard) const SET_UP_A_SECOND_FACTOR: &str = "Set up a second factor";

// error.rs
pub(in crate::dashboard) const GO_TO_THE_KEYS: &str = "Go to the keys";

pub(in crate::dashboard) fn other_address(own: &str) -> String {
    format!("You opened this page under another address, so it cannot create a link. Open {own} instead.")
}

pub(in crate::dashboard) fn other_method(method: &str) -> String {
    format!("This address does not support {method}. Open the page instead.")
}

pub(in crate::dashboard) const CHECK_WHAT_YOU_TYPED: &str = "Check what you typed";

pub(in crate::dashboard) fn check_these_fields(fields: usize) -> String {
    format!("Check these {fields} fields:")
}

pub(in crate::dashboard) fn explain(error: &ManagementError) -> (&'static str, String) {
    match error {
        ManagementError::Invalid { message, .. } if *message == NameError::Blank.to_string() => {
            (CHECK_WHAT_YOU_TYPED, "Enter a name.".to_owned())
        }
        // Only a damaged form or another program lacks the number that a form has.
        ManagementError::Invalid { field, .. } if *field == "Idempotency-Key" => (
            "The form is incomplete",
            "The form is incomplete. Open its page again, and send it from there.".to_owned(),
        ),
        ManagementError::Invalid { field, message } => (CHECK_WHAT_YOU_TYPED, format!("{}: {}.", label(field), brief(message))),
        ManagementError::NotFound(what) => ("Not found", format!("This {what} does not exist, or you cannot see it.")),
        ManagementError::Forbidden(scope) => {
            ("No permission", format!("You don't have permission to do this ({scope}). Ask an owner or admin."))
        }
        ManagementError::TestMode(_) => ("No permission", sentence(&error.to_string())),
        ManagementError::Escalation(what) => ("No permission", format!("You can't grant more than you have: {what}.")),
        ManagementError::PlanInUse { .. } => ("The plan is in use", sentence(&error.to_string())),
        ManagementError::KeyHasLimits => ("No permission", sentence(&error.to_string())),
        ManagementError::Stale => {
            ("Changed by another user", "Another user changed this after you opened it. Check it, then try again.".to_owned())
        }
        ManagementError::Duplicate(what) => ("Already exists", format!("This {what} already exists.")),
        ManagementError::Ended => {
            ("The key has ended", "The key is revoked or has expired. Create a new key.".to_owned())
        }
        ManagementError::Rotated => ("Already rotated", "The key was already rotated. Rotate the new key that replaces it.".to_owned()),
        ManagementError::KeyLimit { limit } => {
            ("Too many keys", format!("The account has {limit} active keys, its maximum. Revoke one that you don't use."))
        }
        ManagementError::ScopeNotInPlan { .. } => ("Not in the plan", sentence(&error.to_string())),
        ManagementError::LifetimeTooLong(error) => ("Choose an earlier expiry", sentence(&error.to_string())),
        ManagementError::LastOwner => ("An owner is needed", "An account needs at least one owner.".to_owned()),
        ManagementError::WrongCredentials => ("Not signed in", "The e-mail address or the password is wrong.".to_owned()),
        ManagementError::CodeRequired => ("Enter the code", "Enter the code that your authenticator app shows.".to_owned()),
        ManagementError::WrongCode => (
            "Wrong code",
            "The code is wrong or was used before. Enter the one that your authenticator app shows now.".to_owned(),
        ),
        ManagementError::SecondFactorMissing => (
            "A second factor is needed",
            "This account requires a second factor of its members. Set one up, then come back.".to_owned(),
        ),
        ManagementError::SignInAgain => {
            ("Sign in again", "You signed in a while ago. Sign in again, then repeat this.".to_owned())
        }
        ManagementError::OwnSignInRequired => (
            "Sign in here first",
            "Another application signed you in by a link, so you cannot do this. Sign out, and sign in with your password or \
             identity provider."
                .to_owned(),
        ),
        ManagementError::AddressInUse => (
            "You already have a user",
            "A user with this e-mail address already exists. Sign in, then open the link again.".to_owned(),
        ),
        ManagementError::AccountLimit { limit } => {
            ("Too many accounts", format!("You already own {limit} accounts, the maximum. If you need more, ask the operator."))
        }
        ManagementError::AccountDeleted(account) => {
            ("The account was deleted", format!("The account {account} was deleted. Choose another id."))
        }
        ManagementError::LinkEnded => {
            ("Invalid link", "The link was already used, has expired, or is wrong. Ask for a new one.".to_owned())
        }
        ManagementError::PasswordsOff => {
            ("No passwords here", "You can't sign in with a password here. Use the button on the sign-in page.".to_owned())
        }
        ManagementError::NotAdmitted => (
            "No access yet",
            "You signed in at the identity provider, but you don't have a user here. Ask an owner or admin to invite the \
             e-mail address that you use there, and make sure that it is verified."
                .to_owned(),
        ),
        ManagementError::SignUpClosed => ("By invitation only", "Ask an owner or admin for an invitation.".to_owned()),
        ManagementError::Throttled { retry_after } => {
            ("Too many attempts", format!("Wait {} seconds, then try again.", retry_after.as_secs() + 1))
        }
        ManagementError::Busy { retry_after } => (
            "Too busy",
            format!("Many users are signing in right now. Try again in {} seconds.", retry_after.as_secs() + 1),
        ),
        ManagementError::OtherRequest | ManagementError::InProgress => {
            ("Already sent", "You already sent this form. Check whether it took effect before you repeat it.".to_owned())
        }
        ManagementError::Store(error) if error.kind() == StoreErrorKind::Unavailable => (
            "The database does not answer",
            "The server cannot read or write its database right now. Check whether your change took effect before you repeat it."
                .to_owned(),
        ),
        ManagementError::Publishable | ManagementError::UsersOnly | ManagementError::SignedOut => ("Sign in", "Sign in to see this page.".to_owned()),
        ManagementError::Store(_) | ManagementError::Internal => {
            ("Something went wrong", "The server could not do this. The operator finds the reason in its log.".to_owned())
        }
    }
}

/// Cuts long words. A message quotes what was typed, and the field still shows it.
fn brief(message: &str) -> String {
    const MOST: usize = 60;
    let word = |word: &str| match word.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default()),
        None => word.to_owned(),
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn label(field: &str) -> String {
    match field {
        "expires_at" => "Expires".to_owned(),
        "expires_on" => "Date".to_owned(),
        "default_seconds" => "Default lifetime".to_owned(),
        "maximum_seconds" => "Maximum lifetime".to_owned(),
        "accent" => "Colour of buttons and links".to_owned(),
        "docs_url" => "URL of the documentation of your API".to_owned(),
        "email" => "E-mail address".to_owned(),
        "key_limit" => "Active keys of an account".to_owned(),
        "example_url" => "URL of the example call".to_owned(),
        "url" => "URL".to_owned(),
        "tasks" => "Tasks at the same time".to_owned(),
        "rates" => "Other rates".to_owned(),
        "overlap_number" => "How long".to_owned(),
        "overlap_seconds" => "Overlap".to_owned(),
        other => {
            let mut letters = other.replace('_', " ").chars().collect::<Vec<_>>();
            if let Some(first) = letters.first_mut() {
                first.make_ascii_uppercase();
            }
            letters.into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_of_a_message_are_cut() {
        let digits = "9".repeat(500);
        let message = |text: &str| explain(&ManagementError::invalid("tasks", format!("{text} does not fit"))).1;
        assert_eq!(message("12"), "Tasks at the same time: 12 does not fit.");
        assert_eq!(message(&digits), format!("Tasks at the same time: {}… does not fit.", &digits[..60]));
        assert_eq!(message(&"é".repeat(61)), format!("Tasks at the same time: {}… does not fit.", "é".repeat(60)));
    }
}
