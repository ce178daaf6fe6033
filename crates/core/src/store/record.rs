//! What a store holds: keys and accounts.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::{Position, WriteRefused};
use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId};
use crate::identity::Identity;
use crate::key::{Digest, Hint, KeyKind, Mode};
use crate::scope::ScopeSet;

/// What [`KeyStore::find`](super::KeyStore::find) found, and as of when.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key, or `None` if there is none with that digest.
    pub key: Option<StoredKey>,
    /// The change log's position in the snapshot that the key was read from; `None` without a change log.
    pub position: Option<Position>,
}

impl Found {
    /// There is no such key, in a store without a change log.
    #[must_use]
    pub fn unknown() -> Self {
        Self { key: None, position: None }
    }

    /// This key, in a store without a change log.
    #[must_use]
    pub fn key(key: StoredKey) -> Self {
        Self { key: Some(key), position: None }
    }

    /// With the change log's position in the same snapshot.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }
}

/// A key as the request path needs it: its identity and whether it may be used.
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
    /// An active key with this identity.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, status: KeyStatus::Active, not_before: None, account_suspended: false }
    }

    /// With this status. [`KeyStatus::Expired`] need not be said: an identity's expiry is compared at every request.
    #[must_use]
    pub fn with_status(mut self, status: KeyStatus) -> Self {
        self.status = status;
        self
    }

    /// Not valid before this instant.
    #[must_use]
    pub fn with_not_before(mut self, at: Timestamp) -> Self {
        self.not_before = Some(at);
        self
    }

    /// With its account suspended, or not.
    #[must_use]
    pub fn with_account_suspended(mut self, suspended: bool) -> Self {
        self.account_suspended = suspended;
        self
    }

    /// With another identity in place of its own: for stores that put a view before another store.
    #[must_use]
    pub fn map_identity(mut self, change: impl FnOnce(Identity) -> Identity) -> Self {
        self.identity = change(self.identity);
        self
    }

    /// The identity that the key gives.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The status that the store holds.
    #[must_use]
    pub fn status(&self) -> KeyStatus {
        self.status
    }

    /// Whether the key's account is suspended.
    #[must_use]
    pub fn account_suspended(&self) -> bool {
        self.account_suspended
    }
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyStatus {
    /// It may.
    Active,
    /// Not for now; it can be enabled again.
    Disabled,
    /// Its end has come.
    Expired,
    /// Revoked for good.
    Revoked,
    /// Known to others, and so refused for good.
    Compromised,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Active, Self::Disabled, Self::Expired, Self::Revoked, Self::Compromised];

    /// The status's name, such as `active`.
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

/// All that is stored of a key, which is not the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its id.
    pub id: CredentialId,
    /// The account that it belongs to.
    pub account: AccountId,
    /// What people call it.
    pub name: String,
    /// What it is looked up by.
    pub digest: Digest,
    /// How the digest was made, as [`Hasher::name`](crate::key::Hasher::name) says it.
    pub hashed_with: SmolStr,
    /// What may be shown of it.
    pub hint: Hint,
    /// Its kind.
    pub kind: KeyKind,
    /// Its mode.
    pub mode: Mode,
    /// What it was granted.
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to; all if there are none.
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to; all if there are none.
    pub networks: Vec<IpNet>,
    /// Data of the provider's own.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it begins, if not at once.
    pub not_before: Option<Timestamp>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// Since when it is revoked, if it is.
    pub revoked_at: Option<Timestamp>,
    /// Since when it is known to be known to others, if it is.
    pub compromised_at: Option<Timestamp>,
    /// When it was last used, to within the interval at which uses are recorded.
    pub last_used_at: Option<Timestamp>,
    /// The network that this use came from, if it is known; coarse, as [`KeyUse::from`] is.
    #[serde(default)]
    pub last_used_from: Option<IpNet>,
    /// The key that this one succeeds, if it was made by a rotation.
    pub rotated_from: Option<CredentialId>,
    /// The key that succeeds this one, if it was rotated.
    pub rotated_to: Option<CredentialId>,
    /// Goes up by one at every update; for [`KeyUpdate::version`](super::KeyUpdate::version).
    pub version: u64,
}

impl KeyRecord {
    /// Its status at this instant.
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

    /// Lets the key end at `end`, or when it would have ended anyway if that is earlier, with `successor` in its place, which was
    /// made like it when it was at `version`: what a store's rotation writes.
    ///
    /// # Errors
    /// [`WriteRefused::Rotated`] if it has a successor, [`WriteRefused::Stale`] if it is at another version, and [`WriteRefused::Ended`] if it is revoked or
    /// had expired when `successor` was made.
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

    /// Revokes the key: what a store's revocation writes. Gives whether that changed anything.
    pub fn revoke(&mut self, at: Timestamp) -> bool {
        let is_new = self.revoked_at.is_none();
        if is_new {
            self.revoked_at = Some(at);
            self.version += 1;
        }
        is_new
    }

    /// The key as the request path needs it, given its account. Whether it has expired is left to the request path.
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
        StoredKey {
            identity,
            status: self.status(Timestamp::from_millis(0)),
            not_before: self.not_before,
            account_suspended: account.suspended_at.is_some(),
        }
    }
}

/// An account: who owns keys.
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
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Its plan, if the provider has plans.
    pub plan: Option<SmolStr>,
    /// What it may use besides, if the provider has such features.
    #[serde(default)]
    pub features: Vec<SmolStr>,
    /// Since when it is suspended, if it is: all its keys are refused then.
    pub suspended_at: Option<Timestamp>,
}

impl AccountRecord {
    /// An account without a plan.
    #[must_use]
    pub fn new(id: AccountId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), plan: None, features: Vec::new(), suspended_at: None }
    }

    /// With this plan.
    #[must_use]
    pub fn with_plan(mut self, plan: impl Into<SmolStr>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// With this feature besides.
    #[must_use]
    pub fn with_feature(mut self, feature: impl Into<SmolStr>) -> Self {
        self.features.push(feature.into());
        self
    }
}

/// A use of a key, to be recorded.
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
    /// The key.
    pub id: CredentialId,
    /// When it was used.
    pub at: Timestamp,
    /// The network that the use came from, if it is known: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one. So it tells
    /// whether a key is used from somewhere else than it was, and not by whom.
    pub from: Option<IpNet>,
}

impl KeyUse {
    /// A use at this instant, by a client at this address if it is known.
    #[must_use]
    pub fn new(id: CredentialId, at: Timestamp, client: Option<IpAddr>) -> Self {
        let network = |client: IpAddr| {
            let client = client.to_canonical();
            IpNet::new(client, if client.is_ipv4() { 24 } else { 48 }).ok().map(|network| network.trunc())
        };
        Self { id, at, from: client.and_then(network) }
    }
}
