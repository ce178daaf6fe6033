//! The records of a store.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::{Creator, Position, Revocation, RevocationReason, WriteRefused};
use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId, UserId};
use crate::identity::Identity;
use crate::key::{Digest, Hint, KeyKind, Mode};
use crate::scope::ScopeSet;
use crate::tags::Tags;

/// The answer of [`KeyStore::find`](super::KeyStore::find).
#[derive(Clone, Debug)]
pub struct Found {
    /// The key, if found.
    pub key: Option<StoredKey>,
    /// The log's position in the same snapshot, if any.
    pub position: Option<Position>,
}

impl Found {
    /// Creates the answer for an unknown key.
    #[must_use]
    pub fn unknown() -> Self {
        Self { key: None, position: None }
    }

    /// Creates the answer for a key.
    #[must_use]
    pub fn key(key: StoredKey) -> Self {
        Self { key: Some(key), position: None }
    }

    /// Adds the log's position in the same snapshot.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }
}

/// A key for the request path.
///
/// # Examples
/// ```
/// use keyward::store::{KeyStatus, StoredKey};
/// use keyward::Identity;
///
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let key = StoredKey::new(identity).with_status(KeyStatus::Revoked);
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub(crate) identity: Identity,
    pub(crate) status: KeyStatus,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) account_suspended: bool,
}

impl StoredKey {
    /// Creates an active key.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, status: KeyStatus::Active, not_before: None, account_suspended: false }
    }

    /// Sets the status. Requests check the expiry themselves.
    #[must_use]
    pub fn with_status(mut self, status: KeyStatus) -> Self {
        self.status = status;
        self
    }

    /// Sets the start time.
    #[must_use]
    pub fn with_not_before(mut self, at: Timestamp) -> Self {
        self.not_before = Some(at);
        self
    }

    /// Sets whether the account is suspended.
    #[must_use]
    pub fn with_account_suspended(mut self, suspended: bool) -> Self {
        self.account_suspended = suspended;
        self
    }

    /// Replaces the identity.
    #[must_use]
    pub fn map_identity(mut self, change: impl FnOnce(Identity) -> Identity) -> Self {
        self.identity = change(self.identity);
        self
    }

    /// Returns the identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the stored status.
    #[must_use]
    pub fn status(&self) -> KeyStatus {
        self.status
    }

    /// Returns `true` if the account is suspended.
    #[must_use]
    pub fn account_suspended(&self) -> bool {
        self.account_suspended
    }
}

/// The status of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyStatus {
    /// Usable.
    Active,
    /// Refused until enabled.
    Disabled,
    /// Past its expiry time.
    Expired,
    /// Refused permanently.
    Revoked,
    /// Compromised, and refused permanently.
    Compromised,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Active, Self::Disabled, Self::Expired, Self::Revoked, Self::Compromised];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Compromised => "compromised",
        }
    }
}

impl std::str::FromStr for KeyStatus {
    type Err = crate::key::UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(crate::key::UnknownName)
    }
}

impl std::fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The record of a key, without the key itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The id.
    pub id: CredentialId,
    /// The owning account.
    pub account: AccountId,
    /// The user of the account that it belongs to, if any.
    #[serde(default)]
    pub user: Option<UserId>,
    /// The display name.
    pub name: String,
    /// The digest.
    pub digest: Digest,
    /// Its [`Hasher::name`](crate::key::Hasher::name).
    pub hashed_with: SmolStr,
    /// The displayable part.
    pub hint: Hint,
    /// The kind.
    pub kind: KeyKind,
    /// The mode.
    pub mode: Mode,
    /// The granted scopes.
    pub scopes: ScopeSet,
    /// The allowed endpoints, empty for all.
    pub endpoints: Vec<Endpoint>,
    /// The allowed networks, empty for all.
    pub networks: Vec<IpNet>,
    /// The provider's data.
    pub metadata: Map<String, Value>,
    /// The tags.
    #[serde(default)]
    pub tags: Tags,
    /// The creation time.
    pub created_at: Timestamp,
    /// The creator, or `None` if unknown.
    #[serde(default)]
    pub created_by: Option<Creator>,
    /// The start time, if any.
    pub not_before: Option<Timestamp>,
    /// The expiry time, if any.
    pub expires_at: Option<Timestamp>,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was compromised.
    pub compromised_at: Option<Timestamp>,
    /// Why it was revoked or compromised. `None` if it was not, or before reasons were recorded.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// The last use, up to an interval ago.
    pub last_used_at: Option<Timestamp>,
    /// The network of that use.
    #[serde(default)]
    pub last_used_from: Option<IpNet>,
    /// The rotation's predecessor.
    pub rotated_from: Option<CredentialId>,
    /// The rotation's successor.
    pub rotated_to: Option<CredentialId>,
    /// The version, raised by updates.
    pub version: u64,
}

