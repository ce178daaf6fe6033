//! Signing in with an identity provider.

// error.rs
pub(in crate::dashboard) const SET_PUBLIC_URL: &str =
    "The server has no public URL, so the identity provider cannot send you back. Ask the operator to set public_url.";
pub(in crate::dashboard) const NO_PUBLIC_URL: &str = "The server has no public URL";

// oidc.rs
pub(in crate::dashboard) const THE_SIGN_IN_TOOK_TOO_LONG: &str =
    "The sign-in took too long, began in another browser or tab, or your browser blocks cookies. Start again.";
pub(in crate::dashboard) const THE_IDENTITY_PROVIDER_DID: &str =
    "The identity provider did not sign you in. Start again, or ask its administrator.";
pub(in crate::dashboard) const NOT_SIGNED_IN: &str = "Not signed in";
pub(in crate::dashboard) const THE_SERVER_COULD_NOT_USE: &str = "The server could not use the identity provider's answer. Start again. If that does not help, ask the operator, \
     who finds the reason in the server's log.";
pub(in crate::dashboard) const THE_SERVER_CANNOT_REACH: &str =
    "The server cannot reach the identity provider right now. Try again in a minute.";
pub(in crate::dashboard) const THE_IDENTITY_PROVIDER_DOES_NOT_ANSWER: &str = "The identity provider does not answer";
