//! The keys of one account, for a service's own key routes.

use std::time::Duration;

use super::rights::KeyRights;
use super::{ATTEMPTS, Changed, Issued, Keys, KeysError, NewKey, Rotated, Rotation};
use crate::clock::Timestamp;
use crate::id::{AccountId, CredentialId};
use crate::identity::Identity;
use crate::store::{Creator, KeyPage, KeyQuery, KeyRecord, KeyUpdate, Revocation, WriteRefused};

/// The keys of one account. Other accounts' keys do not exist for it: [`WriteRefused::NotFound`].
///
/// # Examples
/// ```
/// use keyward::{AccountRecord, Identity, Keys, MemoryStore, NewKey};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = Keys::new(MemoryStore::new());
/// for account in ["acct_1", "acct_2"] {
///     keys.put_account(&AccountRecord::new(account.parse()?, "Example Ltd")).await?;
/// }
/// let foreign = keys.issue(NewKey::secret("acct_2".parse()?, "production")).await?.record.id;
///
/// // In a handler, `caller` is the identity of the request.
/// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_scopes("notes:* keys:manage".parse()?);
/// let own = keys.for_caller(&caller);
/// assert!(own.revoke(&foreign).await.is_err());
/// own.issue(NewKey::restricted(caller.account().clone(), "reader", "notes:read".parse()?)).await?;
/// assert!(own.issue(NewKey::secret(caller.account().clone(), "all scopes")).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct AccountKeys {
    keys: Keys,
    account: AccountId,
    /// `None` gives every right.
    rights: Option<KeyRights>,
    creator: Option<Creator>,
}

impl Keys {
    /// Returns the keys of `account`, without a limit of rights. For the service itself, as in a job.
    #[must_use]
    pub fn for_account(&self, account: &AccountId) -> AccountKeys {
        AccountKeys { keys: self.clone(), account: account.clone(), rights: None, creator: None }
    }

    /// Returns the keys of the caller's account and mode, for key routes.
    ///
    /// The caller cannot give rights that it does not have: scopes, kind, expiry, networks and endpoints. Check with a
    /// scope that it may manage keys at all. New keys record the caller as their creator.
    #[must_use]
    pub fn for_caller(&self, caller: &Identity) -> AccountKeys {
        let creator = match caller.user().filter(|_| caller.kind().key_kind().is_none()) {
            Some(user) => Creator::User(user.clone()),
            None => Creator::Key(caller.id().clone()),
        };
        let keys = self.for_account(caller.account()).within(KeyRights::of_identity(caller));
        AccountKeys { creator: Some(creator), ..keys }
    }
}

impl AccountKeys {
    /// Limits the rights that new, rotated, updated and enabled keys may have.
    #[must_use]
    pub fn within(mut self, rights: KeyRights) -> Self {
        self.rights = Some(rights);
        self
    }

