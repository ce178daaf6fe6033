//! The lifecycle of keys: issuing, listing, changing, rotating and revoking them, effective on every node.
//!
//! # Examples
//! Rotating a key, with a day during which both keys work:
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

mod accounts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId};
use crate::key::{Digest, FormatError, Hasher, Hint, KeyFormat, KeyKind, Mode, PlainKey};
use crate::lease::{Propagation, wait_until_applied};
use crate::name::{NameError, check_name};
use crate::network::Network;
use crate::scope::ScopeSet;
use crate::store::{
    AccountRecord, AdminError, Committed, Freshness, KeyAdmin, KeyPage, KeyQuery, KeyRecord, KeyStatus, KeyUpdate,
    NodeStates, StoreError, WriteRefused,
};

const ATTEMPTS: usize = 64;

/// The manager of keys, which issues, lists, changes, rotates and revokes them.
///
/// A method that takes rights away returns only when every node applies the change.
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
}

/// A key to be issued.
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
    /// The display name, which [`check_name`] must allow.
    pub name: String,
    /// The kind.
    pub kind: KeyKind,
    /// The mode.
    pub mode: Mode,
    /// The granted scopes. A restricted key needs at least one.
    pub scopes: ScopeSet,
    /// The allowed endpoints. An empty list allows all.
    pub endpoints: Vec<Endpoint>,
    /// The allowed networks. An empty list allows all.
    pub networks: Vec<IpNet>,
    /// The start time, if not at once.
    pub not_before: Option<Timestamp>,
    /// The expiry time, if any, not in the past.
    pub expires_at: Option<Timestamp>,
    /// The provider's data.
    pub metadata: Map<String, Value>,
}

impl NewKey {
    /// Creates a secret live key that grants everything and does not expire.
    #[must_use]
    pub fn secret(account: AccountId, name: impl Into<String>) -> Self {
        Self {
            account,
            name: name.into(),
            kind: KeyKind::Secret,
            mode: Mode::Live,
            scopes: ScopeSet::all(),
            endpoints: Vec::new(),
            networks: Vec::new(),
            not_before: None,
            expires_at: None,
            metadata: Map::new(),
        }
    }

    /// Creates a publishable live key, which grants all scopes but only reads.
    #[must_use]
    pub fn publishable(account: AccountId, name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Publishable, ..Self::secret(account, name) }
    }

    /// Creates a restricted live key that grants these scopes.
    #[must_use]
    pub fn restricted(account: AccountId, name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self { kind: KeyKind::Restricted, scopes, ..Self::secret(account, name) }
    }
}

/// A new key, in plain for the only time.
#[derive(Debug)]
pub struct Issued {
    /// The key, to be shown once.
    pub key: PlainKey,
    /// The stored record.
    pub record: KeyRecord,
}

/// A rotated key and its successor.
#[derive(Debug)]
pub struct Rotated {
    /// The successor, to be shown once.
    pub key: PlainKey,
    /// The stored record of the successor.
    pub record: KeyRecord,
    /// The stored record of the rotated key.
    pub predecessor: KeyRecord,
    /// How the nodes applied its end.
    pub propagation: Propagation,
}

/// How to rotate a key. Defaults to no overlap and no conditions.
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
    /// The latest end of the successor.
    pub latest_end: Option<Timestamp>,
}

/// A changed or revoked key.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The stored record after the change.
    pub record: KeyRecord,
    /// How the nodes applied the change.
    pub propagation: Propagation,
}

/// The outcome of an import.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported {
    /// The key was added.
    New,
    /// The account already had the key, with this record.
    AlreadyThere(Box<KeyRecord>),
}

/// Why a key was not issued or changed. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// [`check_name`] does not allow the name.
    #[error("invalid name: {0}")]
    Name(NameError),
    /// A restricted key has no scopes.
    #[error("a restricted key needs at least one scope: add a scope, or choose another kind")]
    NoScope,
    /// The key would end in the past, or before it begins.
    #[error("the key would end in the past, or before it begins: choose a later end")]
    Ended,
    /// The key to rotate has another format than these [`Keys`].
    #[error("the key {0} was issued in another format: rotate it with that format")]
    OtherFormat(Hint),
    /// The format cannot generate such a key.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The store refused the write.
    #[error(transparent)]
    Denied(#[from] WriteRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AdminError> for KeysError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Denied(denial) => Self::Denied(denial),
            AdminError::Store(error) => Self::Store(error),
        }
    }
}

