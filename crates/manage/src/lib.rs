//! The management service of `keyward`: users who sign in, what they may do, and the keys that they manage; as a service and as an HTTP API.
//!
//! [`Management`] is the service. Each of its operations takes an [`Actor`], checks what they may do, and writes the audit log. [`api`] makes
//! an axum router of it that an own application mounts; `keyward serve` runs it alone. What the management service keeps, it keeps beside the keys:
//! [`SqliteManagementStore`] in their file, [`PostgresManagementStore`] in their database.
//!
//! # Who may do what
//! A user has a [`Role`] in an account: owner, admin, developer or viewer. A management key has scopes such as `keys:write` (see
//! [`scopes`]). Nobody gives a role, or issues, changes, rotates or enables a key, that could do what they cannot. Who has a role in the
//! operator's account has it in every account. The provider's own keys manage nothing: their holders may ask about them and revoke them.
//!
//! # Examples
//! ```
//! use axum::Router;
//! use keyward::manage::{Management, SignUpPolicy, SqliteManagementStore};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = SqliteStore::temporary()?;
//! // The same store as that of the `AuthLayer` around the provider's own API.
//! let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).sign_up(SignUpPolicy::Open).build()?;
//! let app: Router = Router::new().merge(keyward::manage::api(management.clone()));
//! // Once a minute: removes what has expired, and writes down usage.
//! management.maintain().await?;
//! # let _ = app;
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `dashboard` (on): the pages with which people manage their keys, as one router.
//! - `github`: the receiver of GitHub's alerts about keys that it has found in public.
//! - `oidc`: signing in to the dashboard with an OpenID Connect provider.
//! - `metrics`: counters and histograms through the [`metrics`](https://docs.rs/metrics) facade.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod actor;
mod api;
mod appearance;
mod authority;
#[cfg(feature = "dashboard")]
mod dashboard;
mod error;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "oidc")]
mod identity_provider;
mod origin;
#[cfg(any(feature = "github", feature = "oidc"))]
mod outbound;
mod records;
mod role;
mod service;
mod store;
mod web;

pub use actor::{Actor, ActorName, Context};
pub use api::{api, openapi, secured};
pub use appearance::{Accent, Theme};
pub use authority::Rights;
#[cfg(feature = "dashboard")]
pub use dashboard::{DashboardSettings, dashboard};
pub use error::ManagementError;
#[cfg(feature = "github")]
pub use github::{GithubAlerts, github_alerts};
#[cfg(feature = "oidc")]
pub use identity_provider::{IdentityProvider, IdentityProviderError};
pub use origin::{PublicUrl, PublicUrlError};
#[cfg(any(feature = "github", feature = "oidc"))]
pub use outbound::OutboundError;
pub use records::{Account, Member, Plan, User, Versioned};
pub use role::{Purpose, Role, RoleError, scopes};
pub use service::{
    ACCESS_TOKEN_PREFIX, AccountUpdate, Answer, Appearance, AppearanceUpdate, AuditCheckpoint, AuditEntry, AuditQuery,
    AuditVerdict, IdempotentRequest, InvitationView, Invited, KeyChange, KeyDraft, KeyView, LeakPolicy, LeakReport,
    MANAGEMENT_PREFIX, Management, ManagementBuilder, MemberView, NewUser, NewlyIssued, NewlyRotated, Outcome, Page,
    PageRequest, ResetLink, SECRET_MANAGEMENT_PREFIX, SessionView, SignUpPolicy, SignedIn, Target, Tokens, Usage,
    UsageDay, UsageTotal, key_view, purpose_of,
};
pub use store::{
    Count, Kind, List, ManagementStore, NewCount, PostgresManagementStore, Record, SqliteManagementStore, Write,
    Written,
};
