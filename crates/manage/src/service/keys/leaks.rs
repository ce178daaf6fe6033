use std::fmt;
use std::str::FromStr;

#[cfg(feature = "dashboard")]
use keyward_core::AccountId;
use keyward_core::lifecycle::Changed;
use keyward_core::store::{KeyRecord, KeyStatus, MAX_NOTE_LENGTH, Revocation};
use serde_json::json;

use super::{KeyView, audit_value, key_view};
use crate::actor::Actor;
use crate::error::ManagementError;
#[cfg(feature = "dashboard")]
use crate::role::Purpose;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

const MAX_PLACE: usize = 2_000;

/// How a leaked key ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeakPolicy {
    /// Mark it as compromised.
    #[default]
    MarkCompromised,
    /// Revoke it.
    Revoke,
}

impl LeakPolicy {
    fn as_str(self) -> &'static str {
        match self {
            Self::MarkCompromised => "mark-compromised",
            Self::Revoke => "revoke",
        }
    }
}

impl fmt::Display for LeakPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LeakPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::MarkCompromised, Self::Revoke]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| format!("unknown policy `{text}`: expected mark-compromised or revoke"))
    }
}

/// Result of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum LeakReport {
    /// No such key.
    Unknown,
    /// It had ended before.
    AlreadyEnded(KeyView),
    /// It ended now, on every node.
    Ended(KeyView),
}

impl Management {
    /// Ends a key found at `place`, such as a URL.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`] unless the actor is a program. Holders use
    /// [`revoke_own_key`](Self::revoke_own_key).
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{Actor, Context, Management, KeyDraft, LeakPolicy, LeakReport, NewUser, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let system = Actor::system("scanner", Context::new());
    /// # let owner = management.create_owner(&system, NewUser::new("ada@example.com", "Ada", "correct horse battery")).await?;
    /// let issued = management.create_key(&system, KeyDraft::secret(management.operator().clone(), "production")).await?;
    /// let found = issued.key.expose_once();
    /// let place = "https://example.com/notes.txt";
    /// let report = management.report_leak(&system, found.as_bytes(), place, LeakPolicy::MarkCompromised).await?;
    /// assert!(matches!(report, LeakReport::Ended(_)));
    /// # Ok(()) }
    /// ```
    pub async fn report_leak(
        &self,
        actor: &Actor,
        token: &[u8],
        place: &str,
        policy: LeakPolicy,
    ) -> Result<LeakReport, ManagementError> {
        if !actor.is_system() {
            return Err(ManagementError::Forbidden(crate::role::scopes::KEYS_WRITE));
        }
        let Some(key) = self.key_of(token).await? else { return Ok(LeakReport::Unknown) };
        if matches!(key.status(self.now()), KeyStatus::Revoked | KeyStatus::Compromised) {
            return Ok(LeakReport::AlreadyEnded(key_view(key, self.now())));
        }
        let place: String = place.chars().take(MAX_PLACE).collect();
        let draft = Draft::new(actor, "key.leaked", Target::new("key", &key.id)).account(&key.account);
        let draft = draft.before(audit_value(&key));
        let note: String = format!("found at {place}").chars().take(MAX_NOTE_LENGTH).collect();
        // A place with invisible characters gives no note. The audit log has every place.
        let revocation = Revocation::default().with_note(&note).unwrap_or_default();
        let end = async {
            match policy {
                LeakPolicy::MarkCompromised => self.0.keys.mark_compromised(&key.id).await,
                LeakPolicy::Revoke => self.0.keys.revoke_with(&key.id, &revocation).await,
            }
        };
        let said = |changed: &Changed| {
            Some(json!({"found_at": place, "policy": policy.as_str(), "key": audit_value(&changed.record)}))
        };
        match self.audited(draft, end, said).await {
            Ok(changed) => {
                tracing::warn!(id = %key.id, account = %key.account, place, %policy, "a leaked key was ended");
                Ok(LeakReport::Ended(key_view(changed.record, self.now())))
            }
            // A concurrent request has ended the key.
            Err(ManagementError::Ended) => Ok(LeakReport::AlreadyEnded(key_view(key, self.now()))),
            Err(error) => Err(error),
        }
    }

    /// Finds the account's key with this text, for a call to the provider's API. A management key is for this server only. An account
    /// has 60 such calls a minute.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Throttled`].
    #[cfg(feature = "dashboard")]
    pub(crate) async fn key_to_test(&self, account: &AccountId, token: &[u8]) -> Result<KeyView, ManagementError> {
        self.0.throttle.check_test_call(account)?;
        let found = self.key_of(token).await?.map(|key| key_view(key, self.now()));
        let found = found.filter(|key| key.account == *account && key.purpose == Purpose::Api);
        found.ok_or(ManagementError::NotFound("key"))
    }

    async fn key_of(&self, token: &[u8]) -> Result<Option<KeyRecord>, ManagementError> {
        let parsed =
            [&self.0.format, &self.0.management_format].into_iter().find_map(|format| format.parse(token).ok());
        let Some(parsed) = parsed else { return Ok(None) };
        for digest in self.0.hasher.digests(&parsed) {
            if let Some(key) = self.0.keys.find(&digest).await? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}
