//! The life of keys: issuing, listing, changing, rotating and revoking them, so that each holds on every node.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId};
use crate::key::{Digest, FormatError, Hasher, KeyFormat, KeyKind, Mode, PlainKey};
use crate::lease::{Propagation, wait_until_applied};
use crate::scope::ScopeSet;
use crate::store::{
    AccountRecord, AdminError, Committed, Denial, Freshness, KeyAdmin, KeyPage, KeyQuery, KeyRecord, KeyStatus,
    KeyUpdate, NodeStates, StoreError,
};

/// How often a write is tried again that somebody else has overtaken.
const ATTEMPTS: usize = 64;

/// The longest name of a key, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// Issues, lists, changes, rotates and revokes keys.
///
/// What takes something away from a key returns only when it holds on every node.
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
/// # Ok::<(), keyward::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// Whose it is.
    pub account: AccountId,
    /// What people call it: 1 to 100 characters, none of them a control character.
    pub name: String,
    /// Its kind.
    pub kind: KeyKind,
    /// Its mode.
    pub mode: Mode,
    /// What it grants. A restricted key needs at least one.
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to; all if there are none.
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to; all if there are none.
    pub networks: Vec<IpNet>,
    /// When it begins, if not at once.
    pub not_before: Option<Timestamp>,
    /// When it ends, if it does; not in the past.
    pub expires_at: Option<Timestamp>,
    /// Data of the provider's own.
    pub metadata: Map<String, Value>,
}

impl NewKey {
    /// A secret key in live mode that grants everything and does not expire.
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

    /// A publishable key in live mode: it grants everything, and its kind allows reading alone.
    #[must_use]
    pub fn publishable(account: AccountId, name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Publishable, ..Self::secret(account, name) }
    }

    /// A restricted key in live mode that grants these scopes.
    #[must_use]
    pub fn restricted(account: AccountId, name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self { kind: KeyKind::Restricted, scopes, ..Self::secret(account, name) }
    }
}

/// A key that was just issued: the only time that it is there in plain.
#[derive(Debug)]
pub struct Issued {
    /// The key, to be shown to its owner once.
    pub key: PlainKey,
    /// What is stored of it.
    pub record: KeyRecord,
}

/// A key that was rotated.
#[derive(Debug)]
pub struct Rotated {
    /// The successor, to be shown to its owner once.
    pub key: PlainKey,
    /// What is stored of the successor.
    pub record: KeyRecord,
    /// The key that it succeeds, with its end.
    pub predecessor: KeyRecord,
    /// How the end became true on every node.
    pub propagation: Propagation,
}

/// How a key is rotated; at once and without conditions by default.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::Rotation;
///
/// let rotation = Rotation { overlap: Duration::from_secs(3_600), version: Some(1), ..Rotation::default() };
/// assert_eq!(rotation.latest_end, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How long the predecessor still works.
    pub overlap: Duration,
    /// Rotate the key only if it is at this version.
    pub version: Option<u64>,
    /// The successor ends at this instant at the latest, also if its predecessor has no end.
    pub latest_end: Option<Timestamp>,
}

/// A key that was changed or revoked.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// What is stored of it now.
    pub record: KeyRecord,
    /// How the change became true on every node.
    pub propagation: Propagation,
}

/// What became of a key that was to be taken over.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported {
    /// It is there now.
    New,
    /// Its account had it already; this is what is stored of it, unchanged.
    AlreadyThere(Box<KeyRecord>),
}

