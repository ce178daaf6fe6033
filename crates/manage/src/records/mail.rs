use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::{AccountId, CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use super::password_reset::ResetOrigin;
use crate::role::Role;
use crate::store::Kind;

/// A mail that waits. It has no address, no text and no secret: the node that sends it reads and creates them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredMail {
    pub(crate) id: String,
    pub(crate) account: Option<AccountId>,
    pub(crate) content: MailContent,
    pub(crate) created_at: Timestamp,
    /// It is not sent later.
    pub(crate) ends_at: Timestamp,
    pub(crate) failures: usize,
    /// When to attempt it.
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailContent {
    Invitation {
        invitation: String,
        /// An invitation that replaces this one has another time, and its own mail.
        created_at: Timestamp,
    },
    Reset {
        user: UserId,
        origin: ResetOrigin,
    },
    KeyExpiring {
        key: CredentialId,
        user: UserId,
        expires_at: Timestamp,
    },
    KeyCompromised {
        key: CredentialId,
        user: UserId,
        at: Timestamp,
    },
    NewDevice {
        user: UserId,
        at: Timestamp,
        address: Option<String>,
        user_agent: Option<String>,
    },
    SignInChanged {
        user: UserId,
        change: SignInChange,
        at: Timestamp,
        by: ChangedBy,
    },
    NewOwner {
        /// The recipient, another owner or the new one.
        user: UserId,
        account: AccountId,
        owner: UserId,
        by: Option<UserId>,
        at: Timestamp,
    },
    /// The user was removed from the account, or is no longer an owner.
    RoleLost {
        user: UserId,
        account: AccountId,
        /// The role now, if any.
        role: Option<Role>,
        by: Option<UserId>,
        at: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignInChange {
    Password,
    FactorAdded,
    /// Beside others.
    AnotherFactorAdded,
    FactorRemoved,
    /// Others still count.
    OneFactorRemoved,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangedBy {
    User { address: Option<String>, user_agent: Option<String> },
    Administrator,
}

impl MailContent {
    /// How long the mail is worth sending.
    pub(crate) fn life(&self) -> Duration {
        const HOUR: Duration = Duration::from_secs(3_600);
        match self {
            Self::Reset { .. } => HOUR,
            Self::Invitation { .. } | Self::NewDevice { .. } | Self::KeyExpiring { .. } => 24 * HOUR,
            Self::KeyCompromised { .. }
            | Self::SignInChanged { .. }
            | Self::NewOwner { .. }
            | Self::RoleLost { .. } => 72 * HOUR,
        }
    }

    #[cfg(feature = "mail")]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => "invitation",
            Self::Reset { .. } => "reset",
            Self::KeyExpiring { .. } => "key_expiring",
            Self::KeyCompromised { .. } => "key_compromised",
            Self::NewDevice { .. } => "new_device",
            Self::SignInChanged { .. } => "sign_in_changed",
            Self::NewOwner { .. } => "new_owner",
            Self::RoleLost { .. } => "role_lost",
        }
    }
}

impl Entity for StoredMail {
    const KIND: Kind = Kind::Mail;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

/// The mails of an hour.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MailCount {
    pub(crate) id: String,
    pub(crate) sent: u32,
    pub(crate) ends_at: Timestamp,
}

impl Entity for MailCount {
    const KIND: Kind = Kind::MailCount;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
