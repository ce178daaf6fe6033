use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

/// It counts from the confirmation on. Then the user's record has its time, too.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredFactor {
    pub(crate) user: UserId,
    /// The secret of the authenticator app, sealed.
    pub(crate) sealed: String,
    pub(crate) begun_at: Timestamp,
    /// Digest of the session or token that may see the secret and confirm it. Another one begins again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun_by: Option<String>,
    pub(crate) is_confirmed: bool,
    /// Codes up to this time step are refused.
    pub(crate) last_step: u64,
    /// Wrong codes in a row, at the sign-in.
    pub(crate) failures: u32,
    pub(crate) blocked_until: Option<Timestamp>,
    /// The same for a user who is signed in.
    #[serde(default)]
    pub(crate) signed_in_failures: u32,
    #[serde(default)]
    pub(crate) signed_in_blocked_until: Option<Timestamp>,
    /// Digests of the unused ones.
    pub(crate) recovery_codes: Vec<String>,
}

/// Where a code is asked for. Each place blocks for itself. At the sign-in, only someone who knows the password gets this far. Who is
/// signed in may be a thief with the session, and must not lock the user out of the sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    AtSignIn,
    SignedIn,
}

impl Asked {
    /// The wrong codes in a row here, and the end of the block.
    pub(crate) fn known(self, factor: &StoredFactor) -> (u32, Option<Timestamp>) {
        match self {
            Self::AtSignIn => (factor.failures, factor.blocked_until),
            Self::SignedIn => (factor.signed_in_failures, factor.signed_in_blocked_until),
        }
    }

    pub(crate) fn with(self, factor: &StoredFactor, number: u32, until: Option<Timestamp>) -> StoredFactor {
        let mut next = factor.clone();
        let (failures, blocked_until) = match self {
            Self::AtSignIn => (&mut next.failures, &mut next.blocked_until),
            Self::SignedIn => (&mut next.signed_in_failures, &mut next.signed_in_blocked_until),
        };
        (*failures, *blocked_until) = (number, until);
        next
    }
}

impl Entity for StoredFactor {
    const KIND: Kind = Kind::SecondFactor;
    fn id(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
        (!self.is_confirmed).then(|| self.begun_at.saturating_add(HOUR))
    }
}

/// The account's members need a second factor, as long as this record exists.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RequiredFactor {
    pub(crate) account: AccountId,
}

impl Entity for RequiredFactor {
    const KIND: Kind = Kind::RequiredFactor;
    fn id(&self) -> String {
        self.account.to_string()
    }
}
