//! A typed client of keyward's management API.
//!
//! # Examples
//! ```no_run
//! use keyward_client::{Client, CreateKey, Credential, KeyFilter, Secret};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::new(std::env::var("KEYWARD_TOKEN")?);
//! let client = Client::builder("https://keys.example.com").credential(Credential::bearer(token)).build()?;
//!
//! let issued = client.create_key(&CreateKey::restricted("analytics", "resources:read".parse()?)).await?;
//! println!("copy it now: {}", *issued.key.expose_once());
//!
//! let mut pages = client.walk_keys(&KeyFilter::default());
//! while let Some(keys) = pages.next_page().await? {
//!     for key in keys {
//!         println!("{} {} {}", key.id, key.hint, key.status);
//!     }
//! }
//! let revoked = client.revoke_key(&issued.record.id).await?;
//! println!("revoked on every node after {} ms", revoked.effective.took_ms);
//! # Ok(()) }
//! ```
//!
//! # Guarantees
//! - **Secrets.** Keys, tokens and invitations are [`Secret`]s: redacted, and erased from memory when dropped. A credential goes only to
//!   the configured server. The client follows no redirects, and refuses plain `http://` except to loopback, unless
//!   [`ClientBuilder::allow_plain_http`] permits it.
//! - **One effect.** Each change carries an `Idempotency-Key`, so a retry does not repeat it. The client retries signing in and refreshing
//!   only if the server cannot have begun.
//! - **Bounds.** Timeouts and answer sizes are bounded. The client makes at most three attempts, and honours a short `Retry-After`.
//! - **No lost updates.** A change of a `version` fails with 412 if that version is outdated.
//!
//! The client ignores fields that a newer server adds.

mod accounts;
mod audit;
mod client;
mod credential;
mod error;
mod invitations;
mod keys;
mod lifetimes;
mod limits;
mod members;
mod page;
mod plans;
mod request;
mod settings;
mod tokens;
mod users;
mod webhooks;

pub use client::{Client, ClientBuilder};
pub use credential::{Credential, TokenSource};
pub use error::{ClientError, TransportError};
pub use keyward_api_types::{
    Account, Actor, AuditEntry, AuditFilter, AuditVerdict, Budget, ChangedKey, CreateKey, CreateSignInLink,
    CreateWebhook, CreditsLeft, Delivery, DeliveryAttempt, DeliveryState, Effective, EffectiveLifetimes, EventKind,
    EventKindError, Image, ImageError, Invitation, Invited, IssuedKey, IssuedWebhook, Key, KeyFilter, Lifetimes,
    Limits, Member, Outcome, Page, PasswordReset, Plan, Problem, Purpose, PurposeError, PutLifetimes, PutLimits,
    PutPlan, Rate, RatePer, RecentRequest, Refill, Revocation, RevokeKey, RevokedKeys, Role, RoleError, RotateKey,
    RotateWebhookSecret, RotatedKey, RotationPreview, Secret, Session, Settings, SignInLink, Target, Theme, ThemeError,
    Tokens, UpdateAccount, UpdateKey, UpdateSettings, UpdateWebhook, Usage, UsageDay, UsageScope, User, VersionedUser,
    Webhook, WebhookState,
};
pub use page::Walk;
