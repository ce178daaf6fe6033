#[cfg(feature = "dashboard")]
mod code;
mod devices;
#[cfg(feature = "oidc")]
mod external;
mod hashing;
mod link;
mod password;
mod sessions;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;

#[cfg(feature = "dashboard")]
pub(crate) use code::{SecondStep, SignInStep, passkey_binding};
#[cfg(feature = "dashboard")]
pub(super) use hashing::check_length;
pub(super) use hashing::{Lane, Match, Passwords};
#[cfg(feature = "dashboard")]
pub(crate) use link::LinkTarget;
pub use link::{SignInLink, SignInLinkDraft};
pub use sessions::{SessionView, SignedIn};
pub(super) use throttle::{Attempt, Throttle};
pub use tokens::Tokens;
