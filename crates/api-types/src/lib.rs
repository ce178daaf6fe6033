//! The types of keyward's management API.
//!
//! Types that the server reads refuse unknown fields. Types that the client reads ignore them, so that a newer server can add fields.
//!
//! # Examples
//! ```
//! use keyward_api_types::CreateKey;
//!
//! let new = CreateKey::restricted("analytics", "resources:read".parse()?);
//! let body = serde_json::to_value(&new)?;
//! assert_eq!(body["kind"], "restricted");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Secrets
//! Keys, tokens, invitations and passwords are [`Secret`]s. Only the message that carries a secret writes it, for instance [`IssuedKey`].
//!
//! # Features
//! - `utoipa`: the OpenAPI schemas.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod accounts;
mod audit;
mod invitations;
mod keys;
mod lifetimes;
mod limits;
mod members;
mod page;
mod plans;
mod problem;
#[cfg(feature = "utoipa")]
pub mod schema;
mod secret;
mod settings;
mod sign_in_links;
mod strict;
mod tokens;
mod usage;
mod users;
mod webhooks;

pub use accounts::{Account, AccountFilter, CreateAccount, UpdateAccount};
pub use audit::{Actor, AuditEntry, AuditFilter, AuditVerdict, Outcome, Target, VerifyParams};
pub use invitations::{AcceptLink, Invitation, Invite, Invited, Joined};
pub use keys::{
    ChangedKey, CreateKey, Effective, IssuedKey, Key, KeyFilter, Purpose, PurposeError, Revocation, RevokeKey,
    RevokedKeys, RotateKey, RotatedKey, UpdateKey,
};
pub use lifetimes::{EffectiveLifetimes, Lifetimes, PutLifetimes, RotationPreview, parse_seconds, write_seconds};
pub use limits::{Budget, CreditsLeft, LimitTextError, Limits, PutLimits, Rate, RatePer, Refill};
pub use members::{Member, Role, RoleError, UpdateMember};
pub use page::{Page, PageParams};
pub use plans::{CreatePlan, Plan, PutPlan, RemovePlan};
pub use problem::Problem;
pub use secret::Secret;
pub use settings::{Image, ImageError, Settings, Theme, ThemeError, UpdateSettings};
pub use sign_in_links::{CreateSignInLink, SignInLink};
pub use tokens::{Refresh, SignIn, SignOut, Tokens};
pub use usage::{RecentRequest, Usage, UsageDay, UsageParams, UsageScope};
pub use users::{
    AcceptInvitation, Accepted, ChangePassword, ForgotPassword, PasswordReset, ResetPassword, Session, SignUp,
    UpdateUser, User, UserFilter, VersionedUser,
};
pub use webhooks::{
    CreateWebhook, Delivery, DeliveryAttempt, DeliveryState, EventKind, EventKindError, IssuedWebhook,
    RotateWebhookSecret, UpdateWebhook, Webhook, WebhookState,
};
