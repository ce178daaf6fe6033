use std::fmt;
use std::str::FromStr;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::Actor;
use crate::secret::{Secret, reveal};
use crate::strict::flattened;

macro_rules! kinds {
    ($($variant:ident $name:literal $meaning:literal,)*) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the name, such as `key.revoked`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the meaning, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

kinds! {
    KeyCreated "key.created" "A key was created.",
    KeyImported "key.imported" "A key was imported.",
    KeyUpdated "key.updated" "A key was changed.",
    KeyRotated "key.rotated" "A key got a successor.",
    KeyDisabled "key.disabled" "A key was disabled.",
    KeyEnabled "key.enabled" "A key was enabled.",
    KeyRevoked "key.revoked" "A key was revoked.",
    KeyCompromised "key.compromised" "A key was found in public and ended.",
    KeyExpiring "key.expiring" "A key expires within 7 days, or within 1 day.",
    KeyUnused "key.unused" "A key was not used for 90 days.",
    LimitReached "limit.reached" "A key was refused by a limit. At most one event an hour for each key.",
    AccountCreated "account.created" "An account was created.",
    AccountUpdated "account.updated" "An account, its lifetimes or its limits were changed, or it was suspended or resumed.",
    AccountDeleted "account.deleted" "An account was deleted.",
    MemberInvited "member.invited" "An address was invited into an account.",
    MemberAdded "member.added" "A user accepted an invitation.",
    MemberUpdated "member.updated" "A member got another role.",
    MemberRemoved "member.removed" "A member was removed.",
    InvitationDeclined "invitation.declined" "An invited user declined.",
    InvitationWithdrawn "invitation.withdrawn" "An invitation was withdrawn.",
    PlanUpdated "plan.updated" "A plan, its lifetimes or its limits were created or changed.",
    PlanRemoved "plan.removed" "A plan was removed.",
    UserCreated "user.created" "A user signed up or was created.",
    UserUpdated "user.updated" "A user's profile was changed.",
    UserDisabled "user.disabled" "A user was disabled.",
    UserEnabled "user.enabled" "A user was enabled.",
    UserDeleted "user.deleted" "A user was deleted.",
    PasswordChanged "user.password_changed" "A user's password was changed or reset.",
    SecondFactorAdded "user.second_factor_added" "A user set up a second factor.",
    SecondFactorRemoved "user.second_factor_removed" "A user's second factor was removed.",
    SecondFactorBlocked "user.second_factor_blocked" "A user's second factor was blocked for a while after 5 wrong codes in a row.",
    RecoveryCodeUsed "user.recovery_code_used" "A recovery code was used instead of a second factor.",
    TokenReused "token.reused" "A used refresh token was presented again, and its sign-in ended.",
    SettingsUpdated "settings.updated" "The look of the pages was changed.",
    AuditPruned "audit.pruned" "Old audit entries were removed.",
    WebhookCreated "webhook.created" "A webhook was created.",
    WebhookUpdated "webhook.updated" "A webhook was changed.",
    WebhookRemoved "webhook.removed" "A webhook was removed.",
    WebhookDisabled "webhook.disabled" "A webhook was disabled after failures, or because its receiver is gone.",
    WebhookStopped "webhook.stopped" "A webhook gets nothing any more, because its key ended or lost a scope.",
    WebhookSecretRotated "webhook.secret_rotated" "The secret of a webhook was rotated.",
    WebhookTest "webhook.test" "A test, sent on request to one webhook only.",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is not of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event `{0}`: expected a name such as key.revoked")]
pub struct EventKindError(String);

impl FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(text: &str) -> Result<Self, EventKindError> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| EventKindError(text.chars().take(60).collect()))
    }
}

/// Whether a webhook gets events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It gets events.
    Active,
    /// It gets events, and the last attempts failed.
    Failing,
    /// It is disabled.
    Disabled,
    /// It gets nothing, because the responsible key does not work, or may not read its events.
    KeyInactive,
    /// It gets nothing, because its account is suspended.
    AccountSuspended,
}

impl WebhookState {
    /// Returns the name, such as `key_inactive`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
            Self::KeyInactive => "key_inactive",
            Self::AccountSuspended => "account_suspended",
        }
    }
}

/// A webhook: a URL that receives the events of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Id.
    pub id: String,
    /// Account. A webhook of the operator's account receives the events of all accounts.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
    /// URL.
    pub url: String,
    /// Description for people.
    pub description: String,
    /// Kinds of events. Empty means all.
    pub events: Vec<EventKind>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Why the server disabled the webhook, if it did.
    pub disabled_reason: Option<String>,
    /// Time of the first failure since the last success.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub failing_since: Option<Timestamp>,
    /// Time at which the server noticed that the responsible key does not work. Its events are kept since then, and not
    /// sent.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub stopped_since: Option<Timestamp>,
    /// Until when the last of the previous secrets signs, too.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub previous_secret_ends_at: Option<Timestamp>,
    /// Whether it gets events.
    pub state: WebhookState,
    /// The creator.
    pub created_by: Option<Actor>,
    /// The creator, or the last actor to change its URL or its events, or to enable it. A webhook of a key gets
    /// nothing after that key has ended.
    pub responsible: Option<Actor>,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

/// A webhook to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// An https URL.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 2048))]
    pub url: String,
    /// Description for people.
    #[cfg_attr(feature = "utoipa", schema(max_length = 200))]
    #[serde(default)]
    pub description: String,
    /// Kinds of events. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(max_items = 50))]
    #[serde(default)]
    pub events: Vec<EventKind>,
}

/// New values of a webhook. Absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateWebhook {
    /// An https URL.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Description for people.
    #[cfg_attr(feature = "utoipa", schema(max_length = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kinds of events. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(max_items = 50))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventKind>>,
    /// Whether to send events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A rotation of a webhook's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateWebhookSecret {
    /// Seconds during which the previous secrets sign, too. 0 ends them at once. Defaults to a day.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 604800))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
}

/// A webhook with its new secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct IssuedWebhook {
    /// The webhook.
    #[serde(flatten, deserialize_with = "flattened")]
    pub webhook: Webhook,
    /// Secret that verifies signatures. Only this answer contains it.
    #[serde(serialize_with = "reveal")]
    pub secret: Secret,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// An attempt follows.
    Pending,
    /// The receiver answered with a 2xx status.
    Delivered,
    /// All attempts failed.
    Failed,
    /// The webhook was stopped, because its key did not work. A redelivery sends it.
    NotSent,
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::NotSent => "not_sent",
        })
    }
}

/// An attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct DeliveryAttempt {
    /// Time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Status of the answer, if any.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// The delivery of an event to a webhook. Kept for 30 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// Id.
    pub id: String,
    /// Id of the webhook.
    pub webhook: String,
    /// Id of the event, sent as `webhook-id`.
    pub event: String,
    /// Kind of the event.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// State.
    pub state: DeliveryState,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Time of the next attempt, if one follows.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub next_attempt_at: Option<Timestamp>,
    /// The latest attempts, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
    /// The body that is sent.
    #[cfg_attr(feature = "utoipa", schema(value_type = Object))]
    pub payload: Value,
}
