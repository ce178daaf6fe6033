//! The lifecycle of keys.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Keys::new(MemoryStore::new());
//! let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
//! keys.put_account(&account).await?;
//! let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
//!
//! let rotated = keys.rotate(&issued.record.id, Duration::from_secs(86_400)).await?;
//! assert_eq!(rotated.record.rotated_from, Some(issued.record.id));
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId, UserId};
use crate::key::{Digest, FormatError, Hasher, Hint, KeyFormat, KeyKind, Mode, PlainKey};
use crate::lease::{Propagation, wait_until_applied};
use crate::name::NameError;
use crate::scope::ScopeSet;
use crate::store::{
    AccountRecord, AdminError, Committed, Creator, Freshness, KeyAdmin, KeyPage, KeyQuery, KeyRecord, KeyStatus,
    KeyUpdate, NodeStates, Revocation, StoreError, WriteRefused,
};
use crate::tags::Tags;

mod account_keys;
mod accounts;
mod applied;
mod checks;
mod import;
mod lifetimes;
mod refused;
mod rights;

pub use account_keys::AccountKeys;
use checks::{check_end, check_key, check_order, check_update, in_one_form, trimmed};
pub use import::Imported;
pub use lifetimes::{Lifetimes, TooLong, length_text};
pub use rights::{KeyRights, KeyUsers, MissingRight};

const ATTEMPTS: usize = 64;

/// Issues, changes, rotates and revokes keys.
///
/// Methods that return [`Changed`], [`Rotated`] or [`Propagation`] wait until every node applies the change.
///
/// # Examples
/// ```
/// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = Keys::new(MemoryStore::new());
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
/// keys.put_account(&account).await?;
///
/// let issued = keys.issue(NewKey::restricted(account.id, "analytics", "resources:read".parse()?)).await?;
/// println!("copy it now: {}", *issued.key.expose_once());
///
/// let revoked = keys.revoke(&issued.record.id).await?;
/// println!("no node accepts it any more, after {:?}", revoked.propagation.took);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn KeyAdmin>,
    freshness: Freshness,
    format: KeyFormat,
    converts: bool,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
}

/// A key to issue.
///
/// # Examples
/// ```
/// use keyward::{Mode, NewKey};
///
/// let new = NewKey { mode: Mode::Test, ..NewKey::secret("acct_1".parse()?, "development") };
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// The owning account.
    pub account: AccountId,
    /// The user of the account that it belongs to, if any.
    pub user: Option<UserId>,
    /// The creator, if known.
    pub created_by: Option<Creator>,
    /// The name, which [`check_name`](crate::name::check_name) must allow.
    pub name: String,
    /// The kind.
    pub kind: KeyKind,
    /// The mode.
    pub mode: Mode,
    /// The scopes. A restricted key needs one.
    pub scopes: ScopeSet,
    /// The allowed endpoints, or all if empty.
    pub endpoints: Vec<Endpoint>,
    /// The allowed networks, or all if empty.
    pub networks: Vec<IpNet>,
    /// The start time, if any.
    pub not_before: Option<Timestamp>,
    /// The expiry time. Defaults to that of the [`Lifetimes`], or never without one.
    pub expires_at: Option<Timestamp>,
    /// The provider's data.
    pub metadata: Map<String, Value>,
    /// The tags.
    pub tags: Tags,
}

impl NewKey {
    /// Creates a secret live key of all scopes.
    #[must_use]
    pub fn secret(account: AccountId, name: impl Into<String>) -> Self {
        Self {
            account,
            user: None,
            created_by: None,
            name: name.into(),
            kind: KeyKind::Secret,
            mode: Mode::Live,
            scopes: ScopeSet::all(),
            endpoints: Vec::new(),
            networks: Vec::new(),
            not_before: None,
            expires_at: None,
            metadata: Map::new(),
            tags: Tags::default(),
        }
    }

    /// Creates a publishable live key of all scopes.
    #[must_use]
    pub fn publishable(account: AccountId, name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Publishable, ..Self::secret(account, name) }
    }

    /// Creates a restricted live key.
    #[must_use]
    pub fn restricted(account: AccountId, name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self { kind: KeyKind::Restricted, scopes, ..Self::secret(account, name) }
    }
}

/// A new key.
#[derive(Debug)]
pub struct Issued {
    /// The plain key, to show once.
    pub key: PlainKey,
    /// The stored record.
    pub record: KeyRecord,
}

/// A rotated key and its successor.
#[derive(Debug)]
pub struct Rotated {
    /// The successor, to show once.
    pub key: PlainKey,
    /// The successor's record.
    pub record: KeyRecord,
    /// The rotated key's record.
    pub predecessor: KeyRecord,
    /// How nodes applied its end.
    pub propagation: Propagation,
}

