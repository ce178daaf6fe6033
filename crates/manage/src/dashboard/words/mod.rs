//! All words of the pages, so that they can be reviewed and translated together.
//!
//! A constant is a word or a sentence. An array is a sentence that has elements of the page between its parts. A function is a
//! sentence with values. Here is no HTML.

pub(in crate::dashboard) mod accounts;
pub(in crate::dashboard) mod actions;
pub(in crate::dashboard) mod audit;
pub(in crate::dashboard) mod cards;
pub(in crate::dashboard) mod charts;
pub(in crate::dashboard) mod codes;
pub(in crate::dashboard) mod errors;
pub(in crate::dashboard) mod frame;
pub(in crate::dashboard) mod invitations;
pub(in crate::dashboard) mod keys;
pub(in crate::dashboard) mod members;
pub(in crate::dashboard) mod notes;
pub(in crate::dashboard) mod numbers;
#[cfg(feature = "oidc")]
pub(in crate::dashboard) mod oidc;
pub(in crate::dashboard) mod passkeys;
pub(in crate::dashboard) mod plans;
pub(in crate::dashboard) mod settings;
pub(in crate::dashboard) mod shared;
pub(in crate::dashboard) mod sign_in;
pub(in crate::dashboard) mod times;
pub(in crate::dashboard) mod usage;
pub(in crate::dashboard) mod users;
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) mod webhooks;
