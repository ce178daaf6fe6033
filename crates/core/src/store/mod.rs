//! The traits and records of stores.
//!
//! # Examples
//! ```
//! use keyward::MemoryStore;
//! use keyward::key::{Hasher, KeyFormat, KeyKind};
//! use keyward::store::KeyStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let format = KeyFormat::default();
//! let key = format.generate(KeyKind::Secret, keyward::Mode::Live)?;
//! let digest = Hasher::default().digest(&key.parse(&format)?);
//! assert!(MemoryStore::new().find(&digest).await?.key.is_none());
//! # Ok(()) }
//! ```

mod change;
mod error;
mod origin;
mod query;
mod record;

pub use change::{
    Change, ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, random_mark,
};
pub use error::{AdminError, StoreError, StoreErrorKind, WriteRefused};
pub use origin::{Creator, CreatorError, MAX_NOTE_LENGTH, NoteError, Revocation, RevocationReason};
pub use query::{Cursor, CursorError, KeyColumn, KeyOrder, KeyPage, KeyQuery, KeyUpdate};
pub use record::{AccountRecord, Found, KeyRecord, KeyStatus, KeyUse, StoredKey};

use std::sync::Arc;
use std::time::Duration;

pub use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::id::{AccountId, CredentialId};
use crate::key::Digest;

/// How a node learns that an answer is stale.
#[derive(Clone)]
#[non_exhaustive]
pub enum Freshness {
    /// When `revoke` has returned, no node accepts the key.
    ChangeLog(Arc<dyn ChangeLog>),
    /// Answers are cached, and a revoked key works, for up to this long.
    BoundedAge(Duration),
}

impl std::fmt::Debug for Freshness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ChangeLog(_) => f.write_str("ChangeLog"),
            Self::BoundedAge(age) => f.debug_tuple("BoundedAge").field(age).finish(),
        }
    }
}

/// A store that finds keys, enough to protect a service.
///
/// # Examples
/// ```
/// use std::{collections::HashMap, time::Duration};
/// use keyward::key::Digest;
/// use keyward::store::{async_trait, Found, Freshness, KeyStore, StoreError, StoredKey};
/// use keyward::Identity;
///
/// struct MyTable(HashMap<[u8; 32], (String, String, String)>);
///
/// #[async_trait]
/// impl KeyStore for MyTable {
///     async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
///         let Some((id, customer, scopes)) = self.0.get(digest.as_bytes()) else {
///             return Ok(Found::unknown());
///         };
///         let identity = Identity::api_key(
///             id.parse().map_err(StoreError::corrupt)?,
///             customer.parse().map_err(StoreError::corrupt)?,
///         )
///         .with_scopes(scopes.parse().map_err(StoreError::corrupt)?);
///         Ok(Found::key(StoredKey::new(identity)))
///     }
///
///     fn freshness(&self) -> Freshness {
///         Freshness::BoundedAge(Duration::from_secs(1))
///     }
/// }
/// # let _ = keyward::AuthLayer::new(MyTable(HashMap::new()));
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key store",
    note = "pass `MemoryStore`, `SqliteStore`, `PostgresStore` or `ValkeyStore`, or implement `KeyStore` under `#[keyward::store::async_trait]`"
)]
pub trait KeyStore: Send + Sync + 'static {
    /// Returns the key with this digest, and the change log's position from the same snapshot.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer, never for an unknown key.
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError>; // under #[keyward::store::async_trait]

    /// Returns how answers stay fresh, asked once.
    fn freshness(&self) -> Freshness;

    /// Records uses, at most one per key. It adds no key and changes nothing else. The default records nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the write fails. The uses are retried.
    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let _ = uses;
        Ok(())
    }
}

/// A committed write, effective when all nodes have applied its position. [`Keys`](crate::Keys) waits for this.
#[derive(Clone, Debug)]
#[must_use = "the write is effective on every node only when all have applied its position"]
pub struct Committed<T> {
    /// The written value.
    pub value: T,
    /// The position to wait for, if a cached answer may change.
    pub position: Option<Position>,
}

/// A store that manages keys. A write that can affect a cached answer appends to the change log in its transaction.
///
/// Applications call [`Keys`](crate::Keys). Methods return [`StoreError`] if the store fails.
#[async_trait]
pub trait KeyAdmin: KeyStore {
    /// Adds a key.
    ///
    /// # Errors
    /// [`WriteRefused::Duplicate`], [`WriteRefused::NoSuchAccount`].
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError>;

    /// Returns a key of any status.
    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError>;

    /// Returns a page of keys.
    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError>;

    /// Counts the keys that match, on all pages.
    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError>;

    /// Changes a key with [`KeyUpdate::apply_checked`], atomically.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`], [`WriteRefused::Stale`], [`WriteRefused::Ended`] or [`WriteRefused::Rotated`].
    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError>;

    /// Adds `successor` and applies [`KeyRecord::mark_rotated`], atomically. Returns the changed key.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`], [`WriteRefused::Duplicate`], and those of [`KeyRecord::mark_rotated`].
    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError>;

    /// Revokes a key permanently. Revoking again only returns a position to wait for.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`].
    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError>;

    /// Adds or replaces an account. The store does not know which accounts the management service has deleted.
    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError>;

    /// Adds an account, atomically.
    ///
    /// # Errors
    /// [`WriteRefused::AccountExists`].
    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError>;

    /// Replaces an account if it still equals `expected`, atomically.
    ///
    /// # Errors
    /// [`WriteRefused::NoSuchAccount`], [`WriteRefused::Stale`].
    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError>;

    /// Returns an account.
    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError>;

    /// Returns at most `limit` accounts behind `after`, in the byte order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError>;

    /// Counts the accounts with this plan, and stops at `most`. By default, it reads the accounts.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn count_accounts(&self, plan: &str, most: u64) -> Result<u64, StoreError> {
        const PAGE: usize = 1_000;
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.list_accounts(after.as_ref(), PAGE).await?;
            count += page.iter().filter(|account| account.plan.as_deref() == Some(plan)).count() as u64;
            after = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
            if after.is_none() || count >= most {
                return Ok(count.min(most));
            }
        }
    }
}

#[async_trait]
impl<S: KeyStore + ?Sized> KeyStore for Arc<S> {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        (**self).find(digest).await
    }

    fn freshness(&self) -> Freshness {
        (**self).freshness()
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        (**self).record_use(uses).await
    }
}
