//! The contents of records, one file a subject.

mod account;
mod activity_mark;
mod announced;
#[cfg(feature = "webhooks")]
mod delivery;
mod entity;
mod event_cursor;
#[cfg(feature = "oidc")]
mod external_identity;
mod invitation;
pub(crate) mod json;
mod leaving;
mod lifetimes;
mod mail;
mod member;
mod password_reset;
mod pending_keys;
mod plan;
mod policy;
#[cfg(all(feature = "webhooks", feature = "dashboard"))]
mod redelivery_pace;
mod second_factor;
mod secret;
mod session;
mod sign_in_link;
mod token;
mod user;
#[cfg(feature = "webhooks")]
mod webhook;

pub use keyward_api_types::User;

pub use account::Account;
pub(crate) use activity_mark::ActivityMark;
pub(crate) use announced::Announced;
#[cfg(feature = "webhooks")]
pub(crate) use delivery::{Due, StoredDelivery};
pub(crate) use entity::Entity;
pub use entity::Versioned;
pub(crate) use event_cursor::EventCursor;
#[cfg(feature = "oidc")]
pub(crate) use external_identity::ExternalIdentity;
pub(crate) use invitation::Invitation;
pub(crate) use leaving::Leaving;
pub use lifetimes::LifetimesOf;
pub(crate) use lifetimes::StoredLifetimes;
#[cfg(feature = "mail")]
pub(crate) use mail::{ChangedBy, SignInChange};
pub(crate) use mail::{MailContent, MailCount, StoredMail};
pub use member::Member;
pub(crate) use password_reset::{PasswordReset, ResetOrigin};
pub(crate) use pending_keys::PendingKeys;
pub use plan::Plan;
pub(crate) use plan::RemovedPlan;
pub(crate) use policy::StoredPolicy;
#[cfg(all(feature = "webhooks", feature = "dashboard"))]
pub(crate) use redelivery_pace::RedeliveryPace;
pub(crate) use second_factor::{Asked, RequiredFactor, StoredFactor};
#[cfg(feature = "dashboard")]
pub(crate) use second_factor::{CHALLENGE_LIFE, NewPasskey, StoredPasskey, UsedChallenge};
pub(crate) use secret::{digest_of, new_id, new_secret};
pub(crate) use session::StoredSession;
pub(crate) use sign_in_link::StoredSignInLink;
pub(crate) use token::{AccessToken, Family, RefreshToken};
pub(crate) use user::StoredUser;
#[cfg(feature = "webhooks")]
pub(crate) use webhook::{PreviousSecret, StoredWebhook};
