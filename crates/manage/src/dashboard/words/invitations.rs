//! The invitations of the user.

// invitations.html
pub(in crate::dashboard) const JOIN: [&str; 2] = ["Join ", ""];
pub(in crate::dashboard) const ACCEPT: &str = "Accept";
pub(in crate::dashboard) const NOT_NOW: &str = "Not now";
pub(in crate::dashboard) const THE_INVITATION_IS_FOR: [&str; 3] =
    ["The invitation is for ", ", but you are signed in as ", ". Sign out, then open the link again."];
pub(in crate::dashboard) const ANSWER: &str = "Accept or decline";
pub(in crate::dashboard) const DECLINE: &str = "Decline";
pub(in crate::dashboard) const YOU_HAVE_NO_OPEN_INVITATIONS: &str = "You have no open invitations.";
pub(in crate::dashboard) const YOU_DONT_BELONG_TO_AN_ACCOUNT_YET: [&str; 2] =
    ["You don't belong to an account yet. Ask an owner or admin to invite ", "."];
pub(in crate::dashboard) const YOUR_E_MAIL_ADDRESS_IS_NOT_VERIFIED: &str =
    "Your e-mail address is not verified, so this page does not list invitations. Open the link in your invitation.";

pub(in crate::dashboard) const INVITED_BY: &str = "Invited by";
pub(in crate::dashboard) const ACCEPT_ONLY_IF_YOU_KNOW: &str = "Accept only if you know who invites you.";
pub(in crate::dashboard) const AN_ADMINISTRATOR: &str = "an administrator";

pub(in crate::dashboard) fn user_with_address(name: &str, email: &str) -> String {
    format!("{name} ({email})")
}

pub(in crate::dashboard) fn the_invitation_to(account: &str) -> String {
    format!("the invitation to {account}")
}