    /// Returns the account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Returns a page of the account's keys of any status, newest first. `query.account` is ignored.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn list(&self, query: &KeyQuery) -> Result<KeyPage, KeysError> {
        let own_mode = self.rights.as_ref().and_then(|rights| rights.mode);
        if let (Some(own), Some(wanted)) = (own_mode, query.mode)
            && own != wanted
        {
            return Ok(KeyPage { keys: Vec::new(), next: None });
        }
        let account = Some(self.account.clone());
        self.keys.list(&KeyQuery { account, mode: own_mode.or(query.mode), ..query.clone() }).await
    }

    /// Returns a key.
    ///
    /// # Errors
    /// [`WriteRefused::NotFound`], or [`KeysError::Store`].
    pub async fn get(&self, id: &CredentialId) -> Result<KeyRecord, KeysError> {
        let reaches = |key: &KeyRecord| self.rights.as_ref().is_none_or(|rights| rights.reaches(key.mode));
        let key = self.keys.get(id).await?.filter(|key| key.account == self.account && reaches(key));
        key.ok_or_else(|| WriteRefused::NotFound.into())
    }

    /// Issues a key.
    ///
    /// # Errors
    /// As for [`Keys::issue`]; [`KeysError::Exceeds`]; [`WriteRefused::NoSuchAccount`] for another account.
    pub async fn issue(&self, mut new: NewKey) -> Result<Issued, KeysError> {
        if new.account != self.account {
            return Err(WriteRefused::NoSuchAccount.into());
        }
        new.expires_at = self.keys.new_end(new.expires_at)?;
        self.check(&KeyRights::of_new(&new))?;
        new.created_by = new.created_by.or_else(|| self.creator.clone());
        self.keys.issue(new).await
    }

    /// Changes a key. The key must not exceed the rights before or after the change.
    ///
    /// # Errors
    /// As for [`Keys::update`], and [`KeysError::Exceeds`].
    pub async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Changed, KeysError> {
        for _ in 0..ATTEMPTS {
            let key = self.get(id).await?;
            if update.version.is_some_and(|version| version != key.version) {
                return Err(WriteRefused::Stale.into());
            }
            let mut changed = key.clone();
            update.apply_checked(&mut changed)?;
            changed.expires_at = changed.expires_at.and_then(Timestamp::as_end);
            self.check(&KeyRights::of_record(&key))?;
            self.check(&KeyRights::of_record(&changed))?;
            // The version pins what was compared, so the key cannot gain rights in between.
            let pinned = KeyUpdate { version: Some(key.version), ..update.clone() };
            match self.keys.update(id, &pinned).await {
                Err(KeysError::Denied(WriteRefused::Stale)) if update.version.is_none() => {}
                done => return done,
            }
        }
        Err(WriteRefused::Stale.into())
    }

    /// Creates a successor, which does not outlive the caller. The old key ends after `overlap`, or at its earlier end.
    ///
    /// # Errors
    /// As for [`Keys::rotate`], and [`KeysError::Exceeds`].
    pub async fn rotate(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, KeysError> {
        self.rotate_with(id, Rotation { overlap, ..Rotation::default() }).await
    }

    /// Rotates a key with conditions. The creator defaults to the caller.
    ///
    /// # Errors
    /// As for [`Keys::rotate_with`], and [`KeysError::Exceeds`].
    pub async fn rotate_with(&self, id: &CredentialId, rotation: Rotation) -> Result<Rotated, KeysError> {
        for _ in 0..ATTEMPTS {
            let key = self.get(id).await?;
            self.check(&KeyRights::of_record(&key))?;
            let own_end = self.rights.as_ref().and_then(|rights| rights.expires_at);
            let pinned = Rotation {
                version: rotation.version.or(Some(key.version)),
                latest_end: own_end.into_iter().chain(rotation.latest_end).min(),
                created_by: rotation.created_by.clone().or_else(|| self.creator.clone()),
                successor: rotation.successor.clone(),
                ..rotation
            };
            match self.keys.rotate_with(id, pinned).await {
                Err(KeysError::Denied(WriteRefused::Stale)) if rotation.version.is_none() => {}
                done => return done,
            }
        }
        Err(WriteRefused::Stale.into())
    }

    /// Revokes a key permanently. When this returns `Ok`, no node accepts the key any more.
    ///
    /// Taking rights away needs no rights.
    ///
    /// # Errors
    /// As for [`Keys::revoke`].
    pub async fn revoke(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.revoke_with(id, &Revocation::default()).await
    }

    /// Revokes a key with a reason and a note.
    ///
    /// # Errors
    /// As for [`Keys::revoke`].
    pub async fn revoke_with(&self, id: &CredentialId, revocation: &Revocation) -> Result<Changed, KeysError> {
        self.get(id).await?;
        self.keys.revoke_with(id, revocation).await
    }

    /// Disables a key. Disabling it again keeps the first time.
    ///
    /// # Errors
    /// As for [`Keys::disable`].
    pub async fn disable(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.get(id).await?;
        self.keys.disable(id).await
    }

    /// Enables a disabled key.
    ///
    /// # Errors
    /// As for [`Keys::enable`], and [`KeysError::Exceeds`].
    pub async fn enable(&self, id: &CredentialId) -> Result<Changed, KeysError> {
        self.update(id, &KeyUpdate { disabled_at: Some(None), ..KeyUpdate::default() }).await
    }

    fn check(&self, wanted: &KeyRights) -> Result<(), KeysError> {
        let Some(own) = &self.rights else { return Ok(()) };
        own.check_key(wanted).map_err(KeysError::Exceeds)
    }
}