impl Keys {
    /// Manages the keys in `store`, with the default format and hasher.
    #[must_use]
    pub fn new(store: impl KeyAdmin) -> Self {
        Self {
            freshness: store.freshness(),
            store: Arc::new(store),
            format: KeyFormat::default(),
            converts: false,
            hasher: Hasher::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the format. The authenticators need the same one.
    #[must_use]
    pub fn with_format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// Allows a rotation to replace a key of another format by one of this format.
    ///
    /// By default, [`rotate`](Self::rotate) refuses a key whose hint shows another format, because it may belong to
    /// another API: a store can hold management keys of `keyward-manage` beside the provider's.
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

    /// Sets the hasher. The authenticators need the same one.
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

    /// Returns the format of issued keys.
    #[must_use]
    pub fn format(&self) -> &KeyFormat {
        &self.format
    }

    /// Returns the hasher of issued keys.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Issues a key.
    ///
    /// # Errors
    /// [`KeysError`] if the key is invalid, its account does not exist, or the store fails.
    pub async fn issue(&self, new: NewKey) -> Result<Issued, KeysError> {
        self.issue_as(CredentialId::generate(), new).await
    }

    /// Issues a key with an id that the caller has recorded.
    ///
    /// # Errors
    /// As for [`issue`](Self::issue); [`WriteRefused::Duplicate`] if a key with this id exists.
    pub async fn issue_as(&self, id: CredentialId, mut new: NewKey) -> Result<Issued, KeysError> {
        let now = self.clock.now();
        self.check_new(&new)?;
        new.name = trimmed(&new.name)?;
        new.networks.iter_mut().for_each(in_one_form);
        let key = self.format.generate(new.kind, new.mode)?;
        let record = self.record(id, &key, new, now)?;
        // Nothing to wait for: no node can have cached a new key, and the log entry ends cached negative answers.
        let _ = self.store.create(&record).await?;
        tracing::info!(id = %record.id, account = %record.account, kind = %record.kind, mode = %record.mode, "key issued");
        Ok(Issued { key, record })
    }

    /// Checks a new key without the store, for callers that must write something else first.
    ///
    /// # Errors
    /// [`KeysError`] if the key is invalid.
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
        check_end(new.expires_at, new.not_before, self.clock.now())?;
        let (kind, mode) = (new.kind, new.mode);
        if self.format.has(kind, mode) { Ok(()) } else { Err(FormatError::NoSuchKey { kind, mode }.into()) }
    }

    /// Imports a key of another system by its digest. Importing it again changes nothing.
    ///
    /// It works on every node at once, if the authenticators have its format and its
    /// [hasher](KeyRecord::hashed_with).
    ///
    /// # Errors
    /// [`KeysError`] if the key is invalid, its account does not exist, another account has it, or the store fails.
    pub async fn import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_imported(record)?;
        match self.store.create(record).await {
            Ok(_) => {
                tracing::info!(id = %record.id, account = %record.account, "key imported");
                Ok(Imported::New)
            }
            Err(AdminError::Denied(WriteRefused::Duplicate)) => match self.find(&record.digest).await? {
                Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
                _ => Err(WriteRefused::Duplicate.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what [`import`](Self::import) would do now.
    ///
    /// # Errors
    /// As for [`import`](Self::import).
    pub async fn preview_import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_imported(record)?;
        match self.find(&record.digest).await? {
            Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
            Some(_) => Err(WriteRefused::Duplicate.into()),
            None if self.get(&record.id).await?.is_some() => Err(WriteRefused::Duplicate.into()),
            None if self.get_account(&record.account).await?.is_none() => Err(WriteRefused::NoSuchAccount.into()),
            None => Ok(Imported::New),
        }
    }

    /// Returns the key with this id, whatever its status.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, KeysError> {
        Ok(self.store.get(id).await?)
    }

    /// Returns the key with this digest, whatever its status, such as a leaked key.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn find(&self, digest: &Digest) -> Result<Option<KeyRecord>, KeysError> {
        match self.store.find(digest).await?.key {
            Some(key) => self.get(key.identity().id()).await,
            None => Ok(None),
        }
    }

    /// Returns a page of keys, newest first, whatever their status.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn list(&self, query: &KeyQuery) -> Result<KeyPage, KeysError> {
        Ok(self.store.list(query).await?)
    }

