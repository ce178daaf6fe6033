//! What keyward asks of a store.
//!
//! [`KeyStore`] is all that [`AuthLayer`](crate::AuthLayer) needs: it finds a key by its digest. [`KeyAdmin`] adds
//! the writes that manage keys. [`ChangeLog`] is how a store keeps the caches of every node fresh.

mod change;
mod error;
mod query;
mod record;

pub use change::{
    Change, ChangeLog, Invalidation, LeaseAnswer, LogBatch, NodeState, NodeStates, Position, random_mark,
};
pub use error::{AdminError, StoreError, StoreErrorKind, WriteRefused};
pub use query::{Cursor, CursorError, KeyPage, KeyQuery, KeyUpdate};
pub use record::{AccountRecord, Found, KeyRecord, KeyStatus, KeyUse, StoredKey};

use std::sync::Arc;
use std::time::Duration;

pub use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::id::{AccountId, CredentialId};
use crate::key::Digest;

/// How a node learns that what it has cached holds no longer.
#[derive(Clone)]
#[non_exhaustive]
pub enum Freshness {
    /// The store has a change log: a revoked key stops working on every node before `revoke` returns.
    ChangeLog(Arc<dyn ChangeLog>),
    /// The store says nothing: an answer is cached for this long, and a revoked key works for up to this long.
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

/// Finds keys by their digests. This is all that protecting a service needs.
///
/// # Examples
/// Over an own table:
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
pub trait KeyStore: Send + Sync + 'static {
    /// The key with this digest, together with the change log's position in the same snapshot.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer. An unknown key is an answer, [`Found::unknown`], never an error.
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError>;

    /// How answers of this store are kept fresh. Asked once, when the layer is built.
    fn freshness(&self) -> Freshness;

    /// Notes when keys were used, each at most once in a batch. An update of keys that exist: it never makes one,
    /// and never changes anything else. Without an implementation, uses are not recorded.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; the uses are kept and tried again.
    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let _ = uses;
        Ok(())
    }
}

/// A write that has been committed, and the change log's position that carries it.
///
/// Caches follow the log: the write holds on every node once all have applied that position. [`Keys`](crate::Keys)
/// waits for that.
#[derive(Clone, Debug)]
#[must_use = "the write holds on every node only when the position has been applied there"]
pub struct Committed<T> {
    /// What was written.
    pub value: T,
    /// The position to wait for; `None` if the write changed nothing that could be cached.
    pub position: Option<Position>,
}

/// Manages keys. Every write that can change what a cached answer would be appends to the change log in the same
/// transaction.
///
/// Applications call [`Keys`](crate::Keys), which also waits until a write holds on every node.
#[async_trait]
pub trait KeyAdmin: KeyStore {
    /// Adds a key.
    ///
    /// # Errors
    /// [`WriteRefused::Duplicate`] if the id or the digest is there already, [`WriteRefused::NoSuchAccount`].
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError>;

    /// The key with this id, whatever its status.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError>;

    /// Keys, newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError>;

    /// Changes a key as [`KeyUpdate::apply_checked`] does, if it is still at `update.version` when that is given: check and
    /// write are one step. The rules that need a clock are those of [`Keys::update`](crate::Keys::update).
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`], [`WriteRefused::Stale`], [`WriteRefused::Ended`] or [`WriteRefused::Rotated`].
    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError>;

    /// Adds `successor` and lets the key end at `end`, or when it would have ended anyway if that is earlier, both or
    /// neither, if the key is still at `version`: what `successor` was made like. Gives the predecessor as it is then.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`]; [`WriteRefused::Rotated`] if the key has a successor; [`WriteRefused::Stale`] if it was changed since; [`WriteRefused::Ended`]
    /// if it is revoked or has expired before `successor` was made; [`WriteRefused::Duplicate`].
    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError>;

    /// Revokes a key for ever. Revoking it again changes nothing and keeps the first time; its position is given
    /// all the same, so that whoever asks again waits as well.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`].
    async fn revoke(&self, id: &CredentialId, at: Timestamp) -> Result<Committed<KeyRecord>, AdminError>;

    /// Adds or changes an account.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError>;

    /// Adds an account, if there is none with its id: the look and the write are one step. Of two callers who add it at once, one
    /// succeeds.
    ///
    /// # Errors
    /// [`WriteRefused::AccountExists`]: the account that is there keeps its values.
    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError>;

    /// Changes an account, if it is still as `expected`: the comparison and the write are one step. The id of both is the same.
    ///
    /// # Errors
    /// [`WriteRefused::NoSuchAccount`]; [`WriteRefused::Stale`] if it was changed since.
    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError>;

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer.
    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError>;
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