/// Why a key could not be issued or changed. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The name is not 1 to 100 characters without control characters.
    #[error("a key needs a name of 1 to 100 characters, without control characters")]
    Name,
    /// A restricted key without scopes could do nothing.
    #[error("a restricted key needs at least one scope")]
    NoScope,
    /// The key would have ended before it began.
    #[error("a key cannot end in the past, or before it begins")]
    Ended,
    /// The format has no such key.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The store refuses it, as things are.
    #[error(transparent)]
    Denied(#[from] Denial),
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
            hasher: Hasher::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// With this format; the authenticators have to have it too.
    #[must_use]
    pub fn with_format(mut self, format: KeyFormat) -> Self {
        self.format = format;
        self
    }

    /// With this hasher; the authenticators have to have it too.
    #[must_use]
    pub fn with_hasher(mut self, hasher: Hasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// With time read from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How keys are written.
    #[must_use]
    pub fn format(&self) -> &KeyFormat {
        &self.format
    }

    /// How keys are turned into digests.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Issues a key.
    ///
    /// # Errors
    /// [`KeysError`] if the key cannot be, its account is not there, or the store fails.
    pub async fn issue(&self, new: NewKey) -> Result<Issued, KeysError> {
        self.issue_as(CredentialId::generate(), new).await
    }

    /// Issues a key with an id that was chosen before, for instance to note it down first.
    ///
    /// # Errors
    /// As for [`issue`](Self::issue); [`Denial::Duplicate`] if there is a key with this id.
    pub async fn issue_as(&self, id: CredentialId, new: NewKey) -> Result<Issued, KeysError> {
        let now = self.clock.now();
        check_new(&new.name, new.kind, &new.scopes)?;
        check_end(new.expires_at, new.not_before, now)?;
        let key = self.format.generate(new.kind, new.mode)?;
        let record = self.record(id, &key, new, now)?;
        // No node can have a key cached that did not exist; that it is unknown is overturned by the log.
        let _ = self.store.create(&record).await?;
        tracing::info!(id = %record.id, account = %record.account, kind = %record.kind, mode = %record.mode, "key issued");
        Ok(Issued { key, record })
    }

    /// Takes over a key that another system issued, of which only its digest is known. It works on every node from then
    /// on, if the authenticators have its format and [`hashed_with`](KeyRecord::hashed_with)'s hasher. Taking it over
    /// again changes nothing.
    ///
    /// # Errors
    /// [`KeysError`] if the key cannot be, its account is not there, another account has it, or the store fails.
    pub async fn import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_new(&record.name, record.kind, &record.scopes)?;
        match self.store.create(record).await {
            Ok(_) => {
                tracing::info!(id = %record.id, account = %record.account, "key imported");
                Ok(Imported::New)
            }
            Err(AdminError::Denied(Denial::Duplicate)) => match self.find(&record.digest).await? {
                Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
                _ => Err(Denial::Duplicate.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// What [`import`](Self::import) would do, as things are. Nothing is changed.
    ///
    /// # Errors
    /// As for [`import`](Self::import).
    pub async fn preview_import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_new(&record.name, record.kind, &record.scopes)?;
        match self.find(&record.digest).await? {
            Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
            Some(_) => Err(Denial::Duplicate.into()),
            None if self.get(&record.id).await?.is_some() => Err(Denial::Duplicate.into()),
            None if self.get_account(&record.account).await?.is_none() => Err(Denial::NoSuchAccount.into()),
            None => Ok(Imported::New),
        }
    }

    /// The key with this id, whatever its status.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, KeysError> {
        Ok(self.store.get(id).await?)
    }

    /// The key with this digest, whatever its status: for a key that was found where it should not be.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn find(&self, digest: &Digest) -> Result<Option<KeyRecord>, KeysError> {
        match self.store.find(digest).await?.key {
            Some(key) => self.get(key.identity().id()).await,
            None => Ok(None),
        }
    }

    /// Keys, newest first; revoked and expired ones among them.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn list(&self, query: &KeyQuery) -> Result<KeyPage, KeysError> {
        Ok(self.store.list(query).await?)
    }

    /// Changes a key, and returns when that holds on every node.
    ///
    /// # Errors
    /// [`KeysError`] if it cannot be changed so, or the store fails.
    pub async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Changed, KeysError> {
        if let Some(name) = &update.name {
            check_name(name)?;
        }
        let committed = self.store.update(id, update).await?;
        Ok(self.changed(committed).await)
    }

    /// Makes a successor of a key, like it in all but the key itself, and lets the old one end after `overlap`: never
    /// later than it would have ended anyway.
    ///
    /// # Errors
    /// As for [`rotate_with`](Self::rotate_with).
    pub async fn rotate(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, KeysError> {
        self.rotate_with(id, Rotation { overlap, ..Rotation::default() }).await
    }

    /// Rotates a key as [`rotate`](Self::rotate) does, with conditions.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key is not there, has a successor or has ended, [`Denial::Stale`] if it is at another
    /// version than [`Rotation::version`], [`KeysError::Ended`] if [`Rotation::latest_end`] leaves the successor no time,
    /// [`KeysError::Store`] if the store fails.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey, Rotation};
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
            let old = self.store.get(id).await?.ok_or(Denial::NotFound)?;
            if old.rotated_to.is_none() && rotation.version.is_some_and(|version| version != old.version) {
                return Err(Denial::Stale.into());
            }
            match self.succeed(old, &rotation).await {
                // Changed since it was read: the successor has to be like what the key is now.
                Err(KeysError::Denied(Denial::Stale)) if rotation.version.is_none() => {}
                done => return done,
            }
        }
        Err(Denial::Stale.into())
    }

    async fn succeed(&self, old: KeyRecord, rotation: &Rotation) -> Result<Rotated, KeysError> {
        let (id, now, overlap) = (&old.id, self.clock.now(), rotation.overlap);
        if old.rotated_to.is_some() {
            return Err(Denial::Rotated.into());
        }
        if !matches!(old.status(now), KeyStatus::Active | KeyStatus::Disabled) {
            return Err(Denial::Ended.into());
        }
        // The successor gets as long a life as its predecessor was given, from now on.
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

    /// Revokes a key for good. When this has returned, no node accepts it any more.
    ///
    /// Revoking again changes nothing, and returns when the first revocation holds everywhere: so a caller that was
    /// interrupted asks again.
    ///
    /// # Errors
    /// [`KeysError::Denied`] if the key is not there, [`KeysError::Store`] if the store fails: then it may or may not be
    /// revoked, and asking again tells.
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

    /// Marks a key as known to others: it is refused for good. When this has returned, no node accepts it any more.
    ///
    /// # Errors
    /// As for [`revoke`](Self::revoke).
    pub async fn mark_compromised(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        let update = KeyUpdate { compromised_at: Some(self.clock.now()), ..KeyUpdate::default() };
        let changed = self.update(id, &update).await?;
        tracing::warn!(%id, "key marked as compromised");
        Ok(changed)
    }

    /// Adds or changes an account, and returns when that holds on every node.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn put_account(&self, account: &AccountRecord) -> Result<Propagation, KeysError> {
        let committed = self.store.put_account(account).await?;
        Ok(self.propagate(&committed).await)
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
    pub async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, KeysError> {
        Ok(self.store.get_account(id).await?)
    }

    /// The nodes that answer from caches of their own; `None` if the store has no change log.
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
                // Nobody can be asked, so the age itself is waited out.
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

fn check_new(name: &str, kind: KeyKind, scopes: &ScopeSet) -> Result<(), KeysError> {
    check_name(name)?;
    if kind == KeyKind::Restricted && scopes.is_empty() { Err(KeysError::NoScope) } else { Ok(()) }
}

/// A key ends after `now`, and after it begins.
fn check_end(end: Option<Timestamp>, begin: Option<Timestamp>, now: Timestamp) -> Result<(), KeysError> {
    match end {
        Some(end) if end <= now || begin.is_some_and(|begin| end <= begin) => Err(KeysError::Ended),
        _ => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), KeysError> {
    let fits =
        !name.trim().is_empty() && name.chars().count() <= MAX_NAME_LENGTH && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(KeysError::Name) }
}
