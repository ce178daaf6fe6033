//! Signing in, registering and choosing a password.

// code.html
pub(in crate::dashboard) const ENTER_THE_CODE: &str = "Enter the code";
pub(in crate::dashboard) const THE_6_DIGITS: &str =
    "The 6 digits that your authenticator app shows. If you have lost it, enter a recovery code.";
pub(in crate::dashboard) const BACK_TO_THE_PASSWORD: &str = "Back to the password";
pub(in crate::dashboard) const NO_APP_AND_NO_RECOVERY_CODE: &str =
    "No app and no recovery code? Ask an owner of your account to remove your second factor.";

// forgot.html
pub(in crate::dashboard) const FORGOT_YOUR_PASSWORD: &str = "Forgot your password?";
pub(in crate::dashboard) const IF_A_USER_WITH_THIS_ADDRESS_EXISTS: &str =
    "If a user with this address exists, we have sent them a link. It works once, for an hour.";
pub(in crate::dashboard) const SEND_ME_A_LINK: &str = "Send me a link";
pub(in crate::dashboard) const ASK_AN_OWNER_OR_ADMIN: [&str; 2] = [
    "Ask an owner or admin of your account for a link. They create it on the page ",
    ", and you choose a new password with it.",
];
pub(in crate::dashboard) const IF_YOU_RUN_THIS_SERVER: [&str; 2] =
    ["If you run this server, ", " with your address prints a link."];

// login.html
pub(in crate::dashboard) const THIS_SERVER_HAS_NO_OWNER_YET: &str =
    "This server has no owner yet. Open the link that it printed at start and choose the first password.";
pub(in crate::dashboard) const NEW_HERE: &str = "New here?";
pub(in crate::dashboard) const REGISTER: &str = "Register";
pub(in crate::dashboard) const HAVE_AN_INVITATION: &str = "Have an invitation?";
pub(in crate::dashboard) const CHOOSE_YOUR_PASSWORD: &str = "Choose your password";

// register.html
pub(in crate::dashboard) const INVITATION: &str = "Invitation";
pub(in crate::dashboard) const LINK_HELP: [&str; 2] = ["The text after ", " in the link that you received."];
pub(in crate::dashboard) const PASSWORD_HELP: &str =
    "At least 15 characters. Use several words, or better a password manager.";
pub(in crate::dashboard) const YOU_ARE_INVITED: [&str; 5] = [
    "You are invited by ",
    " to the account ",
    " as ",
    ". You will sign in as ",
    " with the password that you choose here.",
];
pub(in crate::dashboard) const SET_PASSWORD: &str = "Set password";
pub(in crate::dashboard) const ALREADY_REGISTERED: &str = "Already registered?";
pub(in crate::dashboard) const NO_INVITATION: &str = "No invitation?";

// reset.html
pub(in crate::dashboard) const CHOOSE_A_NEW_PASSWORD: &str = "Choose a new password";
pub(in crate::dashboard) const LINK: &str = "Link";
pub(in crate::dashboard) const NEW_PASSWORD_HELP: &str = "At least 15 characters. This signs you out everywhere.";

// again.html
pub(in crate::dashboard) const OR_OPEN_THIS_PAGE_AGAIN: &str =
    "Or open this page again from the application around it.";

pub(in crate::dashboard) const YOUR_SESSION_HAS_ENDED: &str =
    "Your session has ended, so nothing was done. Sign in to return to the form: we kept what you typed.";

/// Why a page asks for a recent sign-in. Each goes on: "sign in again before you …".
pub(in crate::dashboard) const CREATE_A_KEY: &str = "create a key";
pub(in crate::dashboard) const CHANGE_A_KEY: &str = "change a key";
pub(in crate::dashboard) const ENABLE_KEYS: &str = "enable keys";
pub(in crate::dashboard) const ROTATE_A_KEY: &str = "rotate a key";
pub(in crate::dashboard) const CHANGE_LIMITS: &str = "change limits";
pub(in crate::dashboard) const CHANGE_LIFETIMES: &str = "change lifetimes of keys";
pub(in crate::dashboard) const CHANGE_SCOPES_OF_A_PLAN: &str = "change the scopes of a plan";
pub(in crate::dashboard) const CHANGE_PLANS: &str = "change plans";
pub(in crate::dashboard) const DESCRIBE_YOUR_API: &str = "describe your API";
pub(in crate::dashboard) const INVITE_A_MEMBER: &str = "invite a member";
pub(in crate::dashboard) const CHANGE_A_ROLE: &str = "change a role";
pub(in crate::dashboard) const CREATE_A_LINK: &str = "create a link for a new password";
pub(in crate::dashboard) const ENABLE_A_USER: &str = "enable a user";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const CHANGE_A_WEBHOOK: &str = "create or change a webhook";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const CHANGE_A_SECRET: &str = "change the secret of a webhook";
pub(in crate::dashboard) const DELETE_AN_ACCOUNT: &str = "delete an account";
pub(in crate::dashboard) const SUSPEND_AN_ACCOUNT: &str = "suspend an account";
pub(in crate::dashboard) const REINSTATE_AN_ACCOUNT: &str = "reinstate an account";
pub(in crate::dashboard) const GIVE_A_PLAN: &str = "give an account a plan";
pub(in crate::dashboard) const CHANGE_A_PLAN: &str = "change the plan of an account";
pub(in crate::dashboard) const REQUIRE_A_SECOND_FACTOR: &str = "change who needs a second factor";
pub(in crate::dashboard) const SET_UP_A_SECOND_FACTOR: &str = "change your second factor";
pub(in crate::dashboard) const REMOVE_A_SECOND_FACTOR: &str = "remove a second factor";

pub(in crate::dashboard) fn long_ago(reason: Option<&str>) -> String {
    let before = reason.unwrap_or("do this");
    format!(
        "You signed in a while ago. To protect your account, sign in again before you {before}. You then return to \
         this page."
    )
}

// confirm.html
pub(in crate::dashboard) const CONFIRM_WITH_YOUR_SECOND_FACTOR: &str = "Confirm with your second factor";
pub(in crate::dashboard) const CONFIRM: &str = "Confirm";

pub(in crate::dashboard) fn confirm(reason: Option<&str>) -> String {
    let before = reason.unwrap_or("do this");
    format!(
        "Nothing was done yet. To protect your account, use your second factor before you {before}. Being signed in is \
         not enough for this."
    )
}

// link.html
pub(in crate::dashboard) const CONTINUE: &str = "Continue";
pub(in crate::dashboard) const YOU_ARE_SIGNED_IN_AS: [&str; 2] =
    ["You are signed in as ", ". This link signs in the user for whom it was created."];
pub(in crate::dashboard) const INVALID_LINK: &str = "Invalid link";
pub(in crate::dashboard) const THE_LINK_HAS_ENDED: &str = "The link was already used, has expired, or is wrong. Go back to the application that opened this page, and open it \
     again from there.";