    /// Changes a key, and returns when every node applies the change.
    ///
    /// Every store checks these rules at the moment of the write:
    /// - A revoked or compromised key does not change. An expired key changes only its name and metadata.
    /// - The end of a rotated key only moves earlier.
    /// - An end is in the future, and after the start time.
    /// - A restricted key keeps at least one scope.
    /// - Disabling a disabled key keeps the first time.
    ///
    /// # Errors
    /// [`KeysError::Denied`] with [`WriteRefused::NotFound`], [`WriteRefused::Stale`], [`WriteRefused::Ended`] or
    /// [`WriteRefused::Rotated`]; [`KeysError::Name`], [`KeysError::NoScope`] or [`KeysError::Ended`] for an invalid
    /// value; [`KeysError::Store`] if the store fails.
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
        for _ in 0..ATTEMPTS {
            let key = self.store.get(id).await?.ok_or(WriteRefused::NotFound)?;
            if update.version.is_some_and(|version| version != key.version) {
                return Err(WriteRefused::Stale.into());
            }
            check_update(&key, &wanted, self.clock.now())?;
            // The store writes only if the key still has the version that was checked.
            wanted.version = Some(key.version);
            match self.store.update(id, &wanted).await {
                Err(AdminError::Denied(WriteRefused::Stale)) if update.version.is_none() => {}
                done => return Ok(self.changed(done?).await),
            }
        }
        Err(WriteRefused::Stale.into())
    }

    /// Disables a key, and returns when no node accepts it. Disabling it again keeps the first time.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key does not exist or has ended, [`KeysError::Store`] if the store fails.
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

    /// Enables a disabled key, and returns when every node accepts it.
    ///
    /// # Errors
    /// As for [`disable`](Self::disable).
    pub async fn enable(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.update(id, &KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() }).await
    }

    /// Sets or removes a key's end, and returns when every node applies it. A rotated key's end only moves earlier.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn set_expiry(&self, id: &CredentialId, end: Option<Timestamp>) -> Result<Changed, KeysError> {
        self.update(id, &KeyUpdate { expires_at: Some(end), ..KeyUpdate::default() }).await
    }

    /// Creates an equal successor. The old key ends after `overlap`, or at its own end if that is earlier.
    ///
    /// # Errors
    /// As for [`rotate_with`](Self::rotate_with).
    pub async fn rotate(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, KeysError> {
        self.rotate_with(id, Rotation { overlap, ..Rotation::default() }).await
    }

    /// Rotates a key like [`rotate`](Self::rotate), with conditions.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key does not exist, has a successor or has ended; [`WriteRefused::Stale`] if its
    /// version is not [`Rotation::version`]; [`KeysError::Ended`] if [`Rotation::latest_end`] leaves the successor no
    /// time; [`KeysError::OtherFormat`] if it has another format (see [`with_conversion`](Self::with_conversion));
    /// [`KeysError::Store`] if the store fails.
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
        // The successor gets the lifetime that its predecessor was given, starting now.
        let as_long = old.expires_at.map(|end| now.saturating_add(end.saturating_since(old.created_at)));
        let expires_at = as_long.into_iter().chain(rotation.latest_end).min();
        check_end(expires_at, old.not_before, now)?;
        let key = self.format.generate(old.kind, old.mode)?;
        let new = NewKey {
            account: old.account.clone(),
            name: old.name.clone(),
            kind: old.kind,
            mode: old.mode,
            scopes: old.scopes.clone(),
            endpoints: old.endpoints.clone(),
            networks: old.networks.clone(),
            not_before: old.not_before,
            expires_at,
            metadata: old.metadata.clone(),
        };
        let record = KeyRecord {
            rotated_from: Some(id.clone()),
            disabled_at: old.disabled_at,
            ..self.record(CredentialId::generate(), &key, new, now)?
        };
        let committed = self.store.rotate(id, old.version, &record, now.saturating_add(overlap)).await?;
        let Changed { record: predecessor, propagation } = self.changed(committed).await;
        tracing::info!(%id, successor = %record.id, ?overlap, "key rotated");
        Ok(Rotated { key, record, predecessor, propagation })
    }

    /// Revokes a key permanently. When this returns `Ok`, no node accepts the key any more.
    ///
    /// Revoking it again changes nothing and waits for the first revocation, so an interrupted caller can retry.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key does not exist; [`KeysError::Store`] if the store fails. The key may then be
    /// revoked or not: retry.
    pub async fn revoke(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        let committed = self.store.revoke(id, self.clock.now()).await?;
        let changed = self.changed(committed).await;
        tracing::info!(
            %id,
            confirmed = changed.propagation.confirmed.len(),
            waited_out = changed.propagation.waited_out.len(),
            took = ?changed.propagation.took,
            "key revoked"
        );
        Ok(changed)
    }

    /// Marks a key as compromised. When this returns `Ok`, no node accepts the key any more.
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

    /// Adds or replaces an account, and returns when every node applies it.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn put_account(&self, account: &AccountRecord) -> Result<Propagation, KeysError> {
        let committed = self.store.put_account(account).await?;
        Ok(self.propagate(&committed).await)
    }

    /// Adds an account if its id is free, and returns when every node applies it.
    ///
    /// Of two concurrent callers, one gets [`WriteRefused::AccountExists`], and the other's account stays.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the account exists, [`KeysError::Store`] if the store fails.
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

    /// Replaces an account if it still equals `expected`, and returns when every node applies it.
    ///
    /// Of two concurrent callers, one gets [`WriteRefused::Stale`], and the other's change stays.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the account does not exist or was changed, [`KeysError::Store`] if the store fails.
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

    /// Returns the account with this id.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, KeysError> {
        Ok(self.store.get_account(id).await?)
    }

    /// Returns the nodes with a cache, or `None` if the store has no change log.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
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
            created_at: now,
            not_before: new.not_before,
            expires_at: new.expires_at,
            disabled_at: None,
            revoked_at: None,
            compromised_at: None,
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
            (Freshness::BoundedAge(age), Some(_)) => {
                // Without a log no node can confirm, so the longest age of a cached answer is waited out.
                tokio::time::sleep(*age).await;
                Propagation { took: *age, ..Propagation::default() }
            }
            (_, None) => Propagation::default(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("format", &self.format).field("hasher", &self.hasher).finish_non_exhaustive()
    }
}

