//! Management service of `keyward`, with an HTTP API and a dashboard: users, roles and API keys.
//!
//! [`Management`] is the service, [`api`] its axum router. No actor can give a role, or create, change, rotate or
//! enable a key, that exceeds its own [`Rights`]. A [`Role`] in the operator's account holds in every account.
//! Holders of the provider's keys may only ask about the key and revoke it.
//!
//! # Examples
//! ```
//! use axum::Router;
//! use keyward::manage::{Management, SignUpPolicy, SqliteManagementStore};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = SqliteStore::temporary()?;
//! // Share the store with the `AuthLayer` of your own API.
//! let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).sign_up(SignUpPolicy::Open).build()?;
//! let app: Router = Router::new().merge(keyward::manage::api(management.clone()));
//! // Call it about once a minute.
//! management.maintain().await?;
//! # let _ = app;
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `sqlite`: [`SqliteManagementStore`].
//! - `postgres`: [`PostgresManagementStore`].
//! - `dashboard` (on): the dashboard.
//! - `github`: alerts about leaked keys.
//! - `oidc`: signing in with OpenID Connect.
//! - `passkeys`: passkeys as a second factor in the dashboard.
//! - `webhooks`: signed requests to the URLs of accounts about what happens.
//! - `mail`: mail over SMTP, for invitations, password resets, and news about keys and sign-ins.
//! - `metrics`: measurements through [`metrics`](https://docs.rs/metrics).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod actor;
mod api;
mod appearance;
mod authority;
#[cfg(feature = "webhooks")]
mod bounded_stream;
#[cfg(feature = "webhooks")]
mod checked_client;
#[cfg(feature = "dashboard")]
mod dashboard;
#[cfg(feature = "dashboard")]
mod embed_origin;
mod error;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "oidc")]
mod identity_provider;
#[cfg(feature = "mail")]
mod mail;
mod origin;
#[cfg(any(feature = "github", feature = "mail", feature = "oidc", feature = "webhooks"))]
mod outbound;
#[cfg(feature = "dashboard")]
mod paths;
mod proof;
mod records;
mod role;
mod scope_catalog;
mod service;
mod store;
mod web;
#[cfg(feature = "webhooks")]
mod webhook_client;

pub use actor::{Actor, ActorName, Context};
pub use api::{api, api_with_gateway, openapi, secured};
pub use appearance::{Accent, Theme};
pub use authority::Rights;
#[cfg(feature = "dashboard")]
pub use dashboard::{DashboardSettings, dashboard};
#[cfg(feature = "dashboard")]
pub use embed_origin::{EmbedOrigin, EmbedOriginError};
pub use error::ManagementError;
#[cfg(feature = "github")]
pub use github::{GithubAlerts, github_alerts};
#[cfg(feature = "oidc")]
pub use identity_provider::{IdentityProvider, IdentityProviderError};
pub use keyward_api_types::EventKind;
#[cfg(feature = "mail")]
pub use mail::{Mailer, MailerError};
pub use origin::{PublicUrl, PublicUrlError};
#[cfg(any(feature = "github", feature = "mail", feature = "oidc", feature = "webhooks"))]
pub use outbound::OutboundError;
pub use records::{Account, LifetimesOf, Member, Plan, User, Versioned};
pub use role::{Purpose, Role, RoleError, scopes};
pub use scope_catalog::{ScopeCatalog, ScopeCatalogError};
pub use service::{
    ACCESS_TOKEN_PREFIX, AccountUpdate, Answer, ApiDescription, Appearance, AppearanceUpdate, AuditCheckpoint,
    AuditEntry, AuditQuery, AuditVerdict, Event, ExampleUrl, ExampleUrlError, IdempotentRequest, InvitationView,
    Invited, KeyChange, KeyDraft, KeyRotation, KeyView, LeakPolicy, LeakReport, MANAGEMENT_PREFIX, Management,
    ManagementBuilder, MemberView, NewUser, NewlyIssued, NewlyRotated, Outcome, Page, PageRequest, RecentRequest,
    ResetLink, SECRET_MANAGEMENT_PREFIX, SecondFactor, SecondFactorSetUp, SessionView, SignInLink, SignInLinkDraft,
    SignUpPolicy, SignedIn, Target, Tokens, Usage, UsageDay, UsageScope, UsageTotal, UserKeyPolicy, key_filters,
    key_view, purpose_of, store_limits, stored_limits,
};
#[cfg(feature = "webhooks")]
pub use service::{Delivery, DeliveryAttempt, DeliveryState, IssuedWebhook, WebhookState, WebhookUpdate, WebhookView};
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use store::PostgresManagementStore;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use store::SqliteManagementStore;
pub use store::{
    Count, CountUnit, Kind, List, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ManagementStore, ModeCount, NewCount,
    NewScopeCount, OTHER_SCOPES, Record, RequestEntry, RequestPage, ScopeCount, Write, Written,
};
