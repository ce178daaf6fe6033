//! Passkeys, in the settings and at the sign-in.

// parts.html
pub(in crate::dashboard) const USE_A_PASSKEY: &str = "Use a passkey";
pub(in crate::dashboard) const PASSKEYS_NEED_A_SCRIPT: &str =
    "Passkeys need JavaScript, which your browser does not run here. A code works without it.";
pub(in crate::dashboard) const THIS_BROWSER_IS_TOO_OLD: &str =
    "This browser cannot use passkeys here. Update it, or enter a code.";
pub(in crate::dashboard) const NO_PASSKEY_WAS_USED: &str = "No passkey was used. Try again, or enter a code.";
pub(in crate::dashboard) const NO_PASSKEY_WAS_CREATED: &str = "No passkey was created. Try again.";
pub(in crate::dashboard) const IT_IS_KNOWN: &str =
    "This device or security key already has a passkey of yours. Use another one.";

// code.html
pub(in crate::dashboard) const CONFIRM_YOUR_SIGN_IN: &str = "Confirm your sign-in";
pub(in crate::dashboard) const RECOVERY_CODE: &str = "Recovery code";
pub(in crate::dashboard) const ONE_OF_YOUR_RECOVERY_CODES: &str =
    "One of the codes that you stored when you added your first passkey. Each works once.";
pub(in crate::dashboard) const NO_PASSKEY_AND_NO_RECOVERY_CODE: &str =
    "No passkey and no recovery code? Ask an owner of your account to remove your second factor.";

// factor.html
pub(in crate::dashboard) const AUTHENTICATOR_APP: &str = "Authenticator app";
pub(in crate::dashboard) const AN_APP_SHOWS_CODES: &str = "An app on your phone or computer shows codes, which also work where passkeys do not: in programs and in other browsers.";
pub(in crate::dashboard) const YOUR_APP_SHOWS_CODES: &str = "Your app shows codes.";
pub(in crate::dashboard) const REMOVE_THE_APP: &str = "Remove the app";
pub(in crate::dashboard) const REMOVE_THE_APP_WITH_A_PASSKEY: &str = "Remove the app with a passkey";
pub(in crate::dashboard) const CREATE_NEW_CODES_WITH_A_PASSKEY: &str = "Create new codes with a passkey";
pub(in crate::dashboard) const TURN_OFF_WITH_A_PASSKEY: &str = "Turn off with a passkey";
pub(in crate::dashboard) const PASSKEYS: &str = "Passkeys";
pub(in crate::dashboard) const WHAT_A_PASSKEY_IS: &str = "A passkey is on your phone, your computer or a security key. It works on the pages of this server only, so no other site can steal it.";
pub(in crate::dashboard) const NAME: &str = "Name of the passkey";
pub(in crate::dashboard) const ADD_A_PASSKEY: &str = "Add a passkey";
pub(in crate::dashboard) const CHANGE: &str = "Change";
pub(in crate::dashboard) const ON_YOUR_DEVICE: &str =
    "Your browser asks which device or security key keeps it. You have 5 minutes.";
pub(in crate::dashboard) const START_AGAIN: &str = "Start again";
pub(in crate::dashboard) const YOU_HAVE_THE_MOST: &str =
    "You have as many passkeys as a user can have. Remove one to add another.";
pub(in crate::dashboard) const A_CODE_OF_ANY_KIND: &str = "Code from your app, or a recovery code";

// passkey.html
pub(in crate::dashboard) const PASSKEY: &str = "Passkey";
pub(in crate::dashboard) const REMOVE_PASSKEY: &str = "Remove passkey";
pub(in crate::dashboard) const REMOVE_WITH_A_PASSKEY: &str = "Remove it with a passkey";
pub(in crate::dashboard) const IT_CONFIRMS_NO_SIGN_IN: &str =
    "It then confirms no sign-in any more. Delete it on your device, too.";
pub(in crate::dashboard) const IT_IS_THE_LAST: &str =
    "It is your last second factor. Without it, your password alone signs you in, and your recovery codes end.";

pub(in crate::dashboard) const THE_PASSKEY_WAS_NOT_ACCEPTED: &str =
    "The passkey was not accepted, or the page was open for longer than 5 minutes. Try again.";
pub(in crate::dashboard) const THE_NEW_PASSKEY_WAS_NOT_ACCEPTED: &str =
    "The new passkey was not accepted. Delete it on your device, and start again.";

pub(in crate::dashboard) const NOT_IN_A_FRAME: &str =
    "Passkeys do not work inside the page of another application. Open this page in a window of its own to use them.";
#[cfg(not(feature = "passkeys"))]
pub(in crate::dashboard) const NOT_IN_THIS_PROGRAM: &str = "This server was built without passkeys.";
pub(in crate::dashboard) const NO_PUBLIC_URL: &str =
    "Passkeys need the address of this server. Ask the operator to set public_url.";
pub(in crate::dashboard) const THE_PUBLIC_URL_IS_AN_ADDRESS: &str = "Browsers use passkeys under the name of a host, and this server has only an IP address. Ask the operator for a name in public_url.";
pub(in crate::dashboard) const YOUR_PASSKEYS_ARE_OF_ANOTHER_HOST: &str =
    "Your passkeys belong to another address of this server, and do not work here.";

pub(in crate::dashboard) fn only_under(url: &str) -> String {
    format!("Passkeys work under {url} only. Open this page there.")
}

pub(in crate::dashboard) fn not_under_an_address(url: &str) -> String {
    format!("Browsers use passkeys under the name of a host, and not under an IP address. Open this page under {url}.")
}

pub(in crate::dashboard) fn asks_for(name: &str) -> String {
    format!("Create the passkey “{name}”")
}

pub(in crate::dashboard) fn use_of(created: &str, used: Option<&str>, host: &str) -> String {
    let used = used.map_or_else(|| "never used".to_owned(), |used| format!("last used {used}"));
    format!("created {created}, {used}, for {host}")
}
