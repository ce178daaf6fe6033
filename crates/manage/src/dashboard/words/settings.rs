//! The settings of the user, and those of the operator.

use super::numbers::plural;

// api.html
pub(in crate::dashboard) const SETTINGS: &str = "Settings";
pub(in crate::dashboard) const SCOPES_AND_EXAMPLE: &str = "Your API";
pub(in crate::dashboard) const WHAT_YOUR_API_OFFERS_TO_RESTRICTED_KEYS: &str = "What your API offers to restricted keys, the call that people see with a new key, and your documentation. Existing keys keep their \
     scopes.";
pub(in crate::dashboard) const A_SCOPE_AND_ITS_DESCRIPTION: [&str; 3] =
    ["A scope and its description on each line. A line such as ", " begins a group, and ", " is a preset."];
pub(in crate::dashboard) const THE_CONFIGURATION_HAS_SCOPES: &str =
    "The configuration has scopes, too: the ones here replace them.";
pub(in crate::dashboard) const URL_OF_THE_EXAMPLE_CALL: &str = "URL of the example call";
pub(in crate::dashboard) const IT_SHOULD_ANSWER_A_GET: &str = "It should answer a GET without side effects. “Test this key” calls it from this server, over https and only at a public \
     address.";

pub(in crate::dashboard) const URL_OF_THE_DOCUMENTATION: &str = "URL of the documentation of your API";
pub(in crate::dashboard) const THE_MENU_LINKS_TO_IT: &str =
    "The menu of each user links to it as “API documentation”, and so does the page of a new key.";

// appearance.html
pub(in crate::dashboard) const APPEARANCE: &str = "Appearance";
pub(in crate::dashboard) const ALL_USERS_SEE: &str =
    "All users see this as soon as you save it, also on the sign-in page.";
pub(in crate::dashboard) const PROVIDER_NAME: &str = "Provider name";
pub(in crate::dashboard) const PROVIDER_NAME_HELP: [&str; 2] =
    ["The examples for a new key read it from a variable with this name: ", "."];
pub(in crate::dashboard) const LOGO: &str = "Logo";
pub(in crate::dashboard) const LOGO_HELP: &str = "A PNG, JPEG or WebP image of up to 32 KiB, shown 28 pixels high.";
pub(in crate::dashboard) fn logo_too_large(bytes: usize) -> String {
    format!("{} KiB are too many: expected at most 32", bytes.div_ceil(1_024))
}

pub(in crate::dashboard) const REMOVE_THIS_LOGO: &str = "Remove this logo";
pub(in crate::dashboard) const COLOUR_OF_BUTTONS_AND_LINKS: &str = "Colour of buttons and links";
pub(in crate::dashboard) const CHOOSE_ONE_THAT_IS_DARK: &str =
    "Choose one that is dark enough to read on light pages. Dark pages use a lighter shade.";
pub(in crate::dashboard) const DEFAULT_THEME: &str = "Default theme";

// factor.html
pub(in crate::dashboard) const YOU_SIGN_IN_WITH_THE_IDENTITY_PROVIDER: &str =
    "You sign in with the identity provider. Set up a second factor there.";
pub(in crate::dashboard) const THE_ACCOUNT_REQUIRES_ONE: &str =
    "requires a second factor of its members. Set one up to open the account.";
pub(in crate::dashboard) const THESE_ACCOUNTS_REQUIRE_ONE: &str =
    "These accounts require a second factor of their members. Set one up to open them:";
pub(in crate::dashboard) const WITH_A_SECOND_FACTOR: &str = "With a second factor, your password alone opens nothing: you also enter a code from an authenticator app, or use \
     a passkey.";
pub(in crate::dashboard) const SET_UP: &str = "Set up";
pub(in crate::dashboard) const STEP_ONE: &str = "1. Add this server to your authenticator app";
pub(in crate::dashboard) const SCAN_THE_PICTURE_WITH_YOUR_AUTHENTICATOR_APP: &str =
    "Scan the picture with your authenticator app.";
pub(in crate::dashboard) const QR_CODE_WITH_THE_SECRET: &str = "QR code with the secret below";
pub(in crate::dashboard) const OR_TYPE_THIS_SECRET_INTO_THE_APP: &str = "Or type this secret into the app:";
pub(in crate::dashboard) const STEP_TWO: &str = "2. Enter the code that it shows";
pub(in crate::dashboard) const TURN_ON: &str = "Turn on";
pub(in crate::dashboard) const SIGNS_YOU_OUT_ELSEWHERE: &str = "This signs you out everywhere else.";
pub(in crate::dashboard) const START_AGAIN: &str = "Does the code not work?";
pub(in crate::dashboard) const START_AGAIN_WITH_ANOTHER_SECRET: &str = "Start again with another secret";
pub(in crate::dashboard) const RECOVERY_CODES: &str = "Recovery codes";
pub(in crate::dashboard) const CODES_HELP: &str =
    "Each signs you in once if you lose your app or passkey. New codes replace the old ones.";
pub(in crate::dashboard) const CREATE_NEW_CODES: &str = "Create new codes";
pub(in crate::dashboard) const TURN_OFF: &str = "Turn off";
pub(in crate::dashboard) const THEN_YOUR_PASSWORD_ALONE_SIGNS_YOU_IN: &str =
    "Then your password alone signs you in. Accounts that require a second factor stay closed to you.";