/// Conditions of a rotation. Defaults to none.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::lifecycle::Rotation;
///
/// let rotation = Rotation { overlap: Duration::from_secs(3_600), version: Some(1), ..Rotation::default() };
/// assert_eq!(rotation.latest_end, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How long the predecessor keeps working.
    pub overlap: Duration,
    /// The required version, if any.
    pub version: Option<u64>,
    /// The successor's end, or `Some(None)` for never. Defaults to [`Keys::successor_end`].
    pub expires_at: Option<Option<Timestamp>>,
    /// The successor's latest end, if any.
    pub latest_end: Option<Timestamp>,
    /// The successor's creator, if known.
    pub created_by: Option<Creator>,
    /// The successor's id. Defaults to a generated one.
    pub successor: Option<CredentialId>,
}

/// A changed key.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The record after the change.
    pub record: KeyRecord,
    /// How nodes applied it.
    pub propagation: Propagation,
}

/// Why nothing was issued or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// [`check_name`](crate::name::check_name) refuses the name.
    #[error("invalid name: {0}")]
    Name(NameError),
    /// A restricted key has no scopes.
    #[error("a restricted key needs at least one scope: add a scope, or choose another kind")]
    NoScope,
    /// The end is past, or before the start.
    #[error("the key would end in the past, or before it begins: choose a later end")]
    Ended,
    /// The key would live longer than the maximum.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The key to rotate has another format.
    #[error("the key {0} was issued in another format: rotate it with that format")]
    OtherFormat(Hint),
    /// The caller of [`AccountKeys`] lacks a right of the key.
    #[error("you can't grant {0}: your own key's rights don't include it")]
    Exceeds(MissingRight),
    /// The format cannot generate the key.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The store refused the write.
    #[error(transparent)]
    Denied(#[from] WriteRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keys {
    /// Creates a manager with the default format and hasher.
    #[must_use]
    pub fn new(store: impl KeyAdmin) -> Self {
        Self {
            freshness: store.freshness(),
            store: Arc::new(store),
            format: KeyFormat::default(),
            converts: false,
            hasher: Hasher::default(),
            clock: Arc::new(SystemClock),
            lifetimes: Lifetimes::default(),
        }
    }

    /// Sets the format. Authenticators need the same.
    #[must_use]
    pub fn with_format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// Lets [`rotate`](Self::rotate) replace keys of another format. By default, it refuses them.
    ///
    /// # Examples
    /// ```
    /// use keyward::{Keys, MemoryStore};
    ///
    /// let keys = Keys::new(MemoryStore::new()).with_conversion();
    /// # let _ = keys;
    /// ```
    #[must_use]
    pub fn with_conversion(mut self) -> Self {
        self.converts = true;
        self
    }

    /// Sets the hasher. Authenticators need the same.
    #[must_use]
    pub fn with_hasher(mut self, hasher: Hasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the format.
    #[must_use]
    pub fn format(&self) -> &KeyFormat {
        &self.format
    }

    /// Returns the hasher.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Issues a key.
    ///
    /// # Errors
    /// [`KeysError`] for an invalid key, unknown account or failed store.
    pub async fn issue(&self, new: NewKey) -> Result<Issued, KeysError> {
        self.issue_as(CredentialId::generate(), new).await
    }

    /// Issues a key with this id.
    ///
    /// # Errors
    /// As for [`issue`](Self::issue), and [`WriteRefused::Duplicate`].
    pub async fn issue_as(&self, id: CredentialId, mut new: NewKey) -> Result<Issued, KeysError> {
        let now = self.clock.now();
        self.check_new(&new)?;
        new.name = trimmed(&new.name)?;
        new.expires_at = self.lifetimes.end(now, new.expires_at)?;
        new.networks.iter_mut().for_each(in_one_form);
        let key = self.format.generate(new.kind, new.mode)?;
        let record = self.record(id, &key, new, now)?;
        // Nothing to wait for: no node can have cached a new key, and the log entry ends cached negative answers.
        let _ = self.store.create(&record).await?;
        tracing::info!(id = %record.id, account = %record.account, kind = %record.kind, mode = %record.mode, "key issued");
        Ok(Issued { key, record })
    }

    /// Checks a new key without the store.
    ///
    /// # Errors
    /// [`KeysError`].
    ///
    /// # Examples
    /// ```
    /// use keyward::{Keys, MemoryStore, NewKey, Timestamp};
    ///
    /// let keys = Keys::new(MemoryStore::new());
    /// let ended = NewKey { expires_at: Some(Timestamp::from_millis(0)), ..NewKey::secret("acct_1".parse()?, "a") };
    /// assert!(keys.check_new(&ended).is_err());
    /// # Ok::<(), keyward::id::IdError>(())
    /// ```
    pub fn check_new(&self, new: &NewKey) -> Result<(), KeysError> {
        check_key(&new.name, new.kind, &new.scopes)?;
        let now = self.clock.now();
        check_end(self.lifetimes.end(now, new.expires_at)?, new.not_before, now)?;
        let (kind, mode) = (new.kind, new.mode);
        if self.format.has(kind, mode) { Ok(()) } else { Err(FormatError::NoSuchKey { kind, mode }.into()) }
    }

    /// Returns a key of any status.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, KeysError> {
        Ok(self.store.get(id).await?)
    }

    /// Returns the key of any status with this digest.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn find(&self, digest: &Digest) -> Result<Option<KeyRecord>, KeysError> {
        match self.store.find(digest).await?.key {
            Some(key) => self.get(key.identity().id()).await,
            None => Ok(None),
        }
    }

    /// Returns a page of keys of any status.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn list(&self, query: &KeyQuery) -> Result<KeyPage, KeysError> {
        Ok(self.store.list(query).await?)
    }

    /// Counts the keys that match, on all pages.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn count(&self, query: &KeyQuery) -> Result<u64, KeysError> {
        Ok(self.store.count(query).await?)
    }

    /// Returns the keys of all pages, newest first, from `query.after` on.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn list_all(&self, mut query: KeyQuery) -> Result<Vec<KeyRecord>, KeysError> {
        let mut found = Vec::new();
        loop {
            let page = self.list(&query).await?;
            found.extend(page.keys);
            query.after = page.next;
            if query.after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Changes a key.
    ///
    /// On every store:
    /// - A revoked or compromised key does not change, an expired one only in name and metadata.
    /// - A rotated key's end only moves earlier.
    /// - An end is in the future, and after the start. It moves later only up to the maximum lifetime.
    /// - A restricted key keeps a scope.
    ///
    /// # Errors
    /// [`KeysError`].
    ///
    /// # Examples
    /// ```
    /// use keyward::{AccountRecord, KeyUpdate, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
    ///
    /// let update = KeyUpdate { name: Some("staging".into()), ..KeyUpdate::default() };
    /// let changed = keys.update(&issued.record.id, &update).await?;
    /// assert_eq!(changed.record.name, "staging");
    /// # Ok(()) }
    /// ```
    pub async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Changed, KeysError> {
        let mut wanted = update.clone();
        wanted.name = update.name.as_deref().map(trimmed).transpose()?;
        wanted.networks.iter_mut().flatten().for_each(in_one_form);
        wanted.expires_at = update.expires_at.map(|end| end.and_then(Timestamp::as_end));
        for _ in 0..ATTEMPTS {
            let key = self.store.get(id).await?.ok_or(WriteRefused::NotFound)?;
            if update.version.is_some_and(|version| version != key.version) {
                return Err(WriteRefused::Stale.into());
            }
            check_update(&key, &wanted, self.clock.now())?;
            if let Some(end) = wanted.expires_at {
                self.check_new_end(&key, end)?;
            }
            // The store writes only if the key still has the version that was checked.
            wanted.version = Some(key.version);
            match self.store.update(id, &wanted).await {
                Err(AdminError::Denied(WriteRefused::Stale)) if update.version.is_none() => {}
                done => return Ok(self.changed(done?).await),
            }
        }
        Err(WriteRefused::Stale.into())
    }

    /// Disables a key. Disabling it again keeps the first time.
    ///
    /// # Errors
    /// [`KeysError::Denied`] or [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let id = keys.issue(NewKey::secret(account.id, "production")).await?.record.id;
    ///
    /// assert!(keys.disable(&id).await?.record.disabled_at.is_some());
    /// assert!(keys.enable(&id).await?.record.disabled_at.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn disable(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        let disabled_at = Some(Some(self.clock.now()));
        self.update(id, &KeyUpdate { disabled_at, ..KeyUpdate::default() }).await
    }

    /// Enables a disabled key.
    ///
    /// # Errors
    /// As for [`disable`](Self::disable).
    pub async fn enable(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.update(id, &KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() }).await
    }

    /// Sets or removes a key's end.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn set_expiry(&self, id: &CredentialId, end: Option<Timestamp>) -> Result<Changed, KeysError> {
        self.update(id, &KeyUpdate { expires_at: Some(end), ..KeyUpdate::default() }).await
    }

    /// Creates an equal successor. The old key ends after `overlap`, or at its earlier end.
    ///
    /// # Errors
    /// As for [`rotate_with`](Self::rotate_with).
    pub async fn rotate(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, KeysError> {
        self.rotate_with(id, Rotation { overlap, ..Rotation::default() }).await
    }

    /// Rotates a key with conditions.
    ///
    /// # Errors
    /// [`KeysError::Denied`], [`KeysError::Ended`], [`KeysError::OtherFormat`] or [`KeysError::Store`]. For a chosen end,
    /// [`KeysError::TooLong`], or [`KeysError::Exceeds`] after the latest end.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::lifecycle::Rotation;
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
    ///
    /// let latest_end = Some("2100-01-01T00:00:00Z".parse()?);
    /// let rotation = Rotation { overlap: Duration::from_secs(3_600), latest_end, ..Rotation::default() };
    /// let rotated = keys.rotate_with(&issued.record.id, rotation).await?;
    /// assert_eq!(rotated.record.expires_at, latest_end);
    /// # Ok(()) }
    /// ```
    pub async fn rotate_with(&self, id: &CredentialId, rotation: Rotation) -> Result<Rotated, KeysError> {
        for _ in 0..ATTEMPTS {
            let old = self.store.get(id).await?.ok_or(WriteRefused::NotFound)?;
            if old.rotated_to.is_none() && rotation.version.is_some_and(|version| version != old.version) {
                return Err(WriteRefused::Stale.into());
            }
            match self.mark_rotated(old, &rotation).await {
                // The key changed since it was read, and its successor must match it as it is now.
                Err(KeysError::Denied(WriteRefused::Stale)) if rotation.version.is_none() => {}
                done => return done,
            }
        }
        Err(WriteRefused::Stale.into())
    }

    async fn mark_rotated(&self, old: KeyRecord, rotation: &Rotation) -> Result<Rotated, KeysError> {
        let (id, now, overlap) = (&old.id, self.clock.now(), rotation.overlap);
        if old.rotated_to.is_some() {
            return Err(WriteRefused::Rotated.into());
        }
        if !matches!(old.status(now), KeyStatus::Active | KeyStatus::Disabled) {
            return Err(WriteRefused::Ended.into());
        }
        if !self.converts && !self.format.may_have_made(&old.hint) {
            return Err(KeysError::OtherFormat(old.hint));
        }
        let expires_at = match rotation.expires_at.map(|end| end.and_then(Timestamp::as_end)) {
            None => self.successor_end(&old, rotation.latest_end),
            Some(end) => match rotation.latest_end {
                Some(latest) if end.is_none_or(|end| end > latest) => {
                    return Err(KeysError::Exceeds(MissingRight::later_than(latest)));
                }
                _ => self.lifetimes.check(now, end)?,
            },
        };
        check_end(expires_at, old.not_before, now)?;
        let key = self.format.generate(old.kind, old.mode)?;
        let new = NewKey {
            account: old.account.clone(),
            user: old.user.clone(),
            created_by: rotation.created_by.clone(),
            name: old.name.clone(),
            kind: old.kind,
            mode: old.mode,
            scopes: old.scopes.clone(),
            endpoints: old.endpoints.clone(),
            networks: old.networks.clone(),
            not_before: old.not_before,
            expires_at,
            metadata: old.metadata.clone(),
            tags: old.tags.clone(),
        };
        let record = KeyRecord {
            rotated_from: Some(id.clone()),
            disabled_at: old.disabled_at,
            ..self.record(rotation.successor.clone().unwrap_or_else(CredentialId::generate), &key, new, now)?
        };
        let committed = self.store.rotate(id, old.version, &record, now.saturating_add(overlap)).await?;
        let Changed { record: predecessor, propagation } = self.changed(committed).await;
        tracing::info!(%id, successor = %record.id, ?overlap, "key rotated");
        Ok(Rotated { key, record, predecessor, propagation })
    }

    /// Revokes a key permanently. When this returns `Ok`, no node accepts the key any more.
    ///
    /// Revoking it again changes nothing and waits for the first revocation.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key does not exist. After [`KeysError::Store`], the key may be revoked or not: retry.
    pub async fn revoke(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.revoke_with(id, &Revocation::default()).await
    }

    /// Revokes a key with a reason and a note. The first revocation's stay.
    ///
    /// # Errors
    /// As for [`revoke`](Self::revoke).
    ///
    /// # Examples
    /// ```
    /// use keyward::store::{Revocation, RevocationReason};
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
    ///
    /// let revocation = Revocation::new(RevocationReason::Superseded).with_note("moved to the new region")?;
    /// let revoked = keys.revoke_with(&issued.record.id, &revocation).await?;
    /// assert_eq!(revoked.record.revocation, Some(revocation));
    /// # Ok(()) }
    /// ```
    pub async fn revoke_with(&self, id: &CredentialId, revocation: &Revocation) -> Result<Changed, KeysError> {
        let committed = self.store.revoke(id, self.clock.now(), revocation).await?;
        let changed = self.changed(committed).await;
        tracing::info!(
            %id,
            reason = %revocation.reason(),
            confirmed = changed.propagation.confirmed.len(),
            waited_out = changed.propagation.waited_out.len(),
            took = ?changed.propagation.took,
            "key revoked"
        );
        Ok(changed)
    }

    /// Marks a key as compromised. When this returns `Ok`, no node accepts it.
    ///
    /// # Errors
    /// As for [`revoke`](Self::revoke).
    pub async fn mark_compromised(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        let update = KeyUpdate { compromised_at: Some(self.clock.now()), ..KeyUpdate::default() };
        // Every key can be marked, so there is nothing to check first.
        let committed = self.store.update(id, &update).await?;
        let changed = self.changed(committed).await;
        tracing::warn!(%id, "key marked as compromised");
        Ok(changed)
    }

    /// Adds or replaces an account, with its plan, features and suspension. To keep these, use [`Keys::ensure_account`].
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn put_account(&self, account: &AccountRecord) -> Result<Propagation, KeysError> {
        let committed = self.store.put_account(account).await?;
        Ok(self.propagate(&committed).await)
    }

    /// Adds an account if its id is free.
    ///
    /// # Errors
    /// [`WriteRefused::AccountExists`], or [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.insert_account(&account).await?;
    /// assert!(keys.insert_account(&account).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn insert_account(&self, account: &AccountRecord) -> Result<Propagation, KeysError> {
        let committed = self.store.insert_account(account).await?;
        Ok(self.propagate(&committed).await)
    }

    /// Replaces an account if it still equals `expected`.
    ///
    /// # Errors
    /// [`KeysError::Denied`] or [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// let known = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&known).await?;
    /// keys.replace_account(&known, &known.clone().with_plan("Pro")).await?;
    /// assert!(keys.replace_account(&known, &known.clone().with_plan("Free")).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Propagation, KeysError> {
        let committed = self.store.replace_account(expected, account).await?;
        Ok(self.propagate(&committed).await)
    }

    /// Returns an account.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, KeysError> {
        Ok(self.store.get_account(id).await?)
    }

    /// Returns the nodes, or `None` without a change log.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn nodes(&self) -> Result<Option<NodeStates>, KeysError> {
        match &self.freshness {
            Freshness::ChangeLog(log) => Ok(Some(log.nodes().await?)),
            Freshness::BoundedAge(_) => Ok(None),
        }
    }

    fn record(&self, id: CredentialId, key: &PlainKey, new: NewKey, now: Timestamp) -> Result<KeyRecord, KeysError> {
        let parsed = key.parse(&self.format).map_err(|_| FormatError::NoSuchKey { kind: new.kind, mode: new.mode })?;
        Ok(KeyRecord {
            id,
            account: new.account,
            user: new.user,
            name: new.name,
            digest: self.hasher.digest(&parsed),
            hashed_with: self.hasher.name().into(),
            hint: key.hint(),
            kind: new.kind,
            mode: new.mode,
            scopes: new.scopes,
            endpoints: new.endpoints,
            networks: new.networks,
            metadata: new.metadata,
            tags: new.tags,
            created_at: now,
            created_by: new.created_by,
            not_before: new.not_before,
            expires_at: new.expires_at,
            disabled_at: None,
            revoked_at: None,
            compromised_at: None,
            revocation: None,
            last_used_at: None,
            last_used_from: None,
            rotated_from: None,
            rotated_to: None,
            version: 1,
        })
    }

    async fn changed(&self, committed: Committed<KeyRecord>) -> Changed {
        let propagation = self.propagate(&committed).await;
        Changed { record: committed.value, propagation }
    }

    async fn propagate<T>(&self, committed: &Committed<T>) -> Propagation {
        match (&self.freshness, committed.position) {
            (Freshness::ChangeLog(log), Some(position)) => wait_until_applied(&**log, position, &*self.clock).await,
            (Freshness::BoundedAge(age), Some(_)) => applied::wait_out(*age).await,
            (_, None) => Propagation::default(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("format", &self.format).field("hasher", &self.hasher).finish_non_exhaustive()
    }
}