impl KeyRecord {
    /// Returns the status at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.compromised_at.is_some() {
            KeyStatus::Compromised
        } else if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyStatus::Expired
        } else if self.disabled_at.is_some() {
            KeyStatus::Disabled
        } else {
            KeyStatus::Active
        }
    }

    /// Records `successor`, made from `version`, and ends the key at `end` or its own earlier end, as every store does.
    ///
    /// # Errors
    /// [`WriteRefused::Rotated`] if it has a successor; [`WriteRefused::Stale`] for another version;
    /// [`WriteRefused::Ended`] if revoked, or expired when `successor` was made.
    pub fn mark_rotated(&mut self, version: u64, successor: &KeyRecord, end: Timestamp) -> Result<(), WriteRefused> {
        if self.rotated_to.is_some() {
            return Err(WriteRefused::Rotated);
        }
        if self.version != version {
            return Err(WriteRefused::Stale);
        }
        if !matches!(self.status(successor.created_at), KeyStatus::Active | KeyStatus::Disabled) {
            return Err(WriteRefused::Ended);
        }
        self.expires_at = Some(self.expires_at.map_or(end, |earlier| earlier.min(end)));
        self.rotated_to = Some(successor.id.clone());
        self.version += 1;
        Ok(())
    }

    /// Revokes the key, as every store does. Returns `true` if this changed it.
    ///
    /// [`RevocationReason::KeyCompromise`] also marks it as compromised.
    pub fn revoke(&mut self, at: Timestamp, revocation: &Revocation) -> bool {
        let is_new = self.revoked_at.is_none();
        if is_new {
            self.revoked_at = Some(at);
            if revocation.reason() == RevocationReason::KeyCompromise {
                self.compromised_at.get_or_insert(at);
            }
            self.revocation.get_or_insert_with(|| revocation.clone());
            self.version += 1;
        }
        is_new
    }

    /// Marks the key as compromised. The first time stays, and so does the note of an earlier revocation.
    pub(super) fn mark_compromised(&mut self, at: Timestamp) {
        if self.compromised_at.is_none() {
            let note = self.revocation.take().and_then(|known| known.note().map(str::to_owned));
            self.revocation = Some(Revocation::from_stored(RevocationReason::KeyCompromise, note));
            self.compromised_at = Some(at);
        }
    }

    /// Converts the record for the request path.
    #[must_use]
    pub fn to_stored(&self, account: &AccountRecord) -> StoredKey {
        let mut identity = Identity::api_key(self.id.clone(), self.account.clone())
            .with_kind(self.kind)
            .with_mode(self.mode)
            .with_scopes(self.scopes.clone())
            .with_features(account.features.iter().cloned())
            .with_endpoints(self.endpoints.iter().cloned())
            .with_networks(self.networks.iter().copied());
        if let Some(plan) = &account.plan {
            identity = identity.with_plan(plan.clone());
        }
        if let Some(at) = self.expires_at {
            identity = identity.with_expiry(at);
        }
        if !self.metadata.is_empty() {
            identity = identity.with_metadata(self.metadata.clone());
        }
        if !self.tags.is_empty() {
            identity = identity.with_tags(self.tags.clone());
        }
        if let Some(user) = &self.user {
            identity = identity.with_user(user.clone());
        }
        StoredKey {
            identity,
            status: self.status(Timestamp::from_millis(0)),
            not_before: self.not_before,
            account_suspended: account.suspended_at.is_some(),
        }
    }
}

/// An account.
///
/// # Examples
/// ```
/// use keyward::AccountRecord;
///
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd").with_plan("Pro");
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The id.
    pub id: AccountId,
    /// The display name.
    pub name: String,
    /// The plan, if any.
    pub plan: Option<SmolStr>,
    /// Features beyond the plan.
    #[serde(default)]
    pub features: Vec<SmolStr>,
    /// When it was suspended. Its keys are then refused.
    pub suspended_at: Option<Timestamp>,
}

impl AccountRecord {
    /// Creates an account without a plan.
    #[must_use]
    pub fn new(id: AccountId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), plan: None, features: Vec::new(), suspended_at: None }
    }

    /// Sets the plan.
    #[must_use]
    pub fn with_plan(mut self, plan: impl Into<SmolStr>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// Adds a feature.
    #[must_use]
    pub fn with_feature(mut self, feature: impl Into<SmolStr>) -> Self {
        self.features.push(feature.into());
        self
    }
}

/// A use of a key.
///
/// # Examples
/// ```
/// use keyward::store::KeyUse;
/// use keyward::{CredentialId, Timestamp};
///
/// let used = KeyUse::new(CredentialId::generate(), Timestamp::from_millis(0), Some([192, 0, 2, 7].into()));
/// assert_eq!(used.from, Some("192.0.2.0/24".parse()?));
/// # Ok::<(), keyward::network::ipnet::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key's id.
    pub id: CredentialId,
    /// The time.
    pub at: Timestamp,
    /// The client's network: a /24 for IPv4, a /48 for IPv6.
    pub from: Option<IpNet>,
}

impl KeyUse {
    /// Creates a use by a client.
    #[must_use]
    pub fn new(id: CredentialId, at: Timestamp, client: Option<IpAddr>) -> Self {
        Self { id, at, from: client.map(crate::network::around) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As older versions wrote it to Valkey.
    #[test]
    fn older_records_have_an_unknown_creator() {
        let old = serde_json::json!({
            "id": "key_1", "account": "acct_1", "name": "old", "digest": Digest::from_bytes([7; 32]), "hashed_with": "sha256",
            "hint": "kw_live_…3456", "kind": "secret", "mode": "live", "scopes": ["*"], "endpoints": [], "networks": [],
            "metadata": {}, "created_at": Timestamp::from_millis(1), "not_before": null, "expires_at": null,
            "disabled_at": null, "revoked_at": Timestamp::from_millis(5), "compromised_at": null, "last_used_at": null,
            "rotated_from": null, "rotated_to": null, "version": 1,
        });
        let key: KeyRecord = serde_json::from_value(old).unwrap();
        assert_eq!((key.created_by, key.user, key.revocation, key.tags), (None, None, None, Tags::default()));
    }
}