fn check_key(name: &str, kind: KeyKind, scopes: &ScopeSet) -> Result<(), KeysError> {
    check_name(name).map_err(KeysError::Name)?;
    check_scopes(kind, scopes)
}

fn check_scopes(kind: KeyKind, scopes: &ScopeSet) -> Result<(), KeysError> {
    if kind == KeyKind::Restricted && scopes.is_empty() { Err(KeysError::NoScope) } else { Ok(()) }
}

fn trimmed(name: &str) -> Result<String, KeysError> {
    check_name(name).map(str::to_owned).map_err(KeysError::Name)
}

fn in_one_form(network: &mut IpNet) {
    *network = Network::from(*network).into();
}

/// Checks an imported key. It may have ended, but not before it began.
fn check_imported(record: &KeyRecord) -> Result<(), KeysError> {
    check_key(&record.name, record.kind, &record.scopes)?;
    check_order(record.expires_at, record.not_before)
}

fn check_end(end: Option<Timestamp>, begin: Option<Timestamp>, now: Timestamp) -> Result<(), KeysError> {
    check_order(end, begin.max(Some(now)))
}

fn check_order(end: Option<Timestamp>, begin: Option<Timestamp>) -> Result<(), KeysError> {
    match (end, begin) {
        (Some(end), Some(begin)) if end <= begin => Err(KeysError::Ended),
        _ => Ok(()),
    }
}

/// Checks the rules of [`Keys::update`] for a key as it was read.
fn check_update(key: &KeyRecord, update: &KeyUpdate, now: Timestamp) -> Result<(), KeysError> {
    fn differs<T: PartialEq>(new: Option<&T>, old: &T) -> bool {
        new.is_some_and(|new| new != old)
    }
    let other_end = differs(update.expires_at.as_ref(), &key.expires_at);
    let other_span = other_end || differs(update.not_before.as_ref(), &key.not_before);
    let other_use = other_span
        || update.disabled_at.is_some()
        || differs(update.scopes.as_ref(), &key.scopes)
        || differs(update.endpoints.as_ref(), &key.endpoints)
        || differs(update.networks.as_ref(), &key.networks);
    // The store refuses every change of a revoked or compromised key.
    if other_use && !matches!(key.status(now), KeyStatus::Active | KeyStatus::Disabled) {
        return Err(WriteRefused::Ended.into());
    }
    if let Some(scopes) = &update.scopes {
        check_scopes(key.kind, scopes)?;
    }
    if other_span {
        update.check_rotated(key)?;
        check_end(update.expires_at.unwrap_or(key.expires_at), update.not_before.unwrap_or(key.not_before), now)?;
    }
    Ok(())
}