// recovery.html
pub(in crate::dashboard) const KEEP_YOUR_RECOVERY_CODES: &str = "Keep your recovery codes";
pub(in crate::dashboard) const YOUR_SECOND_FACTOR_IS_ON: &str = "Your second factor is on. Store these codes now: you won't see them again. Each signs you in once, if you lose \
     your app or passkey.";
pub(in crate::dashboard) const DOWNLOAD: &str = "Download";
pub(in crate::dashboard) const DONE_I_HAVE_STORED_THE_CODES: &str = "Done, I have stored the codes";
pub(in crate::dashboard) const THE_SERVER_SHOWS_RECOVERY_CODES_ONCE: &str =
    "The server shows recovery codes once. If you did not store them, create new ones.";
pub(in crate::dashboard) const GO_TO_THE_SECOND_FACTOR: &str = "Go to the second factor";

// settings.html
pub(in crate::dashboard) const SAVE_THEME: &str = "Save theme";
pub(in crate::dashboard) const YOU: &str = "You";
pub(in crate::dashboard) const YOU_SIGN_IN_AS: [&str; 2] = ["You sign in as ", "."];
pub(in crate::dashboard) const CURRENT_PASSWORD: &str = "Current password";
pub(in crate::dashboard) const CHANGE_PASSWORD: &str = "Change password";
pub(in crate::dashboard) const SIGNS_YOU_OUT: &str = "This signs you out everywhere.";
pub(in crate::dashboard) const YOU_SIGN: &str = "You sign in with your password and a second factor.";
pub(in crate::dashboard) const YOUR_PASSWORD_ALONE_SIGNS_YOU_IN: &str =
    "Your password alone signs you in. Add a code from an authenticator app, or a passkey.";
pub(in crate::dashboard) const CHANGE_SECOND_FACTOR: &str = "Change second factor";
pub(in crate::dashboard) const SET_UP_SECOND_FACTOR: &str = "Set up second factor";
pub(in crate::dashboard) const YOUR_SESSIONS: &str = "Your sessions";
pub(in crate::dashboard) const SIGN_OUT_EVERYWHERE: &str = "Sign out everywhere";

// own.rs
pub(in crate::dashboard) const UNKNOWN_NETWORK: &str = "unknown network";
pub(in crate::dashboard) const THE_CURRENT_PASSWORD_IS_WRONG: &str = "The current password is wrong.";

pub(in crate::dashboard) const ON_SINCE: [&str; 2] = ["since ", ". You confirm each sign-in with your password."];

pub(in crate::dashboard) fn codes_left(count: usize) -> String {
    if count == 0 {
        return "You have no recovery codes left.".to_owned();
    }
    format!("You have {count} recovery {} left.", plural(&count.to_string(), "code", "codes"))
}

pub(in crate::dashboard) const PROGRAM: &str = "program";
pub(in crate::dashboard) const SIGN_OUT: &str = "Sign out";
pub(in crate::dashboard) const SIGN_OUT_ALL_OTHERS: &str = "Sign out all others";
pub(in crate::dashboard) const OLDER_SESSIONS_ARE_NOT_SHOWN: &str =
    "Only the newest 200 sign-ins of browsers and of programs are shown. To end older ones, sign out all others.";

pub(in crate::dashboard) const LAST_USED: &str = "last used";

pub(in crate::dashboard) fn from_network_since(network: &str) -> String {
    format!(" from {network}, since")
}

pub(in crate::dashboard) fn by_a_link_from(maker: &str) -> String {
    format!("signed in by a link from {maker}")
}

pub(in crate::dashboard) fn device_since(device: &str) -> String {
    format!("{device}, since")
}

pub(in crate::dashboard) const RECENT_ACTIVITY: &str = "Recent activity";
pub(in crate::dashboard) const ACTIVITY_HELP: &str =
    "How you signed in, and what changed about it. Owners and admins of your accounts see it in the audit log, too.";
pub(in crate::dashboard) const BY_AN_ADMINISTRATOR: &str = "by an administrator";
pub(in crate::dashboard) const REFUSED: &str = "refused";

pub(in crate::dashboard) fn device_from(device: &str, network: &str) -> String {
    format!("{device}, from {network}")
}

/// An audited action, as the user sees it.
pub(in crate::dashboard) fn activity(action: &str, is_refused: bool, times: u64) -> String {
    let text = match (action, is_refused) {
        ("session.begin", _) => "Signed in",
        ("session.end", _) => "Signed out",
        ("session.end_all", _) => "Signed out everywhere",
        ("session.end_others", _) => "Signed out all others",
        ("token.issue", _) => "Signed in with a program",
        ("token.reuse", _) => "A program used a refresh token twice, and was signed out",
        ("user.check_code", _) => "Wrong code of the second factor",
        ("user.block_second_factor", _) => "Too many wrong codes",
        ("user.use_recovery_code", _) => "Recovery code used",
        ("user.renew_recovery_codes", _) => "New recovery codes",
        ("user.add_second_factor", true) => "Wrong password for setting up a second factor",
        ("user.add_second_factor", false) => "Second factor set up",
        ("user.remove_second_factor", _) => "Second factor removed",
        ("user.rename_passkey", _) => "Passkey renamed",
        ("user.change_password", true) => "Wrong current password",
        ("user.change_password", false) => "Password changed",
        ("user.create_password_reset", _) => "Link for a new password created",
        ("user.reset_password", _) => "Password chosen with a link",
        ("user.link", _) => "Signed in with the identity provider for the first time",
        _ => "Another change",
    };
    match times {
        0 | 1 => text.to_owned(),
        times => format!("{text}, {times} times"),
    }
}
