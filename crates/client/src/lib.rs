//! A typed client of keyward's management API: keys, accounts, members, users, plans, usage and the audit log of a server that
//! `keyward serve` runs, or that mounts `keyward_manage::api`.
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
//! println!("no node accepts it any more, after {} ms", revoked.effective.took_ms);
//! # Ok(()) }
//! ```
//!
//! # What it sees to
//! - **Secrets.** Keys, tokens and invitations are [`Secret`]s, which have no `Display`, no `Serialize` and a redacted `Debug`. They are
//!   wiped from memory where this crate holds them. A credential goes to the server that was named and nowhere else: redirects are not
//!   followed, and plain `http://` is refused but to loopback, unless [`ClientBuilder::allow_plain_http`] says otherwise.
//! - **One effect.** What changes something carries an `Idempotency-Key` that is made once per call, so that it is tried again when
//!   the connection broke, and a key is issued once. What has no such key on the server (signing in, refreshing) is tried again only
//!   where the server cannot have begun with it.
//! - **Bounds.** Connecting, answers and their sizes are bounded, and so are the tries: three at most, at the times that the server's
//!   `Retry-After` says, if that is soon.
//! - **Lost updates.** Updates take the version that was read, and fail with the status 412 if it is not the newest.
//!
//! Fields that a newer server adds to its answers are ignored.

mod accounts;
mod audit;
mod client;
mod credential;
mod error;
mod invitations;
mod keys;
mod members;
mod page;
mod plans;
mod request;
mod settings;
mod tokens;
mod users;

pub use audit::AuditFilter;
pub use client::{Client, ClientBuilder};
pub use credential::{Credential, TokenSource};
pub use error::{ClientError, TransportError};
pub use keys::KeyFilter;
pub use keyward_api_types::{
    Account, Actor, AuditEntry, AuditVerdict, ChangedKey, CreateKey, Effective, Image, ImageError, Invitation, Invited,
    IssuedKey, Key, Member, Outcome, Page, PasswordReset, Plan, Problem, Purpose, PurposeError, PutPlan, Role,
    RoleError, RotatedKey, Secret, Session, Settings, Target, Theme, ThemeError, Tokens, UpdateAccount, UpdateKey,
    UpdateSettings, Usage, UsageDay, User, VersionedUser,
};
pub use page::Walk;

#[cfg(test)]
mod described;
