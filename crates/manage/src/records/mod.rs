//! The contents of records, one file a subject.

mod account;
mod entity;
#[cfg(feature = "oidc")]
mod external_identity;
mod invitation;
mod member;
mod password_reset;
mod pending_keys;
mod plan;
mod secret;
mod session;
mod token;
mod user;

pub use keyward_api_types::User;

pub use account::Account;
pub(crate) use entity::Entity;
pub use entity::Versioned;
#[cfg(feature = "oidc")]
pub(crate) use external_identity::ExternalIdentity;
pub(crate) use invitation::Invitation;
pub use member::Member;
pub(crate) use password_reset::{PasswordReset, ResetOrigin};
pub(crate) use pending_keys::PendingKeys;
pub use plan::Plan;
pub(crate) use secret::{digest_of, new_id, new_secret};
pub(crate) use session::StoredSession;
pub(crate) use token::{AccessToken, Family, RefreshToken};
pub(crate) use user::StoredUser;
