use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

const SET_UP_LIFE: Duration = Duration::from_secs(3_600);
/// Of a challenge for a passkey.
#[cfg(feature = "dashboard")]
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_secs(300);

/// An app counts from its confirmation on, a passkey from its registration on. From the first one on, the user's record has the time,
/// too.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredFactor {
    pub(crate) user: UserId,
    /// The secret of the authenticator app, sealed. Empty without an app.
    pub(crate) sealed: String,
    pub(crate) begun_at: Timestamp,
    /// Digest of the session or token that may see the secret and confirm it. Another one begins again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun_by: Option<String>,
    /// Whether the app counts.
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
    /// Digest of the one that was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) used_recovery_code: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) passkeys: Vec<StoredPasskey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new_passkey: Option<NewPasskey>,
    /// They count once. Those that have expired are forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) used_challenges: Vec<UsedChallenge>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredPasskey {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The host under which the browser made it, and uses it.
    pub(crate) host: String,
    /// The id that the authenticator chose, as hexadecimal text.
    pub(crate) credential: String,
    pub(crate) transports: u8,
    /// The public key.
    pub(crate) key: String,
    /// The signature counter, and what else changes with a use.
    pub(crate) state: String,
    pub(crate) created_at: Timestamp,
    #[serde(default)]
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A passkey that the browser is asked to make.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NewPasskey {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) begun_at: Timestamp,
    /// As of an app.
    pub(crate) begun_by: Option<String>,
    /// The question for the browser, as JSON.
    pub(crate) options: String,
    /// The state to which its answer is compared.
    pub(crate) state: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UsedChallenge {
    pub(crate) digest: String,
    pub(crate) ends_at: Timestamp,
}

impl StoredFactor {
    pub(crate) fn new(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            sealed: String::new(),
            begun_at: now,
            begun_by: None,
            is_confirmed: false,
            last_step: 0,
            failures: 0,
            blocked_until: None,
            signed_in_failures: 0,
            signed_in_blocked_until: None,
            recovery_codes: Vec::new(),
            used_recovery_code: None,
            passkeys: Vec::new(),
            new_passkey: None,
            used_challenges: Vec::new(),
        }
    }

    /// The number of factors that count: the app, and each passkey.
    pub(crate) fn count(&self) -> usize {
        self.passkeys.len() + usize::from(self.is_confirmed)
    }

    pub(crate) fn set_up_ends_at(&self) -> Timestamp {
        self.begun_at.saturating_add(SET_UP_LIFE)
    }

    pub(crate) fn without_app(&self) -> Self {
        Self { sealed: String::new(), begun_by: None, is_confirmed: false, ..self.clone() }
    }
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
        (self.count() == 0).then(|| self.set_up_ends_at())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_from_before_passkeys_is_read_and_written_as_it_was() {
        let user = UserId::generate();
        let text = format!(
            r#"{{"user":"{user}","sealed":"00","begun_at":"2026-03-01T12:00:00Z","is_confirmed":true,"last_step":7,"failures":0,"blocked_until":null,"signed_in_failures":0,"signed_in_blocked_until":null,"recovery_codes":["a"]}}"#
        );
        let factor: StoredFactor = serde_json::from_str(&text).unwrap();
        assert_eq!((factor.count(), factor.expires_at()), (1, None));
        assert_eq!(serde_json::to_string(&factor).unwrap(), text);
        assert_eq!(factor.without_app().count(), 0);
    }
}
